"""How members came back after an incident: reachable, streaming, caught up, rewound."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from observer.model.findings import Incident
from observer.model.recording import SECOND_NS, Event
from reports.analysis.index import Index
from reports.analysis.leadership import says_primary
from reports.analysis.replica_lag import streaming_members
from reports.analysis.results.evidence import LogQuote, Rejoin, ReplicationSample

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
