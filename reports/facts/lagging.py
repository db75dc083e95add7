"""How far replicas were behind while there was a load. Timeline in, plain facts out. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypedDict

from observer.model.recording import MS_NS, SECOND_NS, Event, Operation, Recording
from reports.analysis.leadership import says_primary
from reports.facts.moments import seconds
from reports.facts.returns import streaming


class LagFact(TypedDict):
    """How far a replica was behind under load, by samples taken now and then; the row of the worst one.

    `unit` "bytes": as its primary said of it; "seconds": by the replica's own word, 0 where it had replayed all that
    it had received. `from_s`: samples since then, when the first operation was due.
    """

    member: str
    unit: str
    from_s: float
    samples: int
    median: float
    worst: float
    worst_at_s: float
    event_id: int | None


_Sample = tuple[float, int, int | None]


def lags_of(recording: Recording) -> list[LagFact]:
    """How far each replica was behind while there was a load: bytes as its primary said of it, seconds as it said.

    A replica's own word counts while it follows the leader: of one that does not, the seconds are the age of its own
    last transaction.
    """
    first_ns = _load_began(recording)
    apart = set(apart_of(recording))
    in_bytes: dict[str, list[_Sample]] = {}
    in_seconds: dict[str, list[_Sample]] = {}
    for event in _samples(recording, first_ns):
        lags = event.detail.get("lag_bytes")
        for member, lag in lags.items() if isinstance(lags, Mapping) else ():
            if _is_number(lag):
                in_bytes.setdefault(str(member), []).append((max(0, int(lag)), event.by_ns, event.id))
        if _is_number(event.detail.get("lag_s")) and event.id not in apart:
            in_seconds.setdefault(event.subject, []).append((float(event.detail["lag_s"]), event.by_ns, event.id))
    return [
        {
            "member": member,
            "unit": unit,
            "from_s": seconds(first_ns),
            "samples": len(samples[member]),
            "median": sorted(lag for lag, _, _ in samples[member])[len(samples[member]) // 2],
            "worst": worst[0],
            "worst_at_s": seconds(worst[1]),
            "event_id": worst[2],
        }
        for unit, samples in (("bytes", in_bytes), ("seconds", in_seconds))
        for member in sorted(samples)
        for worst in (max(samples[member], key=lambda sample: sample[0]),)
    ]


def apart_of(recording: Recording) -> list[int]:
    """The rows of samples of a replica, under load, that was not known to follow the leader then."""
    first_ns = _load_began(recording)
    streams: frozenset[str] = frozenset()
    leads = 0  # the newest timeline on which a primary said that it was
    own: dict[str, int | None] = {}
    tells: set[str] = set()  # who says as a replica on which timeline it receives: not everybody is let know
    found = []
    for event in recording.events:
        number = event.detail.get("timeline")
        if event.kind == "member.changed" and says_primary(event) and isinstance(number, int):
            leads = max(leads, number)
        if event.kind == "member.changed" and event.source == "postgres":
            own[event.subject] = number if isinstance(number, int) else None
            tells |= {event.subject} if isinstance(number, int) and event.detail.get("in_recovery") else set()
        listed = streaming(event)
        if listed is not None and (not isinstance(number, int) or number >= leads):
            streams = listed
        if event.kind == "replication.sampled" and event.source == "postgres" and event.by_ns >= first_ns:
            member, on = event.subject, own.get(event.subject)
            follows = on >= leads if on is not None else member in streams and member not in tells
            if _is_number(event.detail.get("lag_s")) and not follows and event.id is not None:
                found.append(event.id)
    return found


def _samples(recording: Recording, first_ns: int) -> list[Event]:
    own = (e for e in recording.events if e.kind == "replication.sampled" and e.source == "postgres")
    return [event for event in own if event.by_ns >= first_ns]


def _load_began(recording: Recording) -> int:
    """When the first operation was due, to the millisecond; the beginning of the recording where there was none."""
    if recording.seconds:
        second = min(s.at_s for s in recording.seconds)
        own: Sequence[Operation] = recording.between(second * SECOND_NS - 1, (second + 1) * SECOND_NS)
    else:
        own = recording.operations
    return min((o.due_ns for o in own), default=0) // MS_NS * MS_NS


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
