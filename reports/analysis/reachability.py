"""Periods in which a source did not reach its subject."""

from __future__ import annotations

from observer.model.findings import Unreachable
from observer.model.recording import SECOND_NS, Event, Recording

# A subject that is unreachable this soon after the start of the recording was unreachable before: no trigger.
INITIAL_NS = 3 * SECOND_NS


def unreachable(recording: Recording) -> tuple[Unreachable, ...]:
    """Return every unreachable period, in order of beginning."""
    running: dict[tuple[str, str], list[Event]] = {}
    reached: set[tuple[str, str]] = set()
    found: list[Unreachable] = []
    woke_ns = 0
    slept: dict[tuple[str, str], int] = {}

    def close(key: tuple[str, str], back: Event | None) -> None:
        failures = running.pop(key)
        since_ns = failures[0].detail.get("since_ns")
        never = isinstance(since_ns, int) and since_ns <= failures[0].window.after_ns and key not in reached
        initial = never or failures[0].by_ns <= INITIAL_NS
        found.append(Unreachable(*key, tuple(failures), back, initial, slept.get(key, 0)))

    for event in recording.events:
        key = (event.source, event.subject)
        if event.kind == "observer.slept":
            woke_ns = event.by_ns
        if event.kind == "source.blind":
            if key not in running:
                slept[key] = woke_ns
            running.setdefault(key, []).append(event)
            continue
        if event.kind == "source.sees" and key in running:
            close(key, event)
        reached.add(key)
    for key in list(running):
        close(key, None)
    return tuple(sorted(found, key=lambda period: period.began_ns))
