"""The results of the traffic: outcomes of operations, absent tables, and failures of the generator itself."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Literal

from observer.model.recording import MS_NS, SECOND_NS, Action, Event, Operation, Outcome, Window
from observer.traffic.connections import Running
from observer.traffic.workload import Answer

Ended = Literal["answered", "error", "lost", "deadline"]

# Before the statement is sent, nothing can have taken effect.
_NOT_SENT = frozenset({"slot", "resolve", "connect", "send"})
# A server that shuts down may return these for a statement that it had already committed.
_UNCERTAIN = frozenset({"57P01", "57P02", "40003"})

_TRY_NS = SECOND_NS  # between two checks for absent tables
_NO_ANSWER = Answer(None, None, None)


def outcome(stage: str, ended: Ended, sqlstate: str | None = None) -> Outcome:
    """Return OK, FAIL (certainly without effect) or UNKNOWN (it may have taken effect).

    `stage` as in `Operation.stage`. `ended`: answered; error, from a live server; lost, the connection; deadline.
    """
    if ended == "answered":
        return Outcome.OK
    if stage in _NOT_SENT:
        return Outcome.FAIL
    certain = ended == "error" and sqlstate is not None and sqlstate not in _UNCERTAIN and sqlstate[:2] != "08"
    return Outcome.FAIL if certain else Outcome.UNKNOWN


@dataclass(slots=True)
class ResultRecorder:
    """Pass events and operations to `record`. While the tables of an action are absent, its operations are dropped."""

    record: Callable[[Event | Operation], None]
    now_ns: Callable[[], int]
    name_of: Callable[[str], str | None]
    _try_ns: dict[Action, int] = field(default_factory=dict)  # the next check for tables that are absent

    def ended(
        self,
        running: Running,
        outcome: Outcome,
        stage: str,
        answer: Answer = _NO_ANSWER,
        sqlstate: str | None = None,
        message: str | None = None,
    ) -> None:
        """Record an operation that ended now."""
        action = running.action
        if outcome is Outcome.OK and self._try_ns.pop(action, None) is not None:
            self._event("workload.present", action, {"action": action})
        if action in self._try_ns:
            return
        due_ns, started_ns, ended_ns = running.due_ns, running.started_ns, self.now_ns()
        operation = Operation(action, running.probe, running.token, due_ns, started_ns, ended_ns, outcome, stage)
        server = self.name_of(answer.address) if answer.address is not None else None
        self.record(replace(operation, sqlstate=sqlstate, server=server, message=message, **asdict(answer)))

    def absent(self, action: Action, error: str) -> None:
        """Record once that the tables of the action are absent."""
        if action not in self._try_ns:
            self._try_ns[action] = self.now_ns() + _TRY_NS
            self._event("workload.absent", action, {"action": action, "error": error})

    def trying(self, action: Action) -> bool:
        """Return whether the tables of the action were absent at the last check."""
        return action in self._try_ns

    def may_try(self, action: Action, deadline_ns: int) -> bool:
        """Return whether it is time to check for absent tables; the next check is a second, or a deadline, later."""
        now_ns = self.now_ns()
        if now_ns < self._try_ns[action]:
            return False
        self._try_ns[action] = now_ns + max(_TRY_NS, deadline_ns)
        return True

    def slept(self, from_ns: int, until_ns: int, skipped: int) -> None:
        """Record that the generator did not run for a while and skipped the operations due then."""
        detail = {"for_ms": (until_ns - from_ns) // MS_NS, "skipped": skipped}
        self._event("observer.slept", "generator", detail, Window(from_ns, until_ns))

    def died(self, error: BaseException) -> None:
        """Record that an error ended the generator: from now on the application's view is unknown."""
        self._event("source.blind", "generator", {"how": "error", "error": f"{type(error).__name__}: {error}"})

    def _event(self, kind: str, subject: str, detail: Mapping[str, object], window: Window | None = None) -> None:
        self.record(Event("traffic", kind, subject, window or Window.at(self.now_ns()), detail))
