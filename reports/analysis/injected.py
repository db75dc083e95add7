"""Injected faults: what an operator or a drill reported, which incident it belongs to, and the cause to find."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from observer.model.causes import CAUSES
from observer.model.findings import Reported
from observer.model.recording import SECOND_NS, Event, RecordingHeader
from reports.analysis.incidents import Span

# How long after its report a fault may take to show.
LATE_NS = 30 * SECOND_NS
# An operator who reports a fault by hand may be a little late.
EARLY_NS = 2 * SECOND_NS

# The container engine reports a fault action too: a stop or a kill at once, a start or a new connection when it is
# done, which may take seconds on a busy machine.
BEFORE_NS, AFTER_NS = SECOND_NS, 10 * SECOND_NS
# What the engine reports of an action that it does not know by name.
PARTS: Mapping[str, tuple[str, ...]] = {"reboot": ("kill", "start")}
ETCD_FAULTS = ("kill", "stop", "freeze", "pause", "disconnect")


def cause_injected(component: str, action: str, led: bool, majority: bool = True) -> str | None:
    """Return the cause to score a fault against; None: the table of causes has none.

    `led`: the target held the leader key then. `majority`: etcd kept its quorum.
    """
    if component == "etcd" and action in ETCD_FAULTS:
        return "etcd.member_down" if majority else "etcd.quorum_lost"
    fault = (component, action)
    on_replica = next((cause.name for cause in CAUSES.values() if fault in cause.injected_on_replica), None)
    on_leader = next((cause.name for cause in CAUSES.values() if fault in cause.injected_by), None)
    return on_leader if led or on_replica is None else on_replica


def injected(events: Iterable[Event]) -> list[Event]:
    """Return the reported faults and repairs, each once: the drill reports more than the container engine."""
    reports = [event for event in events if event.kind in ("fault.told", "repair.told")]
    of_engine = [event for event in reports if event.source == "docker"]
    for report in reports:
        if report.source != "docker":
            action = str(report.detail.get("action"))
            for part in PARTS.get(action, (action,)):
                same = next((one for one in of_engine if _is_same(one, report, part)), None)
                if same is not None:
                    of_engine.remove(same)
    return [event for event in reports if event.source != "docker" or event in of_engine]


def reported(header: RecordingHeader, event: Event) -> Reported:
    """Return a reported fault, repair or note for the report."""
    return Reported(event.kind, event.by_ns, header.utc(event.by_ns).isoformat(), event.detail, event.id)


def _is_same(of_engine: Event, report: Event, action: str) -> bool:
    return (
        -BEFORE_NS <= of_engine.by_ns - report.by_ns <= AFTER_NS
        and of_engine.subject == report.subject
        and of_engine.detail.get("component") == report.detail.get("component")
        and of_engine.detail.get("action") == action
    )


def injected_in(spans: Sequence[Span], events: Sequence[Event]) -> dict[int, tuple[Event, ...]]:
    """Return the reports by the index of the incident to which they belong; some belong to none.

    A fault belongs to the incident that it shortly precedes, else to the one in which it lies. A repair belongs to the
    last incident that began before it.
    """
    found: dict[int, list[Event]] = {}
    for event in injected(events):
        if event.kind == "fault.told":
            index = _of_fault(spans, event.by_ns)
        else:
            index = next((i for i in reversed(range(len(spans))) if spans[i].began_ns <= event.by_ns), None)
        if index is not None:
            found.setdefault(index, []).append(event)
    return {index: tuple(own) for index, own in found.items()}


def _of_fault(spans: Sequence[Span], at_ns: int) -> int | None:
    soon = [i for i, span in enumerate(spans) if at_ns - EARLY_NS <= span.began_ns <= at_ns + LATE_NS]
    if soon:
        return min(soon, key=lambda i: abs(spans[i].began_ns - at_ns))
    return next((i for i, span in enumerate(spans) if span.began_ns <= at_ns <= span.ended_ns), None)
