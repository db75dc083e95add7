"""Who led, on which timeline, from when to when."""

from __future__ import annotations

from collections.abc import Sequence

from observer.model.findings import Leadership
from observer.model.recording import Event, Recording


def leaderships(recording: Recording) -> tuple[Leadership, ...]:
    """Each spell of one holder of the leader key, in order. A holder that is seen again still leads."""
    found: list[tuple[str, int, int | None]] = []
    holder: tuple[str, int] | None = None
    for event in recording.events:
        if event.kind == "leader.lost":
            if holder is not None:
                found.append((*holder, event.by_ns))
            holder = None
        elif event.kind in ("leader.seen", "leader.elected"):
            if holder is not None and holder[0] == event.subject:
                continue
            if holder is not None:
                found.append((*holder, event.by_ns))
            holder = (event.subject, event.by_ns)
    if holder is not None:
        found.append((*holder, None))
    told: dict[str, list[Event]] = {}
    for event in recording.events:
        if event.kind == "member.changed":
            told.setdefault(event.subject, []).append(event)
    return tuple(
        Leadership(member, timeline_of(recording, told.get(member, ()), member, from_ns, until_ns), from_ns, until_ns)
        for member, from_ns, until_ns in found
    )


def led_at(spells: Sequence[Leadership], at_ns: int) -> Leadership | None:
    """The leadership of a moment; None: nobody held the leader key, or it was not observed."""
    held = (s for s in spells if s.from_ns <= at_ns and (s.until_ns is None or at_ns < s.until_ns))
    return next(held, None)


def leader_at(spells: Sequence[Leadership], at_ns: int) -> str | None:
    """Who held the leader key at a moment; None: nobody, or not observed."""
    led = led_at(spells, at_ns)
    return None if led is None else led.member


def says_primary(event: Event) -> bool | None:
    """Whether a `member.changed` says that its subject is a primary; None: it does not say."""
    if event.source == "postgres":
        in_recovery = event.detail.get("in_recovery")
        return None if in_recovery is None else not in_recovery
    role = event.detail.get("role")
    return None if role is None else role in ("primary", "master", "promoted")


def timeline_of(
    recording: Recording, told: Sequence[Event], member: str, from_ns: int, until_ns: int | None
) -> int | None:
    """The timeline that a member said it was on while it led, and was a primary. `told`: its own `member.changed`.

    What was said last counts: a promotion ends after the key is taken. Where nothing was said in the spell, what the
    member was on as a primary before it, then what its own acknowledgements carried.
    """
    end_ns = recording.header.until_ns if until_ns is None else until_ns
    within: int | None = None
    before: dict[str, int | None] = {}
    for event in told:
        if event.by_ns > end_ns:
            break
        number = event.detail.get("timeline")
        if not isinstance(number, int):
            continue
        primary = says_primary(event)
        if event.by_ns <= from_ns:
            before[event.source] = number if primary else None
        elif primary:
            within = number
    if within is not None:
        return within
    known = [number for number in before.values() if number is not None]
    if known:
        return max(known)
    served = [
        operation.timeline
        for operation in recording.operations
        if operation.server == member and operation.timeline is not None and operation.in_recovery is False
        if from_ns <= operation.finished_ns <= end_ns
    ]
    return served[-1] if served else None
