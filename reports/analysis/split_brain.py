"""A leader that came back when another had its place: while it could not be looked at, and what it wrote of its own.

Direct looks show two primaries at once only where both answer; what they could not see stands here.
"""

from __future__ import annotations

from dataclasses import dataclass

from observer.model.recording import SECOND_NS, Event, Recording
from reports.analysis.blindness import Spell, spells
from reports.analysis.leadership import leaderships, says_primary

# How a look fails at a server that may be running. One that refuses is not.
MUTE = ("silent", "connect_timeout", "closed", "error")
# A look lasts this long at the most: what it saw was so at some moment of it.
LOOK_NS = SECOND_NS
# Of the history that a member had of its own it tells as soon as it is back.
BACK_NS = 30 * SECOND_NS


@dataclass(frozen=True, slots=True)
class Hidden:
    """A spell in which a member may have been a primary beside its successor, for all that looks could see.

    `thawed`: it was told that the member ran on from there; else its successor led from there. `until_ns` None: to the
    end. `committed`: a sample that shows a transaction of the old history that it committed after it ran on.
    """

    member: str
    successor: str
    from_ns: int
    until_ns: int | None
    thawed: bool
    events: tuple[Event, ...]
    committed: Event | None


@dataclass(frozen=True, slots=True)
class Fork:
    """A line of a member's log: its history went on past where the cluster's forked. `rewound`: pg_rewind's end."""

    told: Event
    rewound: Event | None


def hidden(recording: Recording) -> tuple[Hidden, ...]:
    """Every such spell, in order of time."""
    found = [_hidden(recording, spell) for spell in spells(recording) if spell.source == "postgres"]
    return tuple(sorted((one for one in found if one is not None), key=lambda one: one.from_ns))


def forks(recording: Recording) -> tuple[Fork, ...]:
    """The first line that tells of each fork, with how it ended."""
    found: list[Fork] = []
    for event in recording.events:
        told, text = event.detail.get("says"), str(event.detail.get("text"))
        known = [n for n, fork in enumerate(found) if fork.told.subject == event.subject]
        if event.kind != "log.told":
            continue
        if told == "diverged" and "forked off" in text:
            if not any(found[n].told.detail["text"] == text for n in known):
                found.append(Fork(event, None))
        elif told == "rewind_ended" and str(event.detail.get("code")) == "0" and known:
            last = found[known[-1]]
            found[known[-1]] = last if last.rewound else Fork(last.told, event)
    return tuple(found)


def _hidden(recording: Recording, spell: Spell) -> Hidden | None:
    member, end_ns = spell.subject, spell.until_ns(recording.header.until_ns)
    if spell.how not in MUTE or not _was_primary(recording, spell) or _died(recording, spell):
        return None
    began_ns = spell.told[0].window.after_ns
    later = (s for s in leaderships(recording) if s.member != member and began_ns < s.from_ns < end_ns)
    successor = next(later, None)
    if successor is None:
        return None
    own = [e for e in recording.events if e.subject == member and began_ns < e.by_ns <= end_ns]
    told = [
        e for e in recording.events if _is_told(e, member, "repair.told", ("resume",)) and began_ns < e.by_ns < end_ns
    ]
    thaw = min(told, key=lambda e: e.by_ns, default=None)
    thawed = thaw is not None and thaw.by_ns > successor.from_ns
    from_ns = thaw.by_ns if thaw is not None and thawed else successor.from_ns
    demoted = [e for e in own if e.kind == "log.told" and e.detail.get("says") == "demoted"]
    if any(e.by_ns <= from_ns for e in demoted):
        return None
    ended = demoted[0] if demoted else spell.sees
    if ended is not None and ended.by_ns <= from_ns:
        return None
    first = thaw if thawed else _taken(recording, successor.member, successor.from_ns)
    events = tuple(e for e in (first, ended) if e is not None)
    until_ns = None if ended is None else ended.by_ns
    committed = _committed(recording, spell, from_ns) if thawed else None
    return Hidden(member, successor.member, from_ns, until_ns, thawed, events, committed)


def _was_primary(recording: Recording, spell: Spell) -> bool:
    """What its PostgreSQL had said last before it fell silent."""
    said = [
        e
        for e in recording.events
        if e.kind == "member.changed" and (e.source, e.subject) == ("postgres", spell.subject)
        if e.by_ns <= spell.began_ns
    ]
    return bool(said) and says_primary(said[-1]) is True


def _died(recording: Recording, spell: Spell) -> bool:
    """Whether it was told that its PostgreSQL ran no more: it comes back as a replica."""
    end_ns, since_ns = spell.until_ns(recording.header.until_ns), spell.told[0].window.after_ns - SECOND_NS
    return any(
        since_ns <= e.by_ns <= end_ns
        and (
            _is_told(e, spell.subject, "fault.told", ("kill", "stop", "restart"))
            or (e.kind == "container.ended" and e.subject == spell.subject)
        )
        for e in recording.events
    )


def _is_told(event: Event, member: str, kind: str, actions: tuple[str, ...]) -> bool:
    return event.kind == kind and event.detail.get("target") == member and event.detail.get("action") in actions


def _taken(recording: Recording, successor: str, from_ns: int) -> Event | None:
    """The row in which the successor took the key."""
    kinds = ("leader.elected", "leader.seen")
    own = (e for e in recording.events if e.kind in kinds and e.subject == successor and e.by_ns == from_ns)
    return next(own, None)


def _committed(recording: Recording, spell: Spell, from_ns: int) -> Event | None:
    """A sample of the thawed member, on the old timeline: its last transaction is too young to be of before the freeze.

    While it was frozen it committed nothing. Both clocks of such an age are the server's own.
    """
    if spell.sees is None:
        return None
    newest, on = 0, None
    for event in recording.events:
        if event.by_ns > spell.sees.by_ns + BACK_NS:
            return None
        number = event.detail.get("timeline")
        if event.kind == "member.changed" and isinstance(number, int):
            newest = max(newest, number) if says_primary(event) and event.by_ns <= from_ns else newest
        if (event.source, event.subject) != ("postgres", spell.subject):
            continue
        if event.kind == "member.changed":
            on = number
        age_s = event.detail.get("lag_s")
        if event.kind != "replication.sampled" or event.by_ns < spell.sees.by_ns or not age_s:
            continue
        if isinstance(on, int) and on < newest and event.by_ns - age_s * SECOND_NS - LOOK_NS > spell.began_ns:
            return event
    return None
