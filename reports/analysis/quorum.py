"""Quorum that nobody is left to speak of: where most of etcd is away, the rest cannot choose a leader."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from observer.model.recording import Event, Recording, Window
from reports.analysis.blindness import Spell

INFERRED = "inferred"


def unspoken(recording: Recording, spells: Sequence[Spell]) -> tuple[Event, ...]:
    """`quorum.lost` and `quorum.regained` for each stretch in which a majority was away and no member told of it.

    They carry the ids and windows of the looks that failed and saw again, and say in `inferred` that they were not
    recorded but follow; in `rows`, which looks at members tell of it.
    """
    away = [s for s in spells if s.source == "etcd" and ":" in s.subject and not s.initial and not s.noise]
    endpoints = _endpoints(recording)
    if not endpoints:
        return ()
    needed = len(endpoints) // 2 + 1
    told = [event for event in recording.events if event.kind in ("quorum.lost", "quorum.regained")]
    found: list[Event] = []
    lost: Event | None = None
    blind: dict[str, Event] = {}
    steps = [(s.began_ns, 1, s) for s in away] + [(s.sees.by_ns, 0, s) for s in away if s.sees is not None]
    for at_ns, begins, spell in sorted(steps, key=lambda step: step[:2]):
        if begins:
            blind[spell.subject] = spell.told[0]
        else:
            blind.pop(spell.subject, None)
        left = len(endpoints - blind.keys())
        if lost is None and left < needed and begins:
            lost = _event("quorum.lost", spell.told[0], blind, blind.values())
        elif lost is not None and left >= needed and spell.sees is not None:
            if not _is_told(told, lost.by_ns, at_ns):
                found += [lost, _event("quorum.regained", spell.sees, blind, [spell.sees])]
            lost = None
    if lost is not None and not _is_told(told, lost.by_ns, recording.header.until_ns):
        found.append(lost)
    return tuple(found)


def majority_gone(recording: Recording, spells: Sequence[Spell], at_ns: int) -> tuple[Window, tuple[Spell, ...]] | None:
    """When the member went with which a majority of etcd was gone, of those away at a moment, and its spells by then.

    Each went between its last look that got an answer and the first that got none. None: fewer were away, or how many
    there are is not known.
    """
    endpoints = _endpoints(recording)
    away = [
        s
        for s in spells
        if s.source == "etcd" and s.subject in endpoints and not s.initial
        if s.began_ns <= at_ns < s.until_ns(recording.header.until_ns)
    ]
    last = len(endpoints) - (len(endpoints) // 2 + 1)  # so many may go, and there is still a majority
    if not endpoints or len(away) <= last:
        return None
    known = tuple(sorted(away, key=lambda s: s.began_ns)[: last + 1])
    return Window(sorted(s.told[0].window.after_ns for s in away)[last], known[-1].began_ns), known


def _is_told(told: Sequence[Event], from_ns: int, until_ns: int) -> bool:
    """Whether a member that answered said so in that stretch, or had said so before and not taken it back."""
    before = [event for event in told if event.by_ns <= from_ns]
    if before and before[-1].kind == "quorum.lost":
        return True
    return any(event.kind == "quorum.lost" and from_ns < event.by_ns <= until_ns for event in told)


def _event(kind: str, look: Event, blind: Iterable[str], rows: Iterable[Event]) -> Event:
    detail = {
        INFERRED: True,
        "endpoints": dict.fromkeys(sorted(blind), "blind"),
        "rows": [row.id for row in rows if row.id is not None],
    }
    return Event("etcd", kind, "etcd", look.window, detail, look.id)


def _endpoints(recording: Recording) -> frozenset[str]:
    """The members of etcd that are watched; none where the settings do not name them all, so that nothing follows."""
    etcd = recording.header.settings.get("etcd")
    named = etcd.get("endpoints") if isinstance(etcd, dict) else None
    return frozenset(map(str, named or ()))
