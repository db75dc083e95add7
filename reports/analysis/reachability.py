"""Periods in which a source did not reach its subject, and how its polls failed."""

from __future__ import annotations

from dataclasses import dataclass

from observer.model.findings import UnreachablePeriod
from observer.model.recording import SECOND_NS, Event, Recording

# A poll without an answer may be a hiccup of the observer or its machine: a period of such polls that is this short
# shows nothing by itself.
NOISE_NS = 3 * SECOND_NS
HICCUPS = ("silent", "connect_timeout", "error")
# A subject that is unreachable this soon after the start of the recording was unreachable before: no trigger.
INITIAL_NS = 3 * SECOND_NS


@dataclass(frozen=True, slots=True)
class Unreachable:
    """One period in which a source did not reach its subject.

    `failures` holds one event for each way in which polls failed; `back` is the event of the first answer, None: there
    was none. `initial`: the source had never reached this subject. `woke_ns`: when the observer last woke before it.
    """

    source: str
    subject: str
    failures: tuple[Event, ...]
    back: Event | None
    initial: bool
    woke_ns: int = 0

    @property
    def began_ns(self) -> int:
        """Return when the first failure was known."""
        return self.failures[0].by_ns

    def until_ns(self, end_ns: int) -> int:
        """Return when the subject answered again, or `end_ns`."""
        return end_ns if self.back is None else self.back.by_ns

    @property
    def event(self) -> Event:
        """Return the event that decides how the polls failed.

        A persistent connection that was cut, or an error, is passed over if a later poll shows more: the first poll on
        a new connection decides.
        """
        return next((e for e in self.failures if _how(e) not in ("closed", "error")), self.failures[0])

    @property
    def how(self) -> str:
        """Return how the polls failed: refused, silent, ..."""
        return _how(self.event)

    @property
    def noise(self) -> bool:
        """Return whether it is too short to show anything alone, with no answer that names a fault."""
        if self.back is None or any(e.detail.get("sqlstate") or e.detail.get("http") for e in self.failures):
            return False
        mute = all(event.detail.get("how") in HICCUPS for event in self.failures)
        # A poll that was under way while the observer slept is late for that reason alone.
        since_ns = max(self.failures[0].window.after_ns, self.woke_ns)
        return mute and self.back.by_ns - since_ns < NOISE_NS + SECOND_NS

    @property
    def etcd_member(self) -> bool:
        """Return whether the subject is a member of etcd, by its endpoint; the other subjects of etcd are watches."""
        return self.source == "etcd" and ":" in self.subject


def _how(event: Event) -> str:
    return str(event.detail.get("how", "error"))


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


def unreachable_periods(found: tuple[Unreachable, ...]) -> tuple[UnreachablePeriod, ...]:
    """Return the periods as findings: from the first failed poll to the first answer, with the row of `how`."""
    return tuple(
        UnreachablePeriod(
            source=one.source,
            subject=one.subject,
            how=one.how,
            from_ns=_since(one.failures[0]),
            until_ns=None if one.back is None else one.back.by_ns,
            event_id=one.event.id,
        )
        for one in found
    )


def _since(event: Event) -> int:
    since_ns = event.detail.get("since_ns")
    return since_ns if isinstance(since_ns, int) else event.by_ns
