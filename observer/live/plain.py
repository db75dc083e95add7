"""What shows a recording while it runs, and the plainest of them: one line per event, without colours."""

from collections.abc import Callable, Sequence
from queue import SimpleQueue
from threading import Thread
from typing import Protocol

from observer.live.outage_clock import reason_of
from observer.live.state import ClusterState, ReadEtcd
from observer.live.words import QUIET_KINDS, incident_lines, line, stamp
from observer.model.findings import Findings
from observer.model.recording import SECOND_NS, Event, Operation, Outcome, RecordingHeader


class View(Protocol):
    """What the daemon reports to. No method may hold up its caller: the threads that record call `show`."""

    def start(self) -> None:
        """Begin to show."""

    def stop(self) -> None:
        """Show what is left, for at most about a second, and end."""

    def begin(
        self, recording: RecordingHeader, path: str, now_ns: Callable[[], int], state: ClusterState, etcd: ReadEtcd
    ) -> None:
        """Take note that the recording begins; `etcd` returns what the last polls of etcd found."""

    def say(self, text: str) -> None:
        """Show a message of the daemon."""

    def show(self, record: Event | Operation) -> None:
        """Show a record. The daemon calls this before it applies the record to the state."""

    def analyzed(self, findings: Findings) -> None:
        """Show what the analysis found."""


class Plain:
    """Prints from its own thread, so that a blocked terminal blocks nothing else."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._queue: SimpleQueue[str | None] = SimpleQueue()
        self._state = ClusterState()
        self._incidents: Sequence[str] = ()
        self._thread = Thread(target=self._run, name="live", daemon=True)

    def start(self) -> None:
        """Begin to print."""
        self._thread.start()

    def stop(self) -> None:
        """Print what is queued, for at most a second."""
        self._queue.put(None)
        self._thread.join(1.0)

    def begin(
        self, recording: RecordingHeader, path: str, now_ns: Callable[[], int], state: ClusterState, etcd: ReadEtcd
    ) -> None:
        """Read this state from now on."""
        self._state = state

    def say(self, text: str) -> None:
        """Print a message of the daemon."""
        self._queue.put(text)

    def show(self, record: Event | Operation) -> None:
        """Print an event, and the beginning and the end of a series of failures."""
        if isinstance(record, Event):
            if is_news(record, self._state):
                self.say(line(record))
            return
        own, at = self._state.traffic[record.action], stamp(record.finished_ns)
        if record.outcome is not Outcome.OK and own.failing_since_ns is None:
            self.say(f"{at}  traffic   {record.action}s fail: {reason_of(record)}")
        elif own.ends_failures(record):
            failing_s = ((own.last_failure_ns or 0) - (own.failing_since_ns or 0)) / SECOND_NS
            self.say(f"{at}  traffic   {record.action}s succeed again; some failed for {failing_s:.1f} s")

    def analyzed(self, findings: Findings) -> None:
        """Print the incidents that are new or whose description changed."""
        before, self._incidents = self._incidents, incident_lines(findings)
        for text in self._incidents:
            if text not in before:
                self.say(text)

    def _run(self) -> None:
        while (text := self._queue.get()) is not None:
            self._say(text)


def is_news(event: Event, state: ClusterState) -> bool:
    """Return whether an event, not applied to the state yet, is worth a line: an overdue lease repeats each second."""
    return event.kind not in QUIET_KINDS and not (event.kind == "lease.overdue" and state.lease_overdue)
