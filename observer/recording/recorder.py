"""One queue and one writer thread: records come from any thread and reach the file in order."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Thread

from observer.model.errors import CannotWrite
from observer.model.findings import Findings
from observer.model.recording import Audit, Event, Operation, Window

Entry = Event | Operation | Audit | Findings

COMMIT_EVERY_S = 0.1
RETRY_EVERY_S = 1.0
MAX_PENDING = 200_000
"""Entries kept in memory while the file cannot be written: more than an hour at the default rate."""


@dataclass(slots=True)
class _WriteFailure:
    """A period in which the file cannot be written. `dropped` entries are lost; `span_ns` holds their moments."""

    since_s: float
    error: str
    dropped: int = 0
    span_ns: tuple[int, int] | None = None

    def drop(self, entries: Sequence[Entry]) -> None:
        """Count entries that are lost."""
        self.dropped += len(entries)
        moments_ns = [*(self.span_ns or ()), *(at_ns for at_ns in map(moment_of, entries) if at_ns is not None)]
        self.span_ns = (min(moments_ns), max(moments_ns)) if moments_ns else None

    def events(self) -> list[Event]:
        """Return the events that mark the beginning and the end of the span whose entries are lost."""
        if self.span_ns is None:
            return []
        from_ns, until_ns = self.span_ns
        how = {"how": "unwritten"}
        lost = {**how, "error": self.error, "since_ns": from_ns, "dropped": self.dropped}
        return [
            Event("daemon", "source.blind", "recorder", Window.at(from_ns), lost),
            Event("daemon", "source.sees", "recorder", Window.at(until_ns), how),
        ]


def moment_of(entry: Entry) -> int | None:
    """Return when an entry became known, ns; None for findings, which the analysis can compute again."""
    match entry:
        case Event():
            return entry.by_ns
        case Operation():
            return entry.finished_ns
        case Audit():
            return entry.audited_ns
    return None


class Recorder:
    """Passes records to `write` in batches: at once if the batch has an event, else every 100 ms.

    While `write` raises CannotWrite, the recorder tries again each second. `say` gets one sentence when that begins and
    one when it ends. `lost` counts the entries that could not be kept. The events source.blind and source.sees of the
    subject "recorder" (how: unwritten) mark the span of the lost entries.
    """

    def __init__(self, write: Callable[[Sequence[Entry]], None], say: Callable[[str], None]) -> None:
        self._write = write
        self._say = say
        self._queue: SimpleQueue[Entry | None] = SimpleQueue()  # None ends it
        self._pending: list[Entry] = []
        self._write_failure: _WriteFailure | None = None
        self.failure: BaseException | None = None  # the error that ended the writer thread early
        self._drained = False
        self.lost = 0
        self._thread = Thread(target=self._run, name="recorder", daemon=True)

    def start(self) -> None:
        """Start the writer thread."""
        self._thread.start()

    def record(self, entry: Entry) -> None:
        """Put a record into the queue; never block."""
        self._queue.put(entry)

    def stop(self) -> None:
        """Write the queued records and end. Raise CannotWrite if records were lost, and any other failure."""
        self._queue.put(None)
        self._thread.join()
        if self.failure is not None:
            raise self.failure
        if self.lost:
            error = self._write_failure.error if self._write_failure else "the file could not be written for too long."
            raise CannotWrite(f"{self.lost} records could not be written: {error}")

    def _run(self) -> None:
        try:
            while not self._drained:
                self._pending.extend(self._next())
                self._flush()
        except BaseException as error:  # noqa: BLE001 (`stop` raises it again)
            self.failure = error
            self.lost += len(self._pending)

    def _next(self) -> list[Entry]:
        """Wait for an entry, then for those that belong to the same batch."""
        batch: list[Entry] = []
        until_s = time.monotonic() + RETRY_EVERY_S if self._write_failure else None
        while True:
            try:
                entry = self._queue.get(timeout=None if until_s is None else max(0.0, until_s - time.monotonic()))
            except Empty:
                return batch
            if entry is None:
                self._drained = True
                return batch
            batch.append(entry)
            if self._write_failure:
                continue
            # Readers wait for events, so an event is written at once, together with what is queued already.
            if not isinstance(entry, Operation):
                until_s = 0.0
            elif until_s is None:
                until_s = time.monotonic() + COMMIT_EVERY_S

    def _flush(self) -> None:
        failure = self._write_failure
        batch = [*self._pending, *(failure.events() if failure is not None else ())]
        if not batch:
            return
        try:
            self._write(batch)
        except CannotWrite as error:
            self._keep_pending(str(error))
            return
        if failure is not None:
            lasted_s = time.monotonic() - failure.since_s
            lost = f"{self.lost} records were lost" if self.lost else "nothing was lost"
            self._say(f"The file can be written again after {lasted_s:.0f} s; {lost}.")
            self._write_failure = None
        self._pending = []

    def _keep_pending(self, error: str) -> None:
        """Keep the entries for the next try, up to MAX_PENDING; drop all of them if there is no next try."""
        if self._write_failure is None:
            self._write_failure = _WriteFailure(time.monotonic(), error)
            self._say(f"{error} Trying again each second; up to {MAX_PENDING} records are kept until then.")
        self._write_failure.error = error
        if self._drained:
            self.lost += len(self._pending)
            self._pending = []
        elif len(self._pending) > MAX_PENDING:
            self._write_failure.drop(self._pending[MAX_PENDING:])
            self.lost += len(self._pending) - MAX_PENDING
            del self._pending[MAX_PENDING:]  # keep the oldest: they show how the fault began
