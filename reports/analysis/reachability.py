"""Periods in which a source did not reach its subject, and the loss of quorum that follows from those of etcd.

If most members of etcd are away, the rest cannot elect a leader and cannot report that.
"""

from collections.abc import Iterable, Sequence

from observer.model.findings import Unreachable
from observer.model.recording import SECOND_NS, Event, Recording, Window

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


INFERRED = "inferred"


def endpoints(recording: Recording) -> frozenset[str]:
    """Return the members of etcd that the settings name; empty: the settings name none, so nothing can be inferred."""
    etcd = recording.header.settings.get("etcd")
    named = etcd.get("endpoints") if isinstance(etcd, dict) else None
    return frozenset(map(str, named or ()))


def inferred_quorum_events(recording: Recording, periods: Sequence[Unreachable]) -> tuple[Event, ...]:
    """Return `quorum.lost` and `quorum.regained` for each time in which a majority was away and no member reported it.

    The events carry the ids and windows of the polls that failed and that were answered again. Their detail holds
    `inferred` and, in `rows`, the events of the members on which they rest.
    """
    away = [one for one in periods if one.etcd_member and not one.initial and not one.noise]
    members = endpoints(recording)
    if not members:
        return ()
    majority = len(members) // 2 + 1
    reported = [event for event in recording.events if event.kind in ("quorum.lost", "quorum.regained")]
    found: list[Event] = []
    lost: Event | None = None
    silent: dict[str, Event] = {}
    steps = [(one.began_ns, 1, one) for one in away]
    steps += [(one.back.by_ns, 0, one) for one in away if one.back is not None]
    for at_ns, begins, one in sorted(steps, key=lambda step: step[:2]):
        if begins:
            silent[one.subject] = one.failures[0]
        else:
            silent.pop(one.subject, None)
        left = len(members - silent.keys())
        if lost is None and left < majority and begins:
            lost = _event("quorum.lost", one.failures[0], silent, silent.values())
        elif lost is not None and left >= majority and one.back is not None:
            if not _is_reported(reported, lost.by_ns, at_ns):
                found += [lost, _event("quorum.regained", one.back, silent, [one.back])]
            lost = None
    if lost is not None and not _is_reported(reported, lost.by_ns, recording.header.until_ns):
        found.append(lost)
    return tuple(found)


def majority_gone(
    recording: Recording, periods: Sequence[Unreachable], at_ns: int
) -> tuple[Window, tuple[Unreachable, ...]] | None:
    """Return when the member went that left the members away at a moment a majority, and the periods up to it.

    Each went between the last poll that it answered and the first that it did not. None: fewer were away, or the
    number of members is unknown.
    """
    members = endpoints(recording)
    away = [
        one
        for one in periods
        if one.source == "etcd" and one.subject in members and not one.initial
        if one.began_ns <= at_ns < one.ended_ns(recording.header.until_ns)
    ]
    spare = len(members) - (len(members) // 2 + 1)  # so many may go, and a majority is left
    if not members or len(away) <= spare:
        return None
    known = tuple(sorted(away, key=lambda one: one.began_ns)[: spare + 1])
    return Window(sorted(one.failures[0].window.after_ns for one in away)[spare], known[-1].began_ns), known


def _is_reported(reported: Sequence[Event], from_ns: int, until_ns: int) -> bool:
    """Return whether a member reported the loss in that time, or before it without a report that quorum was back."""
    before = [event for event in reported if event.by_ns <= from_ns]
    if before and before[-1].kind == "quorum.lost":
        return True
    return any(event.kind == "quorum.lost" and from_ns < event.by_ns <= until_ns for event in reported)


def _event(kind: str, poll: Event, silent: Iterable[str], rows: Iterable[Event]) -> Event:
    detail = {
        INFERRED: True,
        "endpoints": dict.fromkeys(sorted(silent), "blind"),
        "rows": [row.id for row in rows if row.id is not None],
    }
    return Event("etcd", kind, "etcd", poll.window, detail, poll.id)
