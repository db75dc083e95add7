"""The analysis of a recording while it grows, and the dashboards of the incidents that it finds."""

import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial

from observer.model.errors import CannotWrite
from observer.model.findings import Findings
from observer.model.recording import Recording
from observer.recording.background import BackgroundTasks
from observer.sources.prometheus import Dashboards

Analyze = Callable[[Recording], Findings]


@dataclass(frozen=True, slots=True)
class LiveAnalysis:
    """Loads the recording, analyzes it, and passes the findings to the receivers.

    `opened` keeps the file open: the analysis reads more operations of the recording as it needs them.
    """

    opened: Callable[[], AbstractContextManager[Recording]]
    analyze: Analyze
    say: Callable[[str], None]

    def findings(self) -> Findings:
        """Return the findings on the recording as it is now."""
        with self.opened() as recording:
            return self.analyze(recording)

    def run(self, receivers: Sequence[Callable[[Findings], None]]) -> None:
        """Analyze once. An error goes to `say`, for the recording must continue. Raise CannotWrite of a receiver."""
        try:
            findings = self.findings()
            for receive in receivers:
                receive(findings)
        except CannotWrite:
            raise
        except Exception as error:  # noqa: BLE001 (the recording goes on)
            self.say(
                f"The analysis failed ({type(error).__name__}: {error}). The recording is not affected, and "
                "`observer report` runs the analysis again."
            )


@dataclass(slots=True)
class DashboardCaptures:
    """Captures the dashboards of each incident, and again if the incident turns out to be longer."""

    dashboards: Dashboards
    tasks: BackgroundTasks
    stopping: threading.Event
    _captured_ns: int = 0

    def request(self, findings: Findings) -> None:
        """Capture the new incidents in the background, unless the recording is ending."""
        if not self.stopping.is_set():
            for span in self._new_spans(findings):
                self.tasks.run_once(partial(self.dashboards.capture, *span))

    def capture_all(self, until_ns: int) -> bool:
        """Capture the whole recording."""
        return self.dashboards.capture(0, until_ns)

    def capture_new(self, findings: Findings) -> bool:
        """Capture the new incidents now; return whether Prometheus answered."""
        return all(self.dashboards.capture(*span) for span in self._new_spans(findings))

    def _new_spans(self, findings: Findings) -> list[tuple[int, int]]:
        """Return begin and end, ns, of the incidents that end after the last capture, and count them as captured."""
        spans = [(i.began_ns, i.ended_ns) for i in findings.incidents if i.ended_ns > self._captured_ns]
        self._captured_ns = max([self._captured_ns, *(ended_ns for _, ended_ns in spans)])
        return spans
