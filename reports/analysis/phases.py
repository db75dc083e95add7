"""The phases of an outage: a table of shapes, one for each kind of incident, and how boundaries become phases.

The boundaries of an outage are its start, the events of its shape, and its end. They never run backwards: a later one
cuts the window of an earlier one. Where the event that separates two phases was not seen, the two are one phase with
both names, so that the phases sum to the outage whatever was missed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from observer.model.findings import Evidence, Outage, Phase
from observer.model.recording import Window
from reports.analysis.incident_context import IncidentContext, at_s, shows
from reports.analysis.outages import stable_ns
from reports.analysis.phase_boundaries import (
    Boundary,
    Find,
    accepts,
    key_gone,
    key_taken,
    proxy_back,
    quorum_back,
    routed,
)
from reports.analysis.quorum import majority_gone
from reports.analysis.rule import Found
from reports.analysis.rules.etcd import shows_lost
from reports.analysis.theory import (
    Bound,
    bound,
    effective,
    in_place,
    live_settings,
    patroni_version,
    proxy_settings,
)

# What ends each phase but the last; the last one ends with the first acknowledged write. The phases before the outage
# are named by the kind of event that begins them.
Shape = tuple[tuple[str, Find], ...]
FAILOVER: Shape = (
    ("detection", key_gone),
    ("election", key_taken),
    ("promotion", accepts),
    ("routing", routed),
)
SWITCHOVER: Shape = (("handover", key_gone), *FAILOVER[1:])
QUORUM: Shape = (("quorumless", quorum_back), ("promotion", accepts), ("routing", routed))
PROXY: Shape = (("absence", proxy_back),)
RESTART: Shape = (("absence", accepts), ("routing", routed))
LAST = "recovery"
KEYS = (key_gone, key_taken)

SHAPES: Mapping[str, Shape] = {
    "switchover": SWITCHOVER,
    "failover.manual": SWITCHOVER,
    "etcd.quorum_lost": QUORUM,
    "failsafe": QUORUM,
    "proxy.down": PROXY,
    "proxy.frozen": PROXY,
    "proxy.reloaded": PROXY,
    "proxy.cut_off": (("absence", routed),),
    "postgres.crashed": RESTART,
    "postgres.frozen": RESTART,
    "postgres.restarted": RESTART,
}
PREFACES: Mapping[str, tuple[str, str]] = {
    "switchover": ("request", "failover.asked"),
    "failover.manual": ("request", "failover.asked"),
    "etcd.quorum_lost": ("demotion", "quorum.lost"),
    "failsafe": ("demotion", "quorum.lost"),
}


def shape_of(context: IncidentContext, cause: Found) -> Shape | None:
    """The shape of an incident; None: nothing known separates its outage into phases."""
    moved, shape = context.leader_lost is not None or context.leader_elected is not None, SHAPES.get(cause.cause)
    if shape is not None and not (moved and shape is RESTART):
        return shape
    if moved:
        return FAILOVER
    if not cause.cause.startswith(("leader.", "patroni.")):
        return None
    # Open, with the key still kept: it is not known yet whether the leader comes back before its lease runs out.
    return FAILOVER if any(outage.open for outage in context.outages) else RESTART


def phases(context: IncidentContext, cause: Found) -> tuple[Phase, ...]:
    """All phases of an incident, in order. Those that PHASES (keys.py) counts to the outage sum to `write.outage_ns`.

    One outage of writes is taken apart; any other of the same incident is a "relapse". A phase that began or ended at
    what was known before the outage has no bound: the outage holds only a part of it.
    """
    own = context.outages
    shape = shape_of(context, cause)
    if not own or shape is None:
        return ()
    main = _main(context, cause, shape)
    recording = context.index.recording
    live = effective(live_settings(recording, main.began_ns), patroni_version(recording))
    proxy = proxy_settings(recording)
    expired = cause.cause in (
        "leader.killed",
        "leader.frozen",
        "leader.unreachable",
        "leader.cut_off",
        "patroni.killed",
    )
    names, boundaries = _marks(context, cause, shape, main)
    chain = _chain(context, main, names, boundaries)
    early = [
        boundary.evidence for boundary in boundaries if boundary is not None and boundary.window.by_ns < main.began_ns
    ]
    relapses = [_whole(context, "relapse", outage) for outage in own if outage is not main]
    told = [*_preface(context, cause, main), *chain, *relapses, *_settling(context)]
    bounded = [
        p
        if p.began_by in early or p.ended_by in early
        else replace(p, bound_s=_bound(p.name, cause, bound(p.name, expired, live, proxy), live))
        for p in told
    ]
    return tuple(sorted(bounded, key=lambda phase: phase.began.by_ns))


def _main(context: IncidentContext, cause: Found, shape: Shape) -> Outage:
    """The outage that is taken apart: the one in which the leader key changed, if any; else the longest."""
    keys = [
        boundary.window
        for _, find in shape
        if find in KEYS
        for boundary in [find(context, cause, 0)]
        if boundary is not None
    ]

    def held(outage: Outage) -> int:
        return sum(outage.began_ns <= key.by_ns and key.after_ns < outage.ended_ns for key in keys)

    return max(context.outages, key=lambda outage: (held(outage), outage.duration_ns))


def _bound(name: str, cause: Found, bound_s: Bound | None, live: Mapping[str, Any] | None) -> Bound | None:
    """Where the cause decides: a leader's PostgreSQL that crashed comes back in its place within a time or not at all.

    One that lives on serves for a while, so the outage begins when the lease has run for some time.
    """
    if name == "absence" and cause.cause == "postgres.crashed":
        return in_place(live)
    late = name.startswith("detection") and cause.cause in ("patroni.killed", "leader.cut_off")
    return (0.0, bound_s[1]) if late and bound_s is not None else bound_s


def _marks(
    context: IncidentContext, cause: Found, shape: Shape, main: Outage
) -> tuple[list[str], list[Boundary | None]]:
    """The names of the phases and what ends each of them but the last."""
    names, boundaries, after_ns = [name for name, _ in shape], [], 0
    for _, find in shape:
        boundary = find(context, cause, after_ns)
        if boundary is not None and not main.open and boundary.window.after_ns >= main.ended_ns:
            boundary = None  # it certainly came after the outage: it ended nothing in it
        if boundary is not None:
            after_ns = boundary.window.by_ns
        boundaries.append(boundary)
    return [*names, LAST], boundaries


def _chain(
    context: IncidentContext, outage: Outage, names: Sequence[str], boundaries: Sequence[Boundary | None]
) -> list[Phase]:
    """Phases from the outage's start to its end; see the module's own words."""
    if outage.open:  # what is under way is the phase after the last mark that was seen, and no more than that
        seen = max((i for i, boundary in enumerate(boundaries) if boundary is not None), default=-1)
        names, boundaries = names[: seen + 2], boundaries[: seen + 1]
    start, end = Window.at(outage.began_ns), Window.at(outage.ended_ns)
    kept = [(index, boundary) for index, boundary in enumerate(boundaries) if boundary is not None]
    windows = _ordered([boundary.window for _, boundary in kept], start, end)
    limits = [start, *windows, end]
    proofs = [_began_by(context, outage), *(boundary.evidence for _, boundary in kept), _ended_by(context, outage)]
    cuts = [-1, *(index for index, _ in kept), len(names) - 1]
    return [
        Phase("+".join(names[cuts[i] + 1 : cuts[i + 1] + 1]), limits[i], limits[i + 1], proofs[i], proofs[i + 1])
        for i in range(len(limits) - 1)
    ]


def _ordered(windows: Sequence[Window], start: Window, end: Window) -> list[Window]:
    """Windows that do not run backwards: a later one cuts an earlier one, and none leaves the outage."""
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


def _preface(context: IncidentContext, cause: Found, main: Outage) -> list[Phase]:
    """What came before the outage: a request, or a loss of quorum that the primary outlived for a while."""
    if cause.cause not in PREFACES:
        return []
    name, kind = PREFACES[cause.cause]
    event = next((e for e in context.events(kind)), None)
    if event is None or event.by_ns >= main.began_ns:
        return []
    facts = {"leader": event.detail.get("leader"), "candidate": event.detail.get("candidate")}
    proof = shows("evidence.failover_asked", event, **facts) if kind == "failover.asked" else shows_lost(event)
    gone = majority_gone(context.index.recording, context.index.spells, event.by_ns) if kind == "quorum.lost" else None
    if gone is None:
        return [Phase(name, event.window, Window.at(main.began_ns), proof, _began_by(context, main))]
    # The quorum goes with the member that makes it a minority, not when those that are left say so.
    window, away = gone
    rows = tuple(spell.told[0].id for spell in away if spell.told[0].id is not None)
    silent = Evidence("events", rows, "evidence.quorum_gone", {"at_s": at_s(window.by_ns)})
    return [Phase(name, window, Window.at(main.began_ns), silent, _began_by(context, main))]


def _settling(context: IncidentContext) -> list[Phase]:
    """From the first acknowledged write until 5 s have passed without a failure; and until all replicas stream."""
    last = context.outages[-1]
    length_ns = stable_ns(context.index.recording, context.index.failures["write"], context.outages)
    if last.open or length_ns is None:
        return []
    calm = Window.at(context.outages[0].began_ns + length_ns)
    proof = Evidence("operations", (), "evidence.stable", {"at_s": at_s(calm.by_ns)})
    return [Phase("settling", Window.at(last.ended_ns), calm, _ended_by(context, last), proof)]


def _whole(context: IncidentContext, name: str, outage: Outage) -> Phase:
    return Phase(
        name,
        Window.at(outage.began_ns),
        Window.at(outage.ended_ns),
        _began_by(context, outage),
        _ended_by(context, outage),
    )


def _began_by(context: IncidentContext, outage: Outage) -> Evidence:
    ids = () if outage.before_id is None else (outage.before_id,)
    facts = {"action": outage.action, "server": _server(context, outage.before_id), "at_s": at_s(outage.began_ns)}
    return Evidence("operations", ids, "evidence.last_acknowledged", facts)


def _ended_by(context: IncidentContext, outage: Outage) -> Evidence:
    if outage.open:
        return Evidence("operations", (), "evidence.recording_ended", {"at_s": at_s(outage.ended_ns)})
    ids = () if outage.after_id is None else (outage.after_id,)
    facts = {"action": outage.action, "server": _server(context, outage.after_id), "at_s": at_s(outage.ended_ns)}
    return Evidence("operations", ids, "evidence.first_acknowledged", facts)


def _server(context: IncidentContext, operation_id: int | None) -> str | None:
    return None if operation_id is None else context.index.servers.get(operation_id)
