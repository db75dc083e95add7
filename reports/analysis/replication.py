"""How far replicas were behind under load, which stopped streaming in an incident, and how members came back."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeGuard

from observer.model.findings import Incident
from observer.model.recording import MS_NS, SECOND_NS, Event, Recording
from reports.analysis.changes import is_running
from reports.analysis.index import Index
from reports.analysis.leadership import says_primary
from reports.analysis.results.evidence import LogQuote, Rejoin, ReplicationSample, StalledReplication
from reports.analysis.results.recording import ReplicaLag

STREAMING = "streaming"
_Sample = tuple[float, int, int | None]


def streaming_members(event: Event) -> frozenset[str] | None:
    """Return the members that stream from a primary, by its Patroni; None: the event is no report of a primary."""
    rows = event.detail.get("replication") if event.kind == "member.changed" and event.source == "patroni" else None
    if not isinstance(rows, (list, tuple)) or not says_primary(event) or not is_running(event.detail.get("state")):
        return None
    return frozenset(
        str(row.get("application_name")) for row in rows if isinstance(row, Mapping) and row.get("state") == STREAMING
    )


def replica_lags(index: Index, excluded: Sequence[int]) -> tuple[ReplicaLag, ...]:
    """Return the lag of each replica under load: in bytes by its primary, in seconds by itself.

    `excluded`: rows of samples whose seconds are only the age of the replica's last transaction.
    """
    first_ns, apart = _load_began_ns(index.recording), set(excluded)
    samples: dict[tuple[str, str], list[_Sample]] = defaultdict(list)
    for event in index.of_kinds("replication.sampled"):
        if event.source != "postgres" or event.by_ns < first_ns:
            continue
        lags, lag_s = event.detail.get("lag_bytes"), event.detail.get("lag_s")
        for member, lag in lags.items() if isinstance(lags, Mapping) else ():
            if _is_number(lag):
                samples["bytes", str(member)].append((max(0, int(lag)), event.by_ns, event.id))
        if _is_number(lag_s) and event.id not in apart:
            samples["seconds", event.subject].append((float(lag_s), event.by_ns, event.id))
    return tuple(_lag(member, unit, first_ns, own) for (unit, member), own in sorted(samples.items()))


def _lag(member: str, unit: str, first_ns: int, samples: Sequence[_Sample]) -> ReplicaLag:
    worst = max(samples, key=lambda sample: sample[0])
    median = sorted(lag for lag, _, _ in samples)[len(samples) // 2]
    return ReplicaLag(member, unit, first_ns, len(samples), median, *worst)


def excluded_samples(index: Index) -> tuple[int, ...]:
    """Return the rows of samples under load from replicas that were not known to follow the leader."""
    first_ns = _load_began_ns(index.recording)
    streams: frozenset[str] = frozenset()
    leads = 0  # the newest timeline that a primary reported
    own: dict[str, int | None] = {}
    reporters: set[str] = set()  # replicas that report the timeline they receive; some lack the privilege
    found = []
    for event in index.of_kinds("member.changed", "replication.sampled"):
        number, member = event.detail.get("timeline"), event.subject
        timeline = number if isinstance(number, int) else None
        if event.kind == "member.changed":
            if says_primary(event) and timeline is not None:
                leads = max(leads, timeline)
            if event.source == "postgres":
                own[member] = timeline
                reporters |= {member} if timeline is not None and event.detail.get("in_recovery") else set()
            listed = streaming_members(event)
            if listed is not None and (timeline is None or timeline >= leads):
                streams = listed
        elif event.source == "postgres" and event.by_ns >= first_ns and _is_number(event.detail.get("lag_s")):
            on = own.get(member)
            follows = on >= leads if on is not None else member in streams and member not in reporters
            if not follows and event.id is not None:
                found.append(event.id)
    return tuple(found)


def _load_began_ns(recording: Recording) -> int:
    second = min((s.at_s for s in recording.seconds), default=0)
    first = recording.between(second * SECOND_NS - 1, (second + 1) * SECOND_NS)
    return min((o.due_ns for o in first), default=0) // MS_NS * MS_NS


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def stalled_replication(index: Index, incident: Incident) -> StalledReplication | None:
    """Return the replicas that streamed before the incident and stopped in it; None: there were none.

    Their own Patroni reports it. A leader that is demoted and promoted again has as many replicas at its promotion as
    before; in between it had none.
    """
    streamed = {name: _streamed_before(index, name, incident.began_ns) for name in index.members}
    stopped: dict[str, Event] = {}
    back: dict[str, Event] = {}
    for event in index.between(incident.began_ns, incident.ended_ns):
        if not _is_report(event):
            continue
        name, streams = event.subject, event.detail["replication_state"] == STREAMING
        if event.detail.get("role") == "replica":
            if streamed.get(name) and not streams:
                stopped.setdefault(name, event)
            elif streams and name in stopped:
                back.setdefault(name, event)
        streamed[name] = streams
    if not stopped:
        return None
    by_ns, ids = _together(stopped.values())
    back_ns, back_ids = _together(back.values()) if back.keys() == stopped.keys() else (None, ())
    return StalledReplication(tuple(sorted(stopped)), by_ns, ids, back_ns, back_ids)


def _is_report(event: Event) -> bool:
    return event.kind == "member.changed" and event.source == "patroni" and "replication_state" in event.detail


def _streamed_before(index: Index, member: str, at_ns: int) -> bool:
    """Return whether a member's last report before a moment was that it streamed."""
    reports = (e for e in reversed(index.events_of("member.changed", member)) if e.by_ns < at_ns and _is_report(e))
    last = next(reports, None)
    return last is not None and last.detail["replication_state"] == STREAMING


