"""One queue, one writer thread: records come from anywhere, and reach the file in order."""

from __future__ import annotations

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
KEEP_AT_MOST = 200_000
"""Entries kept in memory while the file cannot be written: over an hour at the default rate."""


class _Sentinel:
    """The last thing in the queue."""


@dataclass(slots=True)
class _Trouble:
    """A spell in which the file could not be written. `dropped` entries, of moments within `span_ns`, were not kept."""

    since_s: float
    why: str
    dropped: int = 0
    span_ns: tuple[int, int] | None = None

    def drop(self, entries: Sequence[Entry]) -> None:
        """These are lost."""
        self.dropped += len(entries)
        moments_ns = [*(self.span_ns or ()), *(at_ns for at_ns in map(moment_of, entries) if at_ns is not None)]
        self.span_ns = (min(moments_ns), max(moments_ns)) if moments_ns else None

    def told(self) -> list[Event]:
        """The spell of which nothing is recorded, as the blindness that it is: where it began and where it ended."""
        if self.span_ns is None:
            return []
        from_ns, until_ns = self.span_ns
        how = {"how": "unwritten"}
        lost = {**how, "error": self.why, "since_ns": from_ns, "dropped": self.dropped}
        return [
            Event("daemon", "source.blind", "recorder", Window.at(from_ns), lost),
            Event("daemon", "source.sees", "recorder", Window.at(until_ns), how),
        ]


def moment_of(entry: Entry) -> int | None:
    """When an entry became known; None for what the judge found, which is found again."""
    match entry:
        case Event():
            return entry.by_ns
        case Operation():
            return entry.finished_ns
        case Audit():
            return entry.audited_ns
    return None


class Recorder:
    """Gives records to `write`, in batches: at once when an event is among them, else every 100 ms.

    While `write` raises CannotWrite it is tried again each second; `say` gets one sentence when that begins and one
    when it ends. `lost` counts the entries that could not be kept; the file tells from when to when those are missing
    (source.blind and source.sees of the recorder, how: unwritten).
    """

    def __init__(self, write: Callable[[Sequence[Entry]], None], say: Callable[[str], None]) -> None:
        self._write = write
        self._say = say
        self._queue: SimpleQueue[Entry | _Sentinel] = SimpleQueue()
        self._kept: list[Entry] = []
        self._trouble: _Trouble | None = None
        self._failure: BaseException | None = None
        self._drained = False
        self.lost = 0
        self._thread = Thread(target=self._run, name="recorder", daemon=True)

    def start(self) -> None:
        """Begins to write."""
        self._thread.start()

    def record(self, entry: Entry) -> None:
        """Puts a record into the queue; never blocks."""
        self._queue.put(entry)

    @property
    def failure(self) -> BaseException | None:
        """What ended the writer thread before its time."""
        return self._failure

    def stop(self) -> None:
        """Writes what is queued and ends. Raises CannotWrite where that was not possible, and any other failure."""
        self._queue.put(_Sentinel())
        self._thread.join()
        if self._failure is not None:
            raise self._failure
        if self.lost:
            raise CannotWrite(f"{self.lost} records could not be written: {self._why()}")

    def _run(self) -> None:
        try:
            while not self._drained:
                self._kept.extend(self._next())
                self._flush()
        except BaseException as error:
            self._failure = error
            self.lost += len(self._kept)

    def _next(self) -> list[Entry]:
        """Waits for a first entry, then for what comes with it."""
        batch: list[Entry] = []
        until_s = time.monotonic() + RETRY_EVERY_S if self._trouble else None
        while True:
            try:
                entry = self._queue.get(timeout=None if until_s is None else max(0.0, until_s - time.monotonic()))
            except Empty:
                return batch
            if isinstance(entry, _Sentinel):
                self._drained = True
                return batch
            batch.append(entry)
            if self._trouble:
                continue
            # An event is waited for by somebody: it only takes along what is queued already.
            if not isinstance(entry, Operation):
                until_s = 0.0
            elif until_s is None:
                until_s = time.monotonic() + COMMIT_EVERY_S

    def _flush(self) -> None:
        batch = [*self._kept, *(self._trouble.told() if self._trouble is not None else ())]
        if not batch:
            return
        try:
            self._write(batch)
        except CannotWrite as error:
            self._endure(str(error))
        else:
            if self._trouble is not None:
                spell_s = time.monotonic() - self._trouble.since_s
                self._say(f"The file can be written again after {spell_s:.0f} s; {self._lost_so_far()}.")
                self._trouble = None
            self._kept = []

    def _endure(self, why: str) -> None:
        if self._trouble is None:
            self._trouble = _Trouble(time.monotonic(), why)
            self._say(f"{why} Trying again each second; up to {KEEP_AT_MOST} records are kept until then.")
        self._trouble.why = why
        if self._drained:
            self.lost += len(self._kept)
            self._kept = []
        elif len(self._kept) > KEEP_AT_MOST:
            self._trouble.drop(self._kept[KEEP_AT_MOST:])
            self.lost += len(self._kept) - KEEP_AT_MOST
            del self._kept[KEEP_AT_MOST:]  # the oldest say how it began

    def _lost_so_far(self) -> str:
        return f"{self.lost} records were lost" if self.lost else "nothing was lost"

    def _why(self) -> str:
        return self._trouble.why if self._trouble is not None else "the file could not be written for too long."
