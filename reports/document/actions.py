"""What to change: the part of the write outages that took longest, the setting behind it, and what the change gives."""

from collections import Counter
from collections.abc import Mapping

from observer.model.causes import CAUSES
from reports.analysis.results.whole import IncidentResults, RecordingResults, Results
from reports.analysis.theory import bound, effective
from reports.document.blocks import Cell, Inline, Profile, Section
from reports.document.build import paragraph, say, seconds, table
from reports.document.phases import outage_phases

# The least ttl that Patroni takes, with a pair that fits: loop_wait + 2 x retry_timeout is at most ttl.
FASTER: Mapping[str, int] = {"ttl": 20, "loop_wait": 5, "retry_timeout": 5}
INTER_MS = 1000
# Rows of the table, and the least share of the outages that is worth one.
MOST, LEAST = 4, 0.03
# Phases whose length a setting decides; for any other the cause decides what to change.
BY_PHASE: Mapping[str, str] = {
    "detection": "lease",
    "election": "election",
    "promotion": "promotion",
    "routing": "routing",
    "recovery": "recovery",
    "quorumless": "etcd",
    "handover": "shutdown",
}


def actions(results: Results, profile: Profile) -> Section | None:
    """Return a row for each thing to change: its share of the write outages, the change and its gain."""
    spent = _spent(results)
    total_ns = sum(spent.values())
    if not total_ns:
        return None
    rows = [
        (
            say(f"remedy.{name}.part"),
            say("actions.share", seconds=seconds(ns), share=ns / total_ns),
            say(f"remedy.{name}.change"),
            _gain(name, results),
        )
        for name, ns in spent.most_common(MOST)
        if ns / total_ns >= LEAST
    ]
    note = say("actions.note") if any(row[-1] is not None for row in rows) else None
    return Section("actions", say("actions.title"), (*table("actions.columns", rows), *paragraph(note)))


def weakest(results: Results) -> tuple[Inline, ...]:
    """Return the part that took most of the write outages, with the first thing to change."""
    spent = _spent(results)
    if not spent:
        return ()
    name, ns = spent.most_common(1)[0]
    part = say("overview.weakest", part=say(f"remedy.{name}.part"), share=ns / sum(spent.values()))
    return (part, say(f"remedy.{name}.change"))


def _spent(results: Results) -> Counter[str]:
    """Return nanoseconds of write outages by what would shorten them."""
    spent: Counter[str] = Counter()
    for incident in results.incidents:
        inside = outage_phases(incident)
        for phase in inside:
            spent[_remedy(phase.name, incident)] += phase.duration_ns
        if not inside and incident.write.outage_ns:
            spent[CAUSES[incident.cause].remedy] += incident.write.outage_ns
    return spent


def _remedy(phase: str, incident: IncidentResults) -> str:
    cause = CAUSES[incident.cause]
    first = phase.partition("+")[0]
    if first == "detection" and not cause.lease_expires:
        return "shutdown" if cause.name == "leader.stopped" else cause.remedy
    return BY_PHASE.get(first, cause.remedy)


def _gain(name: str, results: Results) -> Cell:
    """Return what faster settings would make of a phase's bounds, by the formulas of the bounds; None: nothing."""
    phase = next((phase for phase, remedy in BY_PHASE.items() if remedy == name), None)
    if phase not in ("detection", "election", "routing"):
        return None
    for recording in reversed(results.recordings):
        now, then = _bounds(phase, recording)
        if now is not None and then is not None and then[1] < now[1]:
            facts = {"then_low": then[0], "then_high": then[1], "now_low": now[0], "now_high": now[1]}
            if phase == "routing":
                return say("actions.gain_inter", inter_ms=INTER_MS, **facts)
            return say("actions.gain_ttl", **FASTER, **facts)
    return None


def _bounds(phase: str, recording: RecordingResults) -> tuple[tuple[float, float] | None, tuple[float, float] | None]:
    """Return the bounds of a phase with the recording's settings and with faster ones."""
    live = effective(recording.live, recording.versions.get("patroni"))
    proxy = {"inter_ms": recording.proxy.inter_ms, "rise": recording.proxy.rise}
    faster = {"inter_ms": INTER_MS, "rise": recording.proxy.rise}
    now = bound(phase, True, live, proxy)
    return now, bound(phase, True, FASTER if live else None, faster if recording.proxy.rise else None)
