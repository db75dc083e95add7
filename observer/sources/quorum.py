"""Whether etcd has quorum, from the status of its members. Pure.

A member without an answer is no evidence: while no member answers, quorum is unknown, and the last result stands.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from observer.model.recording import Window
from observer.sources.polling import Observation

SUBJECT = "etcd"


@dataclass(frozen=True, slots=True)
class Status:
    """The status that a member reports: its id, the id of its leader (0: none), term, revision and version."""

    member: int
    leader: int
    term: int
    revision: int
    version: str


@dataclass(slots=True)
class RevisionBounds:
    """Lower bounds of when a revision was reached: the moments at which an answer still had an older one."""

    _known: list[tuple[int, int]] = field(default_factory=list)  # sent_ns, revision, both rising

    def note(self, sent_ns: int, revision: int) -> None:
        """Note that a request sent at that moment was answered with this revision."""
        if self._known and (sent_ns <= self._known[-1][0] or revision < self._known[-1][1]):
            return  # a member that lags, or a late answer
        if len(self._known) > 1 and self._known[-1][1] == self._known[-2][1] == revision:
            self._known.pop()  # the first and the last moment of an unchanged revision are enough
        self._known.append((sent_ns, revision))
        del self._known[:-1000]

    def after_ns(self, revision: int) -> int:
        """Return the last moment at which this revision was certainly not reached; 0 if none is known."""
        return next((sent_ns for sent_ns, seen in reversed(self._known) if seen < revision), 0)

    def last_ns(self) -> int:
        """Return the last moment at which a request was sent; 0 if none was."""
        return self._known[-1][0] if self._known else 0


@dataclass(slots=True)
class Quorum:
    """The latest status of every endpoint, None for one that does not answer, and the result for the cluster."""

    statuses: dict[str, Status | None]
    has_leader: bool | None = None
    _members: dict[int, str] = field(default_factory=dict)  # endpoints by the ids of their members
    _agreed_ns: int = 0  # start of the last poll that confirmed `has_leader`
    _raft: tuple[int, int] | None = None  # term and leader
    _raft_ns: int = 0  # start of the last poll that showed `_raft`

    def states(self) -> Mapping[str, str]:
        """Return the state of each endpoint: "leader" (it has one), "no leader", or "blind" (no answer)."""
        return {
            address: "blind" if status is None else "leader" if status.leader else "no leader"
            for address, status in self.statuses.items()
        }

    def update(self, address: str, status: Status | None, sent_ns: int, by_ns: int) -> list[tuple[Observation, Window]]:
        """Take a member's status (None: no answer) and return what it changes.

        Quorum is lost if members answer and none of them has a leader, and regained if one has. The first result is
        returned only if quorum is lost.
        """
        self.statuses[address] = status
        if status is not None:
            self._members[status.member] = address
        states = self.states()
        changes: list[tuple[Observation, Window]] = []
        answers = set(states.values()) - {"blind"}
        has_leader_now = None if not answers else "leader" in answers
        if has_leader_now is not None and has_leader_now != self.has_leader:
            if self.has_leader is not None or not has_leader_now:
                kind = "quorum.regained" if has_leader_now else "quorum.lost"
                after_ns = self._agreed_ns if self.has_leader is not None else sent_ns
                changes.append(((kind, SUBJECT, {"endpoints": dict(states)}), Window(min(after_ns, by_ns), by_ns)))
            self.has_leader = has_leader_now
            self._agreed_ns = sent_ns
        elif status is not None and bool(status.leader) == self.has_leader:
            self._agreed_ns = sent_ns
        if status is not None and status.leader:
            changes.extend(self._update_raft(status, sent_ns, by_ns))
        return changes

    def leader(self) -> str | None:
        """Return the endpoint that leads etcd, if it is a known one."""
        answered = [status for status in self.statuses.values() if status is not None and status.leader]
        if not answered:
            return None
        newest = max(answered, key=lambda status: status.term)
        return self._members.get(newest.leader)

    def _update_raft(self, status: Status, sent_ns: int, by_ns: int) -> list[tuple[Observation, Window]]:
        raft = (status.term, status.leader)
        if self._raft is None or raft == self._raft:
            self._raft, self._raft_ns = raft, sent_ns
            return []
        if status.term <= self._raft[0]:
            return []  # this member does not know the newer term yet
        detail = {
            "leader": self._members.get(status.leader),
            "term": status.term,
            "before": {"leader": self._members.get(self._raft[1]), "term": self._raft[0]},
        }
        window = Window(min(self._raft_ns, by_ns), by_ns)
        self._raft, self._raft_ns = raft, sent_ns
        return [(("raft.elected", SUBJECT, detail), window)]
