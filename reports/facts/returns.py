"""How the members of an incident came back: answered, streamed, caught up, rewound. Timeline in, facts out. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict

from observer.model.findings import Incident
from observer.model.recording import SECOND_NS, Event, Recording
from reports.analysis.changes import is_running
from reports.analysis.leadership import says_primary
from reports.facts.moments import seconds
from reports.facts.portrait import events_between

# A node is looked for this long after its incident, or until the next one of it.
RETURN_S = 300
# Its role is the last that it took so soon after it answered again: a crashed primary recovers before it is one.
SETTLED_S = 10
# Its primary may miss it this much before the incident's first sign.
NOTICED_NS = 3 * SECOND_NS
# What a member's log says of its way back.
HOW_IT_RETURNED = {"rewind_ended": "rewound", "bootstrap_ended": "copied"}


class SampleFact(TypedDict):
    """When replication was sampled, seconds since the incident began, and the row."""

    seconds: float
    event_id: int | None


class QuoteFact(TypedDict):
    """A line of a log as it stands there, and the row that holds it."""

    text: str
    event_id: int | None


class ReturnFact(TypedDict):
    """What came of a node after its incident, seconds since the incident began; None: not seen.

    `replayed`: from when on it streams, the first look at it that found all it had received replayed, with no lag;
    `level`: the first at its primary that found it 0 bytes behind. `diverged`: its log's word that it had gone past the
    fork of the new timeline. `answered_s`: it answered again; `streaming_s`: its primary said that it streams. `how`:
    "rewound" or "copied", as its log says; "plain" where its log was read and says neither; None where no log was read.
    """

    member: str
    role: str | None
    timeline: int | None
    answered_s: float | None
    streaming_s: float | None
    streaming_id: int | None
    replayed: SampleFact | None
    level: SampleFact | None
    diverged: QuoteFact | None
    how: str | None
    event_ids: list[int]


def returns_of(recording: Recording, incident: Incident, until_ns: int) -> list[ReturnFact]:
    """What came of the members that an incident is about, up to a moment: the next incident of theirs."""
    names = {e.subject for e in recording.events if e.kind == "member.changed"}
    targets = [incident.target] if incident.target is not None else list(incident.targets)
    gone = [name for name in targets if name in names]
    return [fact for name in gone if (fact := _return(recording, incident.began_ns, until_ns, name)) is not None]


def _return(recording: Recording, began_ns: int, until_ns: int, member: str) -> ReturnFact | None:
    fact: ReturnFact = {
        "member": member,
        "role": None,
        "timeline": None,
        "answered_s": None,
        "streaming_s": None,
        "streaming_id": None,
        "replayed": None,
        "level": None,
        "diverged": None,
        "how": None,
        "event_ids": [],
    }
    away, missing = False, False
    until_ns = min(until_ns, began_ns + RETURN_S * SECOND_NS)
    for event in events_between(recording, began_ns - NOTICED_NS, until_ns):
        listed = streaming(event)
        streams = None if listed is None else member in listed
        if event.by_ns < began_ns:
            missing = missing if streams is None else not streams
            continue
        at_s, own = seconds(event.by_ns - began_ns), event.subject == member
        how = HOW_IT_RETURNED.get(str(event.detail.get("says"))) if own and event.kind == "log.told" else None
        if how is not None and str(event.detail.get("code", "0")) == "0":
            fact["how"] = how
            fact["event_ids"] += [] if event.id is None else [event.id]
        elif own and event.kind == "log.told" and fact["how"] is None:
            fact["how"] = "plain"
        if own and event.kind == "log.told" and event.detail.get("says") == "diverged" and fact["diverged"] is None:
            fact["diverged"] = {"text": str(event.detail.get("text")), "event_id": event.id}
        if own and event.kind == "source.blind" and event.source == "postgres":
            away = True
        elif own and event.kind in ("member.changed", "source.sees") and event.source == "postgres" and away:
            primary = says_primary(event)
            answered_s = fact["answered_s"]
            if answered_s is None:
                answered_s = fact["answered_s"] = at_s
                fact["event_ids"] += [] if event.id is None else [event.id]
            if primary is not None and at_s - answered_s <= SETTLED_S:
                fact["role"] = "primary" if primary else "replica"
                fact["timeline"] = event.detail.get("timeline") or fact["timeline"]
        if away and missing and streams and fact["streaming_s"] is None:
            fact["streaming_s"], fact["streaming_id"] = at_s, event.id
            fact["event_ids"] += [] if event.id is None else [event.id]
        if fact["streaming_s"] is not None:
            sample: SampleFact = {"seconds": at_s, "event_id": event.id}
            if fact["replayed"] is None and own and _replayed(event):
                fact["replayed"] = sample
            if fact["level"] is None and _level(event, member):
                fact["level"] = sample
        missing = missing if streams is None else not streams
    return fact if away else None


def _replayed(event: Event) -> bool:
    """Whether a replica's own PostgreSQL says that it replayed all it received and lags by nothing."""
    told = event.detail
    if event.kind != "replication.sampled" or event.source != "postgres" or told.get("in_recovery") is not True:
        return False
    return told.get("lsn") is not None and told.get("lsn") == told.get("replay_lsn") and told.get("lag_s") == 0


def _level(event: Event, member: str) -> bool:
    """Whether a primary's PostgreSQL says that a member is no byte behind."""
    lags = event.detail.get("lag_bytes")
    own = event.kind == "replication.sampled" and event.source == "postgres"
    return own and isinstance(lags, Mapping) and lags.get(member) == 0


def streaming(event: Event) -> frozenset[str] | None:
    """Who streams from a primary, as its Patroni says; None: it is no word of a primary's."""
    rows = event.detail.get("replication") if event.kind == "member.changed" and event.source == "patroni" else None
    if not isinstance(rows, (list, tuple)) or not says_primary(event) or not is_running(event.detail.get("state")):
        return None
    return frozenset(
        str(row.get("application_name")) for row in rows if isinstance(row, Mapping) and row.get("state") == "streaming"
    )
