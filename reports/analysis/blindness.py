"""When a source could not see its subject, and how its looks failed."""

from __future__ import annotations

from dataclasses import dataclass

from observer.model.findings import Blindness
from observer.model.recording import SECOND_NS, Event, Recording

# A look that got no answer may be the observer's or the machine's own hiccup: a spell of such looks as short as this
# says nothing by itself.
NOISE_NS = 3 * SECOND_NS
HICCUPS = ("silent", "connect_timeout", "error")
# What is blind so soon after the recording began was found so: it is no sign of anything.
FOUND_SO_NS = 3 * SECOND_NS


@dataclass(frozen=True, slots=True)
class Spell:
    """One spell without sight: the events that told of it, one for each way of failing, and its end if there was one.

    `initial`: the source has never seen this subject before. `slept_ns`: when the observer last woke before that.
    """

    source: str
    subject: str
    told: tuple[Event, ...]
    sees: Event | None
    initial: bool
    slept_ns: int = 0

    @property
    def began_ns(self) -> int:
        """When the spell was known to have begun."""
        return self.told[0].by_ns

    def until_ns(self, end_ns: int) -> int:
        """When sight was known to be back, or `end_ns`."""
        return end_ns if self.sees is None else self.sees.by_ns

    @property
    def how(self) -> str:
        """How the first look failed. A kept connection that is cut, or an error, is passed over where a look after it
        tells more: the first look that began anew decides.
        """
        hows = [str(event.detail.get("how", "error")) for event in self.told]
        return next((how for how in hows if how not in ("closed", "error")), hows[0])

    @property
    def teller(self) -> Event:
        """The event that told of `how`."""
        return next(event for event in self.told if str(event.detail.get("how", "error")) == self.how)

    @property
    def noise(self) -> bool:
        """Too short and too mute to mean anything alone."""
        if self.sees is None or any(e.detail.get("sqlstate") or e.detail.get("http") for e in self.told):
            return False
        mute = all(event.detail.get("how") in HICCUPS for event in self.told)
        # A look that was under way while the observer slept is late for that reason alone.
        since_ns = max(self.told[0].window.after_ns, self.slept_ns)
        return mute and self.sees.by_ns - since_ns < NOISE_NS + SECOND_NS


def spells(recording: Recording) -> tuple[Spell, ...]:
    """Every spell of blindness, in order of its beginning."""
    open_spells: dict[tuple[str, str], list[Event]] = {}
    seen: set[tuple[str, str]] = set()
    found: list[Spell] = []
    woke_ns = 0
    slept: dict[tuple[str, str], int] = {}

    def close(key: tuple[str, str], sees: Event | None) -> None:
        told = open_spells.pop(key)
        since_ns = told[0].detail.get("since_ns")
        never = isinstance(since_ns, int) and since_ns <= told[0].window.after_ns and key not in seen
        initial = never or told[0].by_ns <= FOUND_SO_NS
        found.append(Spell(key[0], key[1], tuple(told), sees, initial, slept.get(key, 0)))

    for event in recording.events:
        key = (event.source, event.subject)
        if event.kind == "observer.slept":
            woke_ns = event.by_ns
        if event.kind == "source.blind":
            if key not in open_spells:
                slept[key] = woke_ns
            open_spells.setdefault(key, []).append(event)
            continue
        if event.kind == "source.sees" and key in open_spells:
            close(key, event)
        seen.add(key)
    for key in list(open_spells):
        close(key, None)
    return tuple(sorted(found, key=lambda spell: spell.began_ns))


def blindness(recording: Recording) -> tuple[Blindness, ...]:
    """The same, as the report shows it: from the first failed look to the first that saw, with the row of `how`."""
    return tuple(
        Blindness(
            source=spell.source,
            subject=spell.subject,
            how=spell.how,
            from_ns=_since(spell.told[0]),
            until_ns=None if spell.sees is None else spell.sees.by_ns,
            event_id=spell.teller.id,
        )
        for spell in spells(recording)
    )


def _since(event: Event) -> int:
    since_ns = event.detail.get("since_ns")
    return since_ns if isinstance(since_ns, int) else event.by_ns
