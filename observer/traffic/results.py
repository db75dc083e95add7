"""What the traffic says of itself: operations that ended, tables that are absent, and the generator's own troubles."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from observer.model.recording import MS_NS, SECOND_NS, Action, Event, Operation, Outcome, Window
from observer.traffic.connections import Running
from observer.traffic.workload import Answer

_TRY_NS = SECOND_NS  # between two looks for absent tables
_NOBODY = Answer(None, None, None)


class Teller:
    """Hands events and operations to `record`. While an action's tables are absent it has no operations to tell of."""

    def __init__(
        self,
        record: Callable[[Event | Operation], None],
        now_ns: Callable[[], int],
        name_of: Callable[[str], str | None],
    ) -> None:
        self._record = record
        self._now_ns = now_ns
        self._name_of = name_of
        self._try_ns: dict[Action, int] = {}  # when the tables are looked for next, while they are absent

    def ended(
        self,
        running: Running,
        outcome: Outcome,
        stage: str,
        said: Answer = _NOBODY,
        sqlstate: str | None = None,
        message: str | None = None,
    ) -> None:
        """An operation ended now."""
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
                self._name_of(said.address) if said.address is not None else None,
                said.address,
                said.in_recovery,
                said.timeline,
                said.saw,
                message,
            )
        )

    def absent(self, action: Action, error: str) -> None:
        """The tables that the action needs are not there; said once."""
        if action not in self._try_ns:
            self._try_ns[action] = self._now_ns() + _TRY_NS
            self._event("workload.absent", action, {"action": action, "error": error})

    def trying(self, action: Action) -> bool:
        """Whether the tables of the action were absent when last seen."""
        return action in self._try_ns

    def may_try(self, action: Action, deadline_ns: int) -> bool:
        """Whether it is time to look for absent tables again; then the next look is a second, or a deadline, away."""
        now_ns = self._now_ns()
        if now_ns < self._try_ns[action]:
            return False
        self._try_ns[action] = now_ns + max(_TRY_NS, deadline_ns)
        return True

    def slept(self, from_ns: int, until_ns: int, skipped: int) -> None:
        """The generator did not run for a while; operations that were due then were skipped."""
        detail = {"for_ms": (until_ns - from_ns) // MS_NS, "skipped": skipped}
        self._event("observer.slept", "generator", detail, Window(from_ns, until_ns))

    def died(self, error: BaseException) -> None:
        """The generator ended by an error of its own: from now on nobody sees what an application would."""
        self._event("source.blind", "generator", {"how": "error", "error": f"{type(error).__name__}: {error}"})

    def _event(self, kind: str, subject: str, detail: Mapping[str, object], window: Window | None = None) -> None:
        self._record(Event("traffic", kind, subject, window or Window.at(self._now_ns()), detail))
