"""Whether two members were primaries at once, as their own PostgreSQL reported to direct SQL."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

from observer.model.recording import Event, Recording
from reports.analysis.results.reads import TwoPrimaries


@dataclass(frozen=True, slots=True)
class _Primary:
    member: str
    from_ns: int
    until_ns: int
    event: Event


def two_primaries(recording: Recording) -> tuple[TwoPrimaries, ...]:
    """Return every period in which two members were both out of recovery.

    A member is certainly a primary from the end of the first poll that reports it to the beginning of the last poll
    before one that reports otherwise or fails.
    """
    found: list[TwoPrimaries] = []
    for one, other in combinations(_primaries(recording), 2):
        from_ns, until_ns = max(one.from_ns, other.from_ns), min(one.until_ns, other.until_ns)
        if one.member != other.member and from_ns < until_ns:
            first, second = sorted((one, other), key=lambda primary: primary.from_ns)
            ids = tuple(e.id for e in (first.event, second.event) if e.id is not None)
            found.append(TwoPrimaries(recording.header.id, (first.member, second.member), from_ns, until_ns, ids))
    return tuple(sorted(found, key=lambda both: both.from_ns))


def _primaries(recording: Recording) -> list[_Primary]:
    found: list[_Primary] = []
    since: dict[str, Event] = {}
    role: dict[str, bool] = {}

    def close(member: str, until_ns: int) -> None:
        event = since.pop(member, None)
        if event is not None:
            found.append(_Primary(member, event.by_ns, until_ns, event))

    for event in recording.events:
        if event.source != "postgres":
            continue
        if event.kind == "source.blind":
            close(event.subject, event.window.after_ns)
        elif event.kind == "source.sees" and role.get(event.subject):
            since.setdefault(event.subject, event)
        elif event.kind == "member.changed" and event.detail.get("in_recovery") is not None:
            role[event.subject] = not event.detail["in_recovery"]
            if role[event.subject]:
                since.setdefault(event.subject, event)
            else:
                close(event.subject, min(event.window.after_ns, event.by_ns))
    for member in list(since):
        close(member, recording.header.until_ns)
    return found
