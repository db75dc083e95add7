"""The phases of an outage: the boundaries that each shape has, and how boundaries become phases.

The boundaries of an outage are its start, the events of its shape, and its end. They never run backwards: a later one
cuts the window of an earlier one. If the event between two phases was not observed, the two are one phase with both
names, so that the phases sum to the outage whatever was missed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from observer.model.causes import CAUSES, Cause, Preface, Shape
from observer.model.findings import Evidence, Outage, Phase
from observer.model.recording import Window
from reports.analysis import phase_boundaries as ends
from reports.analysis.incident_context import IncidentContext, at_s, shows
from reports.analysis.phase_boundaries import Boundary, Find
from reports.analysis.reachability import majority_gone
from reports.analysis.rule import Found
from reports.analysis.rules.etcd import shows_lost
from reports.analysis.theory import Bound, bound, effective, in_place, live_settings

# What ends each phase but the last, which ends with the first acknowledged write.
Boundaries = tuple[tuple[str, Find], ...]
_NEW_LEADER: Boundaries = (("election", ends.key_taken), ("promotion", ends.accepts), ("routing", ends.routed))
SHAPES: Mapping[Shape, Boundaries] = {
    "failover": (("detection", ends.key_gone), *_NEW_LEADER),
    "switchover": (("handover", ends.key_gone), *_NEW_LEADER),
    "quorum": (("quorumless", ends.quorum_back), ("promotion", ends.accepts), ("routing", ends.routed)),
    "proxy": (("absence", ends.proxy_back),),
    "route": (("absence", ends.routed),),
    "restart": (("absence", ends.accepts), ("routing", ends.routed)),
}
LAST = "recovery"
# The kind of event that begins the phase before the outage.
PREFACES: Mapping[Preface, str] = {"request": "failover.asked", "demotion": "quorum.lost"}


def shape_of(context: IncidentContext, cause: Cause) -> Shape:
    """Return the shape of an incident; "none": nothing known divides its outage into phases."""
    moved = context.leader_lost is not None or context.leader_elected is not None
    if moved and cause.shape in ("restart", "none"):
        return "failover"
    # The key is kept and the outage is open: the leader may still come back before its lease runs out, or not.
    of_leader = cause.shape == "restart" and cause.layer in ("leader", "patroni")
    return "failover" if of_leader and any(outage.open for outage in context.write.outages) else cause.shape


def phases(context: IncidentContext, result: Found) -> tuple[Phase, ...]:
    """Return all phases of an incident, in order. Those that PHASES (keys.py) counts to the outage sum to it.

    One outage of writes is divided; any other of the same incident is a "relapse". A phase that began or ended with an
    event before the outage has no bound: the outage holds only a part of it.
    """
    own, cause = context.write.outages, CAUSES[result.cause]
    shape = SHAPES.get(shape_of(context, cause))
    if not own or shape is None:
        return ()
    main = _main(context, result, shape)
    boundaries = _boundaries(context, result, shape, main)
    early = [b.evidence for b in boundaries if b is not None and b.window.by_ns < main.began_ns]
    found = [
        *_preface(context, cause, main),
        *_chain(context, main, [*(name for name, _ in shape), LAST], boundaries),
        *(_whole(context, "relapse", outage) for outage in own if outage is not main),
        *_settling(context),
    ]
    bounds = _bounds(context, cause, main, [p.name for p in found])
    bounded = [
        p if p.began_by in early or p.ended_by in early else replace(p, bound_s=bound_s)
        for p, bound_s in zip(found, bounds, strict=True)
    ]
    return tuple(sorted(bounded, key=lambda phase: phase.began.by_ns))


def _main(context: IncidentContext, result: Found, shape: Boundaries) -> Outage:
    """Return the outage to divide: the one in which the leader key changed, if any; else the longest."""
    finds = [find for _, find in shape if find in (ends.key_gone, ends.key_taken)]
    keys = [boundary.window for find in finds if (boundary := find(context, result, 0)) is not None]

    def holds(outage: Outage) -> int:
        return sum(outage.began_ns <= key.by_ns and key.after_ns < outage.ended_ns for key in keys)

    return max(context.write.outages, key=lambda outage: (holds(outage), outage.duration_ns))


def _bounds(context: IncidentContext, cause: Cause, main: Outage, names: Sequence[str]) -> list[Bound | None]:
    """Return the shortest and longest time of each phase, by the settings and the cause.

    A PostgreSQL that comes back in its place does so within a time or not at all. A leader that goes on serving while
    its lease runs out begins the outage later, so its detection may be shorter.
    """
    index = context.index
    settings = live_settings(index.settings, main.began_ns)
    live = effective(None if settings is None else settings.values, index.patroni_version)
    found: list[Bound | None] = []
    for name in names:
        own = bound(name, cause.lease_expires, live, index.proxy_settings)
        if name == "absence" and cause.in_place:
            own = in_place(live)
        elif own is not None and name.startswith("detection") and cause.serves_on:
            own = 0.0, own[1]
        found.append(own)
    return found


def _boundaries(context: IncidentContext, result: Found, shape: Boundaries, main: Outage) -> list[Boundary | None]:
    found: list[Boundary | None] = []
    after_ns = 0
    for _, find in shape:
        boundary = find(context, result, after_ns)
        if boundary is not None and not main.open and boundary.window.after_ns >= main.ended_ns:
            boundary = None  # it certainly came after the outage, so it ended nothing in it
        if boundary is not None:
            after_ns = boundary.window.by_ns
        found.append(boundary)
    return found


def _chain(
    context: IncidentContext, outage: Outage, names: Sequence[str], boundaries: Sequence[Boundary | None]
) -> list[Phase]:
    if outage.open:  # the phase after the last boundary that was observed is under way
        last = max((i for i, boundary in enumerate(boundaries) if boundary is not None), default=-1)
        names, boundaries = names[: last + 2], boundaries[: last + 1]
    start, end = Window.at(outage.began_ns), Window.at(outage.ended_ns)
    known = [(index, boundary) for index, boundary in enumerate(boundaries) if boundary is not None]
    windows = _ordered([boundary.window for _, boundary in known], start, end)
    limits = [start, *windows, end]
    shown = [_began_by(context, outage), *(boundary.evidence for _, boundary in known), _ended_by(context, outage)]
    cuts = [-1, *(index for index, _ in known), len(names) - 1]
    return [
        Phase("+".join(names[cuts[i] + 1 : cuts[i + 1] + 1]), limits[i], limits[i + 1], shown[i], shown[i + 1])
        for i in range(len(limits) - 1)
    ]


def _ordered(windows: Sequence[Window], start: Window, end: Window) -> list[Window]:
    """Return windows that do not run backwards: a later one cuts an earlier one, and none leaves the outage."""
    cut: list[Window] = []
    latest_ns = end.by_ns
    for window in reversed(windows):
        latest_ns = max(start.by_ns, min(window.by_ns, latest_ns))
        cut.append(Window(min(window.after_ns, latest_ns), latest_ns))
    ordered: list[Window] = []
    earliest_ns = start.after_ns
    for window in reversed(cut):
        earliest_ns = min(max(window.after_ns, earliest_ns), window.by_ns)
        ordered.append(Window(earliest_ns, window.by_ns))
    return ordered


def _preface(context: IncidentContext, cause: Cause, main: Outage) -> list[Phase]:
    """Return the phase before the outage: a request, or a loss of quorum after which the primary served for a while."""
    event = None if cause.preface is None else context.first(PREFACES[cause.preface])
    if cause.preface is None or event is None or event.by_ns >= main.began_ns:
        return []
    window, shown = event.window, shows_lost(event)
    if cause.preface == "request":
        facts = {"leader": event.detail.get("leader"), "candidate": event.detail.get("candidate")}
        shown = shows("evidence.failover_asked", event, **facts)
    elif (gone := majority_gone(context.index.recording, context.index.unreachable, event.by_ns)) is not None:
        # Quorum goes with the member that leaves the rest a minority, not when the rest report it.
        window, away = gone
        shown = shows("evidence.quorum_gone", [one.failures[0] for one in away], at_s=at_s(window.by_ns))
    return [Phase(cause.preface, window, Window.at(main.began_ns), shown, _began_by(context, main))]


def _settling(context: IncidentContext) -> list[Phase]:
    """Return the phase from the first acknowledged write until 5 s have passed without a failure."""
    last, length_ns = context.write.outages[-1], context.write.stable_ns
    if last.open or length_ns is None:
        return []
    calm = Window.at(context.write.outages[0].began_ns + length_ns)
    shown = Evidence("operations", (), "evidence.stable", {"at_s": at_s(calm.by_ns)})
    return [Phase("settling", Window.at(last.ended_ns), calm, _ended_by(context, last), shown)]


def _whole(context: IncidentContext, name: str, outage: Outage) -> Phase:
    began, ended = Window.at(outage.began_ns), Window.at(outage.ended_ns)
    return Phase(name, began, ended, _began_by(context, outage), _ended_by(context, outage))


def _began_by(context: IncidentContext, outage: Outage) -> Evidence:
    return _acknowledged(context, outage, "evidence.last_acknowledged", outage.before_id, outage.began_ns)


def _ended_by(context: IncidentContext, outage: Outage) -> Evidence:
    if outage.open:
        return Evidence("operations", (), "evidence.recording_ended", {"at_s": at_s(outage.ended_ns)})
    return _acknowledged(context, outage, "evidence.first_acknowledged", outage.after_id, outage.ended_ns)


def _acknowledged(context: IncidentContext, outage: Outage, says: str, row: int | None, at_ns: int) -> Evidence:
    server = None if row is None else context.index.servers.get(row)
    facts = {"action": outage.action, "server": server, "at_s": at_s(at_ns)}
    return Evidence("operations", () if row is None else (row,), says, facts)
