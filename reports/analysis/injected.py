"""What somebody told they did: which incident it caused, and which cause the judge should have found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from observer.model.recording import SECOND_NS, Event
from reports.analysis.incidents import Span

# How long after it was told a fault may take to show.
LATE_NS = 30 * SECOND_NS
# An operator who tells a fault by hand may be a little late.
EARLY_NS = 2 * SECOND_NS

# A deed that somebody tells of is also told by the engine that was asked for it: of a stop or a kill at once, of a
# start or a new connection when it is done, which a busy machine may take seconds for.
BEFORE_NS, AFTER_NS = SECOND_NS, 10 * SECOND_NS
# What an engine tells of a deed that it does not know by name.
PARTS: Mapping[str, tuple[str, ...]] = {"reboot": ("kill", "start")}

# (component, action) -> the cause for the leader, and for any other member. None: no cause of that name.
CAUSES: Mapping[tuple[str, str], tuple[str, str]] = {
    ("patroni", "kill"): ("leader.killed", "replica.killed"),
    ("patroni", "stop"): ("leader.stopped", "replica.stopped"),
    ("patroni", "freeze"): ("leader.frozen", "replica.frozen"),
    ("patroni", "pause"): ("leader.frozen", "replica.frozen"),
    ("patroni", "kill_alone"): ("patroni.killed", "patroni.killed"),
    ("postgres", "kill"): ("postgres.crashed", "postgres.crashed"),
    ("postgres", "stop"): ("postgres.restarted", "postgres.restarted"),  # Patroni starts it again
    ("postgres", "freeze"): ("postgres.frozen", "postgres.frozen"),
    ("postgres", "pause"): ("postgres.frozen", "postgres.frozen"),
    ("postgres", "restart"): ("postgres.restarted", "postgres.restarted"),
    ("postgres", "reinit"): ("replica.rebuilt", "replica.rebuilt"),
    ("postgres", "promote"): ("two_primaries", "two_primaries"),
    ("network", "disconnect"): ("leader.unreachable", "replica.unreachable"),
    ("network", "cut_off"): ("leader.cut_off", "replica.cut_off"),
    ("network", "cut_proxy"): ("proxy.cut_off", "proxy.cut_off"),
    ("cluster", "switchover"): ("switchover", "switchover"),
    ("cluster", "failover"): ("failover.manual", "failover.manual"),
    ("haproxy", "kill"): ("proxy.down", "proxy.down"),
    ("haproxy", "stop"): ("proxy.down", "proxy.down"),
    ("haproxy", "freeze"): ("proxy.frozen", "proxy.frozen"),
    ("haproxy", "pause"): ("proxy.frozen", "proxy.frozen"),
    ("haproxy", "reload"): ("proxy.reloaded", "proxy.reloaded"),
    ("etcd", "elect"): ("etcd.election", "etcd.election"),
    ("tables", "lock"): ("unknown", "unknown"),
    ("settings", "read_only"): ("unknown", "unknown"),
}


def cause_injected(component: str, action: str, led: bool, majority: bool = True) -> str | None:
    """The cause to score against. `led`: the target held the leader key then. `majority`: etcd kept its quorum."""
    if component == "etcd" and action in ("kill", "stop", "freeze", "pause", "disconnect"):
        return "etcd.member_down" if majority else "etcd.quorum_lost"
    pair = CAUSES.get((component, action))
    return None if pair is None else pair[0 if led else 1]


def deeds(events: Iterable[Event]) -> list[Event]:
    """What was told, each deed once: where its doer tells of it, who tells more, the engine's word is left out."""
    told = [event for event in events if event.kind in ("fault.told", "repair.told")]
    words = [event for event in told if event.source == "docker"]
    for deed in told:
        if deed.source != "docker":
            action = str(deed.detail.get("action"))
            for part in PARTS.get(action, (action,)):
                word = next((word for word in words if _is_of(word, deed, part)), None)
                if word is not None:
                    words.remove(word)
    return [event for event in told if event.source != "docker" or event in words]


def _is_of(word: Event, deed: Event, action: str) -> bool:
    return (
        -BEFORE_NS <= word.by_ns - deed.by_ns <= AFTER_NS
        and word.subject == deed.subject
        and word.detail.get("component") == deed.detail.get("component")
        and word.detail.get("action") == action
    )


def injected_in(spans: Sequence[Span], events: Sequence[Event]) -> dict[int, tuple[Event, ...]]:
    """What was told, by the index of the incident it belongs to.

    A fault belongs to the incident that it lies in or shortly precedes; a repair, to the one it lies in or follows.
    What belongs to none is left out.
    """
    found: dict[int, list[Event]] = {}
    for event in deeds(events):
        if event.kind == "fault.told":
            index = _of_fault(spans, event.by_ns)
        else:
            index = next((i for i in reversed(range(len(spans))) if spans[i].began_ns <= event.by_ns), None)
        if index is not None:
            found.setdefault(index, []).append(event)
    return {index: tuple(told) for index, told in found.items()}


def _of_fault(spans: Sequence[Span], at_ns: int) -> int | None:
    soon = [i for i, span in enumerate(spans) if at_ns - EARLY_NS <= span.began_ns <= at_ns + LATE_NS]
    if soon:
        return min(soon, key=lambda i: abs(spans[i].began_ns - at_ns))
    return next((i for i, span in enumerate(spans) if span.began_ns <= at_ns <= span.ended_ns), None)
