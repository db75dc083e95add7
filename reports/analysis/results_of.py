"""All results of one or more recordings."""

from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from typing import Any

from observer.model.findings import Findings, Incident
from observer.model.recording import Recording
from reports.analysis import state_history, topology
from reports.analysis.analyze import analyze_index
from reports.analysis.durability import appeared
from reports.analysis.index import Index, build_index
from reports.analysis.injected import reported
from reports.analysis.load import (
    baseline,
    failure_groups,
    read_only_writes,
    throughput_around,
    totals,
    whole_throughput,
)
from reports.analysis.proxy_checks import proxy_checks, proxy_settings
from reports.analysis.reads import reads
from reports.analysis.reads_served import last_stale_read, persistent_on_leader
from reports.analysis.replication import excluded_samples, rejoins, replica_lags
from reports.analysis.results import recording as results
from reports.analysis.results.reads import Consistency, DurabilityTotals
from reports.analysis.results.whole import IncidentResults, RecordingResults, Results
from reports.analysis.split_brain import divergences, possible_split_brains
from reports.analysis.supporting_evidence import supporting_evidence, was_etcd_leader
from reports.analysis.theory import brownout, live_settings


def results_of(recordings: Iterable[Recording], version: str) -> Results:
    """Analyze recordings and return all results, without answers, objectives and self-checks.

    `version`: the version of the observer.
    """
    indexes = [build_index(recording) for recording in recordings]
    return assembled([(index, analyze_index(index)) for index in indexes], version)


def assembled(analyzed: Sequence[tuple[Index, Findings]], version: str) -> Results:
    """Return all results of recordings that were analyzed."""
    indexes = [index for index, _ in analyzed]
    incidents: tuple[IncidentResults, ...] = ()
    for index, found in analyzed:
        incidents += tuple(_incident(index, found, one, len(incidents)) for one in found.incidents)
    return Results(
        observer=version,
        recordings=tuple(_recording(index, found) for index, found in analyzed),
        incidents=incidents,
        durability=_durability(indexes),
        consistency=_consistency(indexes),
    )


def _incident(index: Index, found: Findings, incident: Incident, earlier: int) -> IncidentResults:
    """Return the results of one incident; `earlier` incidents of other recordings have lower ids."""
    proxy = proxy_settings(index)
    header, until_ns = index.recording.header, _until_ns(found, incident, index.end_ns)
    known: dict[str, Any] = {field.name: getattr(incident, field.name) for field in fields(incident)}
    for cost in (incident.write, incident.read):
        known[cost.action] = cost if cost.within is None else replace(cost, within=earlier + cost.within)
    return IncidentResults(
        **known,
        id=earlier + incident.number,
        recording=header.id,
        began_utc=header.utc(incident.began_ns).isoformat(),
        ended_utc=header.utc(incident.ended_ns).isoformat(),
        brownout_bound_s=brownout(proxy.fall, proxy.inter_ms),
        rejoins=rejoins(index, incident, until_ns),
        was_etcd_leader=was_etcd_leader(index, incident),
        supporting=supporting_evidence(index, incident),
        throughput=throughput_around(index.recording, incident),
    )


def _until_ns(found: Findings, incident: Incident, end_ns: int) -> int:
    """Return when the next incident of the same members begins, or the end of the recording."""
    own = {incident.target, *incident.targets}
    later = [i.began_ns for i in found.incidents if i.began_ns > incident.began_ns and own & {i.target, *i.targets}]
    return min(later, default=end_ns)


def _recording(index: Index, found: Findings) -> RecordingResults:
    recording, header = index.recording, index.recording.header
    live, versions = live_settings(index.settings), topology.versions(index)
    roles, routes, excluded = state_history.roles(index), state_history.routes(index), excluded_samples(index)
    return RecordingResults(
        id=header.id,
        began_utc=header.began_utc.isoformat(),
        ended_utc=header.utc(header.until_ns).isoformat(),
        duration_ns=header.until_ns,
        ended=header.ended,
        scope=header.scope,
        cluster_id=header.cluster_id,
        settings=header.settings,
        live=None if live is None else live.values,
        live_id=None if live is None else live.event.id,
        versions={name: ", ".join(sorted(own)) for name, own in versions.items()},
        version_ids={name: tuple(sorted(row for ids in own.values() for row in ids)) for name, own in versions.items()},
        captures=topology.captures(index),
        totals=tuple(totals(recording)),
        failures=failure_groups(index),
        read_only=read_only_writes(index, found.incidents, routes, roles),
        baseline=baseline(recording, found),
        served=tuple(recording.served),
        last_stale_read=last_stale_read(index, roles),
        persistent_on_leader=persistent_on_leader(recording),
        leaderships=state_history.leader_periods(index, roles),
        unreachable=tuple(
            results.Unreachable(one.source, one.subject, one.how, one.from_ns, one.until_ns, one.event.id)
            for one in index.unreachable
        ),
        not_observed=tuple(
            results.NotObserved(action, *period) for action, periods in index.unobserved.items() for period in periods
        ),
        notes=tuple(reported(header, event) for event in index.events_of("note.told")),
        parts=topology.parts(index),
        watchers=topology.watchers(index),
        names=topology.names(index),
        etcd_leader=topology.last_etcd_leader(index),
        proxy=proxy_settings(index),
        checks=proxy_checks(index, routes, roles),
        replica_lags=replica_lags(index, excluded),
        lag_samples_excluded=excluded,
        roles=roles,
        routes=routes,
        promotions=state_history.promotions(index),
        connection_limits=state_history.connection_limits(index),
        quorum=state_history.quorum_losses(index),
        dashboards=topology.dashboards(index),
        observer_suspended=state_history.observer_suspended(index),
        direct_writes=state_history.direct_writes(index),
        throughput=whole_throughput(recording),
    )


def _durability(indexes: Sequence[Index]) -> DurabilityTotals:
    """Return the totals of all writes. Losses are the known ones; other counts are None if one recording lacks them."""
    written = [i.durability for i in indexes if i.durability.acknowledged or i.durability.unknown]
    acknowledged, unaudited = sum(one.acknowledged for one in written), sum(one.unaudited for one in written)
    lost = [len(one.lost) for one in written if one.lost is not None]
    return DurabilityTotals(
        acknowledged=acknowledged,
        audited=acknowledged - unaudited,
        unaudited=unaudited,
        lost=sum(lost) if lost else None,
        lost_writes=tuple(one for index in indexes for one in index.durability.lost or ()),
        unknown=sum(one.unknown for one in written),
        unknown_took_effect=_total([one.unknown_took_effect for one in written]),
        failed_but_present=_total([one.failed_but_present for one in written]),
        failed_but_present_writes=tuple(one for index in indexes for one in appeared(index.recording)),
    )


def _total(values: Sequence[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known and len(known) == len(values) else None


def _consistency(indexes: Sequence[Index]) -> Consistency:
    return Consistency(
        observed=all(_polled_directly(index) for index in indexes),
        two_primaries=tuple(one for index in indexes for one in index.two_primaries),
        possible_split_brain=tuple(one for index in indexes for one in possible_split_brains(index)),
        forks=tuple(one for index in indexes for one in divergences(index)),
        reads=tuple(reads(index.recording) for index in indexes),
    )


def _polled_directly(index: Index) -> bool:
    """Return whether two members' PostgreSQL answered direct SQL, so that two primaries would have been seen."""
    reports = (e for e in index.events_of("member.changed") if e.source == "postgres" and "in_recovery" in e.detail)
    return len({event.subject for event in reports}) > 1