def _together(events: Iterable[Event]) -> tuple[int, tuple[int, ...]]:
    own = list(events)
    return max(e.by_ns for e in own), tuple(sorted(e.id for e in own if e.id is not None))


# A rejoin is followed this long after its incident began, or until the next incident of the same member.
RETURN_NS = 300 * SECOND_NS
# The last role in this time after the member answered again counts: a crashed primary recovers before it is one.
SETTLED_NS = 10 * SECOND_NS
# The primary may miss a replica this long before the first sign of the incident.
NOTICED_NS = 3 * SECOND_NS
# Log lines of a rejoin, by their meaning.
HOW = {"rewind_ended": "rewound", "bootstrap_ended": "copied"}


def rejoins(index: Index, incident: Incident, until_ns: int) -> tuple[Rejoin, ...]:
    """Return how the members of an incident came back by `until_ns`; those that stayed reachable are left out."""
    targets = [incident.target] if incident.target is not None else list(incident.targets)
    members = [name for name in targets if index.events_of("member.changed", name)]
    found = (_rejoin(index, incident.began_ns, until_ns, member) for member in members)
    return tuple(one for one in found if one is not None)


def _rejoin(index: Index, began_ns: int, until_ns: int, member: str) -> Rejoin | None:
    earlier = index.between(began_ns - NOTICED_NS, began_ns - 1)
    events = index.between(began_ns, min(until_ns, began_ns + RETURN_NS))
    away = next((i for i, e in enumerate(events) if _is(e, member, "source.blind")), None)
    if away is None:
        return None
    logs = [e for e in events if e.kind == "log.told" and e.subject == member]
    arrivals = [e for e in logs if _how(e) is not None]
    diverged = next((e for e in logs if e.detail.get("says") == "diverged"), None)
    answers = [e for e in events[away + 1 :] if _is(e, member, "member.changed", "source.sees")]
    answered = answers[0] if answers else None
    roles = [e for e in answers if answered and e.by_ns - answered.by_ns <= SETTLED_NS and says_primary(e) is not None]
    timelines = [e.detail["timeline"] for e in roles if e.detail.get("timeline")]
    streaming = _streaming(earlier, events, away, member)
    since = [] if streaming is None else [e for e in events if e.by_ns >= streaming.by_ns]
    rows = [e for e in events if e in arrivals or e is answered or e is streaming]
    return Rejoin(
        member=member,
        role=None if not roles else "primary" if says_primary(roles[-1]) else "replica",
        timeline=timelines[-1] if timelines else None,
        answered_ns=None if answered is None else answered.by_ns - began_ns,
        streaming_ns=None if streaming is None else streaming.by_ns - began_ns,
        streaming_id=None if streaming is None else streaming.id,
        replayed=_sample(began_ns, next((e for e in since if e.subject == member and _replayed(e)), None)),
        level=_sample(began_ns, next((e for e in since if _level(e, member)), None)),
        diverged=None if diverged is None else LogQuote(str(diverged.detail.get("text")), diverged.id),
        how=_how(arrivals[-1]) if arrivals else "plain" if logs else None,
        event_ids=tuple(e.id for e in rows if e.id is not None),
    )


def _is(event: Event, member: str, *kinds: str) -> bool:
    return event.kind in kinds and (event.source, event.subject) == ("postgres", member)


def _how(line: Event) -> str | None:
    return HOW.get(str(line.detail.get("says"))) if str(line.detail.get("code", "0")) == "0" else None


def _streaming(earlier: Sequence[Event], events: Sequence[Event], away: int, member: str) -> Event | None:
    """Return the first report after `events[away]` that lists the member as streaming, after one that did not."""
    missing = False
    for position, event in enumerate((*earlier, *events), -len(earlier)):
        listed = streaming_members(event)
        if listed is None:
            continue
        if member in listed and missing and position > away:
            return event
        missing = member not in listed
    return None


def _sample(began_ns: int, event: Event | None) -> ReplicationSample | None:
    return None if event is None else ReplicationSample(event.by_ns - began_ns, event.id)


def _replayed(event: Event) -> bool:
    """Return whether a replica's PostgreSQL had replayed all WAL that it received, without lag."""
    detail = event.detail
    if event.kind != "replication.sampled" or event.source != "postgres" or detail.get("in_recovery") is not True:
        return False
    return detail.get("lsn") is not None and detail.get("lsn") == detail.get("replay_lsn") and detail.get("lag_s") == 0


def _level(event: Event, member: str) -> bool:
    """Return whether a primary's PostgreSQL measured a member as 0 bytes behind."""
    lags = event.detail.get("lag_bytes")
    own = event.kind == "replication.sampled" and event.source == "postgres"
    return own and isinstance(lags, Mapping) and lags.get(member) == 0
