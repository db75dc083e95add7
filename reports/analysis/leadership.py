"""Who held the leader key, on which timeline; requests to hand it over; two members that were primaries at once."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import combinations, groupby

from observer.model.findings import Leadership
from observer.model.recording import SECOND_NS, Event, Recording
from reports.analysis.results.reads import TwoPrimaries


def leaderships(recording: Recording) -> tuple[Leadership, ...]:
    """Return each period in which one member held the leader key, in order. A holder that is seen again still leads."""
    found: list[tuple[Event, Event | None]] = []
    taken: Event | None = None
    for event in recording.events:
        if event.kind not in ("leader.lost", "leader.seen", "leader.elected"):
            continue
        if event.kind != "leader.lost" and taken is not None and taken.subject == event.subject:
            continue
        if taken is not None:
            found.append((taken, event))
        taken = None if event.kind == "leader.lost" else event
    if taken is not None:
        found.append((taken, None))
    changed = sorted((e for e in recording.events if e.kind == "member.changed"), key=lambda e: e.subject)
    reports = {member: tuple(own) for member, own in groupby(changed, key=lambda e: e.subject)}
    return tuple(_leadership(recording, reports.get(began.subject, ()), began, ended) for began, ended in found)


def _leadership(recording: Recording, reports: Sequence[Event], began: Event, ended: Event | None) -> Leadership:
    until_ns = None if ended is None else ended.by_ns
    timeline = timeline_of(recording, reports, began.subject, began.by_ns, until_ns)
    return Leadership(began.subject, timeline, began.by_ns, until_ns, began.id)


def led_at(led: Sequence[Leadership], at_ns: int) -> Leadership | None:
    """Return the leadership of a moment; None: no member held the leader key, or it was not observed."""
    held = (one for one in led if one.from_ns <= at_ns and (one.until_ns is None or at_ns < one.until_ns))
    return next(held, None)


def leader_at(led: Sequence[Leadership], at_ns: int) -> str | None:
    """Return the member that held the leader key at a moment; None: none did, or it was not observed."""
    one = led_at(led, at_ns)
    return None if one is None else one.member


def says_primary(event: Event) -> bool | None:
    """Return whether a `member.changed` reports that its subject is a primary; None: it reports no role."""
    if event.source == "postgres":
        in_recovery = event.detail.get("in_recovery")
        return None if in_recovery is None else not in_recovery
    role = event.detail.get("role")
    return None if role is None else role in ("primary", "master", "promoted")


def timeline_of(
    recording: Recording, reports: Sequence[Event], member: str, from_ns: int, until_ns: int | None
) -> int | None:
    """Return the timeline that a member reported as a primary while it led.

    `reports` are its own `member.changed`. The last timeline counts: a promotion ends after the key is taken. Without a
    report in that time, it is the timeline on which the member was a primary before, then that of its own
    acknowledgements.
    """
    end_ns = recording.header.until_ns if until_ns is None else until_ns
    last: int | None = None
    before: dict[str, int | None] = {}
    for event in reports:
        if event.by_ns > end_ns:
            break
        number = event.detail.get("timeline")
        if not isinstance(number, int):
            continue
        primary = says_primary(event)
        if event.by_ns <= from_ns:
            before[event.source] = number if primary else None
        elif primary:
            last = number
    known = [number for number in before.values() if number is not None]
    if last is not None or known:
        return max(known) if last is None else last
    served = [
        operation.timeline
        for operation in recording.operations
        if operation.server == member and operation.timeline is not None and operation.in_recovery is False
        if from_ns <= operation.finished_ns <= end_ns
    ]
    return served[-1] if served else None


@dataclass(frozen=True, slots=True)
class Request:
    """A request that stood in etcd until a moment. `due_ns`: its scheduled time, at once if that was past.

    `cleared`: the event with which it was gone; None: another request took its place, or it stands to the end.
    """

    event: Event
    due_ns: int
    until_ns: int
    cleared: Event | None = None


def requests(recording: Recording) -> tuple[Request, ...]:
    """Return all requests of a recording, in order."""
    found: list[Request] = []
    for event in recording.events:
        if event.kind not in ("failover.asked", "failover.cleared"):
            continue
        if found and found[-1].until_ns > event.by_ns:
            cleared = event if event.kind == "failover.cleared" else None
            found[-1] = replace(found[-1], until_ns=event.by_ns, cleared=cleared)
        if event.kind == "failover.asked":
            found.append(Request(event, _due_ns(recording, event), recording.header.until_ns + 1))
    return tuple(found)


def _due_ns(recording: Recording, request: Event) -> int:
    try:
        scheduled = datetime.fromisoformat(str(request.detail.get("scheduled_at")))
    except ValueError:
        return request.by_ns
    since = (scheduled if scheduled.tzinfo else scheduled.replace(tzinfo=UTC)) - recording.header.began_utc
    return max(request.by_ns, round(since.total_seconds() * SECOND_NS))


def two_primaries(recording: Recording) -> tuple[TwoPrimaries, ...]:
    """Return every period in which two members were both out of recovery.

    A member is certainly a primary from the end of the first poll that reports it to the beginning of the last poll
    before one that reports otherwise or fails.
    """
    found: list[TwoPrimaries] = []
    for one, other in combinations(_primaries(recording), 2):
        (first, *_), (second, since_ns, _) = sorted((one, other), key=lambda own: own[1])
        until_ns = min(one[2], other[2])
        if first.subject != second.subject and since_ns < until_ns:
            ids = tuple(e.id for e in (first, second) if e.id is not None)
            found.append(TwoPrimaries(recording.header.id, (first.subject, second.subject), since_ns, until_ns, ids))
    return tuple(sorted(found, key=lambda both: both.from_ns))


def _primaries(recording: Recording) -> list[tuple[Event, int, int]]:
    """Return each period of a primary: its first event, from when and until when it certainly was one."""
    found: list[tuple[Event, int, int]] = []
    since: dict[str, Event] = {}
    role: dict[str, bool] = {}

    def close(member: str, until_ns: int) -> None:
        event = since.pop(member, None)
        if event is not None:
            found.append((event, event.by_ns, until_ns))

    for event in recording.events:
        if event.source != "postgres":
            continue
        reports = event.kind == "member.changed" and event.detail.get("in_recovery") is not None
        if reports:
            role[event.subject] = not event.detail["in_recovery"]
        if (reports or event.kind == "source.sees") and role.get(event.subject):
            since.setdefault(event.subject, event)
        elif reports or event.kind == "source.blind":
            close(event.subject, min(event.window.after_ns, event.by_ns))
    for member in list(since):
        close(member, recording.header.until_ns)
    return found
