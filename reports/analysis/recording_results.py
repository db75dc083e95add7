"""The results of one recording beside its incidents."""

from __future__ import annotations

from observer.model.findings import Findings
from observer.model.recording import Event, RecordingHeader
from reports.analysis import captures, state_history, topology
from reports.analysis.baseline import baseline
from reports.analysis.dashboards import dashboards
from reports.analysis.failures import failure_groups, read_only_writes, totals
from reports.analysis.index import Index
from reports.analysis.proxy_checks import proxy_checks, proxy_settings
from reports.analysis.replica_lag import excluded_samples, replica_lags
from reports.analysis.results.recording import NotObserved, Reported, Unreachable
from reports.analysis.results.whole import RecordingResults
from reports.analysis.role_changes import last_stale_read, persistent_on_leader
from reports.analysis.theory import live_settings
from reports.analysis.throughput import whole_throughput


def recording_results(index: Index, found: Findings) -> RecordingResults:
    """Return everything that one recording shows beside its incidents."""
    recording, header = index.recording, index.recording.header
    live, versions = live_settings(index.settings), captures.versions(index)
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
        captures=captures.captures(index),
        totals=tuple(totals(recording)),
        failures=failure_groups(index),
        read_only=read_only_writes(index, found.incidents, routes, roles, found.unreachable),
        baseline=baseline(recording, found),
        served=tuple(recording.served),
        last_stale_read=last_stale_read(index, roles),
        persistent_on_leader=persistent_on_leader(recording),
        leaderships=state_history.leader_periods(index, roles),
        unreachable=tuple(
            Unreachable(s.source, s.subject, s.how, s.from_ns, s.until_ns, s.event.id) for s in found.unreachable
        ),
        not_observed=tuple(
            NotObserved(action, *period) for action, periods in index.unobserved.items() for period in periods
        ),
        notes=tuple(reported(header, event) for event in index.of_kinds("note.told")),
        parts=topology.parts(index),
        watchers=topology.watchers(index),
        names=topology.names(index),
        etcd_leader=topology.last_etcd_leader(index),
        proxy=proxy_settings(index),
        checks=proxy_checks(index, routes, roles, found.unreachable),
        replica_lags=replica_lags(index, excluded),
        lag_samples_excluded=excluded,
        roles=roles,
        routes=routes,
        promotions=state_history.promotions(index),
        connection_limits=state_history.connection_limits(index),
        quorum=state_history.quorum_losses(index),
        dashboards=dashboards(index),
        observer_suspended=state_history.observer_suspended(index),
        direct_writes=state_history.direct_writes(index),
        throughput=whole_throughput(recording),
    )


def reported(header: RecordingHeader, event: Event) -> Reported:
    """Return a reported fault, repair or note."""
    return Reported(event.kind, event.by_ns, header.utc(event.by_ns).isoformat(), event.detail, event.id)
