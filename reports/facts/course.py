"""The course of a recording, for pictures and for what came of a node: roles, routes, quorum, returns.

Timeline in, plain facts out. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TypedDict

from observer.model.findings import Incident
from observer.model.recording import SECOND_NS, Event, Recording
from reports.analysis.leadership import says_primary
from reports.analysis.quorum import inferred_quorum_events
from reports.analysis.reachability import unreachable
from reports.facts.moments import seconds
from reports.facts.portrait import events_between


class SpanFact(TypedDict):
    """Something that lasted: a member's role as seen from outside, a pool's route to a server, a quorum that was lost.

    what: for a role "primary", "replica" or "away"; for a route "up"; for etcd "lost"; for a proxy that is full its
    sessions and their limit. `event_id` is the row that began it, `until_id` the one that ended it.
    """

    subject: str
    what: str
    from_s: float
    to_s: float
    event_id: int | None
    until_id: int | None


class PromotionFact(TypedDict):
    """When a member first said that it was a primary on a timeline, or its log that it selected that one."""

    member: str
    timeline: int
    at_s: float
    event_id: int | None


def roles_of(recording: Recording) -> list[SpanFact]:
    """What each member was, as its PostgreSQL said when it was asked directly, else as its Patroni said."""
    end_s = seconds(recording.header.until_ns)
    asked = {e.source for e in recording.events if e.kind == "member.changed"}
    source = "postgres" if "postgres" in asked else "patroni"
    told: dict[str, list[tuple[float, str, int | None]]] = {}
    role: dict[str, str] = {}
    for event in recording.events:
        if event.source != source:
            continue
        what = "away" if event.kind == "source.blind" else _role(event)
        if what is None and event.kind == "source.sees":
            what = role.get(event.subject)  # until it says otherwise, what it was
        if what is not None:
            told.setdefault(event.subject, []).append((seconds(event.by_ns), what, event.id))
            if what != "away":
                role[event.subject] = what
    return [span for member in sorted(told) for span in _spans(member, told[member], end_s)]


def demoted_of(roles: Iterable[SpanFact], from_s: float, to_s: float | None, member: str) -> list[SpanFact]:
    """When the holder of the leader key was a replica again, having been a primary in the same spell."""
    own = [r for r in roles if r["subject"] == member and r["to_s"] > from_s and (to_s is None or r["from_s"] < to_s)]
    first = next((i for i, role in enumerate(own) if role["what"] == "primary"), len(own))
    # The last one is where the next leader's spell begins: the key went before the role was seen to go.
    return [r for r in own[first:] if r["what"] == "replica" and (to_s is None or r["to_s"] <= to_s)]


def _role(event: Event) -> str | None:
    if event.kind == "member.changed":
        primary = says_primary(event)
        return None if primary is None else "primary" if primary else "replica"
    return None


def _spans(subject: str, told: list[tuple[float, str, int | None]], end_s: float) -> Iterator[SpanFact]:
    start: tuple[float, str, int | None] | None = None
    for at in (*told, (end_s, "", None)):
        if start is not None and start[1] == at[1]:
            continue
        if start is not None and (start[0] < at[0] or not at[1]):
            from_s, what, row = start
            yield {
                "subject": subject,
                "what": what,
                "from_s": from_s,
                "to_s": at[0],
                "event_id": row,
                "until_id": at[2],
            }
        start = at


def routes_of(recording: Recording) -> list[SpanFact]:
    """When each pool sent clients to each server."""
    told: dict[str, list[tuple[float, str, int | None]]] = {}
    for event in recording.events:
        if event.kind in ("route.up", "route.down"):
            what = "up" if event.kind == "route.up" else "down"
            told.setdefault(event.subject, []).append((seconds(event.by_ns), what, event.id))
    end_s = seconds(recording.header.until_ns)
    return [s for subject in sorted(told) for s in _spans(subject, told[subject], end_s) if s["what"] == "up"]


def quorum_of(recording: Recording) -> list[SpanFact]:
    """When etcd had no leader, as its members said, or as follows where too few were left to say anything."""
    events = sorted(
        (*recording.events, *inferred_quorum_events(recording, unreachable(recording))), key=lambda e: e.by_ns
    )
    told = [
        (seconds(e.by_ns), "lost" if e.kind == "quorum.lost" else "kept", e.id)
        for e in events
        if e.kind in ("quorum.lost", "quorum.regained")
    ]
    return [s for s in _spans("etcd", told, seconds(recording.header.until_ns)) if s["what"] == "lost"]


def promotions_of(recording: Recording) -> list[PromotionFact]:
    """The first word of each timeline of each primary, in order of time."""
    found: dict[tuple[str, int], PromotionFact] = {}
    for event in recording.events:
        if event.kind == "log.told" and event.detail.get("says") == "new_timeline":
            number = int(str(event.detail.get("timeline")))
        elif event.kind == "member.changed" and says_primary(event) and isinstance(event.detail.get("timeline"), int):
            number = event.detail["timeline"]
        else:
            continue
        first: PromotionFact = {
            "member": event.subject,
            "timeline": number,
            "at_s": seconds(event.by_ns),
            "event_id": event.id,
        }
        found.setdefault((event.subject, number), first)
    return list(found.values())


def slept_of(recording: Recording) -> list[SpanFact]:
    """When the observer itself did not run: it saw nobody then."""
    return [_window(e, "slept") for e in recording.events if e.kind == "observer.slept" and e.source == "daemon"]


def proofs_of(recording: Recording) -> list[SpanFact]:
    """The direct writes that were acknowledged while a proxy was away."""
    return [_window(e, "written") for e in recording.events if e.kind == "write.proved"]


def _window(event: Event, what: str) -> SpanFact:
    from_s, to_s = seconds(event.window.after_ns), seconds(event.by_ns)
    return {
        "subject": event.subject,
        "what": what,
        "from_s": from_s,
        "to_s": to_s,
        "event_id": event.id,
        "until_id": None,
    }


def crowds_of(recording: Recording) -> list[SpanFact]:
    """When a proxy had as many clients as it lets in, so that new ones had to wait."""
    told: dict[str, list[tuple[float, str, int | None]]] = {}
    for event in recording.events:
        if event.kind in ("proxy.full", "proxy.room"):
            sessions = f"{event.detail.get('sessions')} / {event.detail.get('limit')}"
            what = sessions if event.kind == "proxy.full" else "room"
            told.setdefault(event.subject, []).append((seconds(event.by_ns), what, event.id))
    end_s = seconds(recording.header.until_ns)
    return [s for subject in sorted(told) for s in _spans(subject, told[subject], end_s) if s["what"] != "room"]


def led_etcd(recording: Recording, incident: Incident) -> bool | None:
    """Whether the etcd member that failed was etcd's leader; None: nobody who watched told.

    A leader that dies leaves an election; where there was none, who led is what was last told before.
    """
    if incident.cause != "etcd.member_down" or incident.target is None:
        return None
    for event in events_between(recording, incident.began_ns - SECOND_NS, incident.ended_ns):
        if event.kind == "raft.elected":
            before = event.detail.get("before")
            leader = before.get("leader") if isinstance(before, Mapping) else None
            return None if leader is None else bool(leader == incident.target)
    led = raft_leader(recording, incident.began_ns)
    return None if led is None or led[0] == incident.target else False


def raft_leader(recording: Recording, at_ns: int) -> tuple[str, int | None] | None:
    """Who led etcd at a moment, as was last told before it, and the row that tells; None: nobody had."""
    found: tuple[str, int | None] | None = None
    for event in events_between(recording, 0, at_ns):
        leader = event.detail.get("leader") if event.kind == "raft.elected" else None
        if event.kind == "versions.captured" and event.source == "etcd" and event.detail.get("leads"):
            leader = event.subject
        found = found if leader is None else (str(leader), event.id)
    return found
