"""Whether etcd as a whole can change a key, judged from what its members say. Pure.

A member that does not answer says nothing: while nobody answers, quorum is unknown, and what was judged last stands.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from observer.model.recording import Window
from observer.sources.polling import Told

SUBJECT = "etcd"


@dataclass(frozen=True, slots=True)
class Status:
    """What a member says of itself: its id, whom it takes for the leader (0: nobody), term, revision and version."""

    member: int
    leader: int
    term: int
    revision: int
    version: str


@dataclass(slots=True)
class Proofs:
    """When a revision had certainly not been reached: the moments at which older ones were asked for."""

    _seen: list[tuple[int, int]] = field(default_factory=list)  # asked_ns, revision, both rising

    def note(self, asked_ns: int, revision: int) -> None:
        """A request sent at that moment was answered with this revision."""
        if self._seen and (asked_ns <= self._seen[-1][0] or revision < self._seen[-1][1]):
            return  # of a member that lags, or of an answer that came late
        if len(self._seen) > 1 and self._seen[-1][1] == self._seen[-2][1] == revision:
            self._seen.pop()  # of an unchanged revision the first and the last moment are enough
        self._seen.append((asked_ns, revision))
        del self._seen[:-1000]

    def after_ns(self, revision: int) -> int:
        """The last moment at which this revision had not been reached; 0: none is known."""
        return next((asked_ns for asked_ns, seen in reversed(self._seen) if seen < revision), 0)

    def last_ns(self) -> int:
        """The last moment at which anything was asked for; 0: none."""
        return self._seen[-1][0] if self._seen else 0


@dataclass(slots=True)
class Quorum:
    """The latest word of every endpoint, None for one that does not answer, and what was judged of them."""

    statuses: dict[str, Status | None]
    has_leader: bool | None = None
    _members: dict[int, str] = field(default_factory=dict)  # endpoints by the ids of their members
    _agreed_ns: int = 0  # when the last look that bore out `has_leader` began
    _raft: tuple[int, int] | None = None  # term and leader
    _raft_ns: int = 0  # when the last look that showed `_raft` began

    def words(self) -> Mapping[str, str]:
        """What each endpoint says: leader, no leader, or blind."""
        return {
            address: "blind" if status is None else "leader" if status.leader else "no leader"
            for address, status in self.statuses.items()
        }

    def hear(self, address: str, status: Status | None, asked_ns: int, by_ns: int) -> list[tuple[Told, Window]]:
        """Takes a member's word (None: it gave none) and tells what changed by it.

        Quorum is lost when members answer and none of them has a leader, and regained when one has again. The first
        judgement is told only if it is that quorum is lost.
        """
        self.statuses[address] = status
        if status is not None:
            self._members[status.member] = address
        words = self.words()
        told: list[tuple[Told, Window]] = []
        answers = set(words.values()) - {"blind"}
        judged = None if not answers else "leader" in answers
        if judged is not None and judged != self.has_leader:
            if self.has_leader is not None or not judged:
                kind = "quorum.regained" if judged else "quorum.lost"
                after_ns = self._agreed_ns if self.has_leader is not None else asked_ns
                told.append(((kind, SUBJECT, {"endpoints": dict(words)}), Window(min(after_ns, by_ns), by_ns)))
            self.has_leader = judged
            self._agreed_ns = asked_ns
        elif status is not None and bool(status.leader) == self.has_leader:
            self._agreed_ns = asked_ns
        if status is not None and status.leader:
            told.extend(self._hear_raft(status, asked_ns, by_ns))
        return told

    def leader(self) -> str | None:
        """The endpoint that leads etcd, if it is one of those we know."""
        heard = [status for status in self.statuses.values() if status is not None and status.leader]
        if not heard:
            return None
        newest = max(heard, key=lambda status: status.term)
        return self._address(newest.leader)

    def _hear_raft(self, status: Status, asked_ns: int, by_ns: int) -> list[tuple[Told, Window]]:
        raft = (status.term, status.leader)
        if self._raft is None or raft == self._raft:
            self._raft, self._raft_ns = raft, asked_ns
            return []
        if status.term <= self._raft[0]:
            return []  # it has not heard of the newer term yet
        detail = {
            "leader": self._address(status.leader),
            "term": status.term,
            "before": {"leader": self._address(self._raft[1]), "term": self._raft[0]},
        }
        window = Window(min(self._raft_ns, by_ns), by_ns)
        self._raft, self._raft_ns = raft, asked_ns
        return [(("raft.elected", SUBJECT, detail), window)]

    def _address(self, member: int) -> str | None:
        return self._members.get(member)
