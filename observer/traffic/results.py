"""The results of the traffic: operations that ended, absent tables, and failures of the generator itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from observer.model.recording import MS_NS, SECOND_NS, Action, Event, Operation, Outcome, Window
from observer.traffic.connections import Running
from observer.traffic.workload import Answer

_TRY_NS = SECOND_NS  # between two checks for absent tables
_NO_ANSWER = Answer(None, None, None)


class ResultRecorder:
    """Pass events and operations to `record`. While the tables of an action are absent, its operations are dropped."""

    def __init__(
        self,
        record: Callable[[Event | Operation], None],
        now_ns: Callable[[], int],
        name_of: Callable[[str], str | None],
    ) -> None:
        self._record = record
        self._now_ns = now_ns
        self._name_of = name_of
        self._try_ns: dict[Action, int] = {}  # the next check for tables that are absent

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
        self._record(
            Operation(
                action,
                running.probe,
                running.token,
                running.due_ns,
                running.started_ns,
                self._now_ns(),
                outcome,
                stage,
                sqlstate,
                self._name_of(answer.address) if answer.address is not None else None,
                answer.address,
                answer.in_recovery,
                answer.timeline,
                answer.saw,
                message,
            )
        )

    def absent(self, action: Action, error: str) -> None:
        """Record once that the tables of the action are absent."""
        if action not in self._try_ns:
            self._try_ns[action] = self._now_ns() + _TRY_NS
            self._event("workload.absent", action, {"action": action, "error": error})

    def trying(self, action: Action) -> bool:
        """Return whether the tables of the action were absent at the last check."""
        return action in self._try_ns

    def may_try(self, action: Action, deadline_ns: int) -> bool:
        """Return whether it is time to check for absent tables; the next check is a second, or a deadline, later."""
        now_ns = self._now_ns()
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
        self._record(Event("traffic", kind, subject, window or Window.at(self._now_ns()), detail))
