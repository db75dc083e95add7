"""The load: what became of it, which servers served it, how fast it was without faults, how far replicas lagged."""

from collections.abc import Iterator

from reports.analysis.results.recording import ReplicaLag
from reports.analysis.results.whole import RecordingResults, Results
from reports.document.blocks import Blocks, Inline, Profile, Section, Sentence, Value
from reports.document.build import code, details, events, paragraph, query, say, seconds, shown_by, table
from reports.document.each_recording import of_each

ROLES = {True: "replica", False: "leader", None: "unknown"}
# More ways to fail than these are left to the query.
SHOWN = 8


def load(results: Results, profile: Profile) -> Section | None:
    """Return the section on the load, one part for each recording."""
    return Section("load", say("traffic.title"), of_each(results, _recording)) if results.recordings else None


def _recording(recording: RecordingResults) -> Blocks:
    if not recording.totals:
        return (*paragraph(say("traffic.none")), *_lags(recording))
    traffic = recording.settings.get("traffic") or {}
    rates = {name: traffic.get(name) for name in ("rate_per_s", "fresh_per_s", "deadline_ms")}
    totals = [
        (Value(t.action, "@action"), *map(Value, (t.attempted, t.ok, t.failed, t.unknown))) for t in recording.totals
    ]
    return (
        *paragraph(say("traffic.what", **rates)),
        *table("traffic.totals_columns", totals),
        *paragraph(*_served(recording)),
        *_failures(recording),
        *_baseline(recording),
        *_lags(recording),
    )


def _served(recording: RecordingResults) -> Iterator[Sentence]:
    """Yield which servers acknowledged the operations, the busiest first."""
    for action in ("write", "read"):
        found: dict[tuple[str, bool | None], int] = {}
        for row in recording.served:
            if row.action == action and row.server is not None:
                key = (row.server, row.in_recovery)
                found[key] = found.get(key, 0) + row.operations
        busiest = sorted(found.items(), key=lambda item: (-item[1], item[0][0]))
        items = [say(f"traffic.by_{ROLES[role]}", server=server, n=n) for (server, role), n in busiest]
        if items:
            yield say(f"traffic.{action}s_by", list=items)


def _failures(recording: RecordingResults) -> Blocks:
    """Return what the operations met that were not acknowledged, the most frequent first."""
    failures = recording.failures
    rows = [
        (
            Value(one.action, "@action"),
            Value(one.outcome, "@traffic_outcome"),
            None if one.server is None else code(one.server),
            Value(one.stage, "@traffic_stage"),
            None if one.sqlstate is None else code(one.sqlstate),
            None if one.message is None else code(one.message),
            Value(one.operations),
        )
        for one in failures[:SHOWN]
    ]
    if not rows:
        return ()
    summary = say("traffic.failures", n=sum(one.operations for one in failures))
    rest = len(failures) - len(rows)
    more = paragraph(say("traffic.failures_more", n=rest)) if rest else ()
    sql = "select server, message, count(*) from operations where outcome <> 'ok' group by 1, 2"
    return details(summary, *table("traffic.failures_columns", rows), *more, query(sql))


def _baseline(recording: RecordingResults) -> Blocks:
    rows = [
        (
            Value(one.action, "@action"),
            Value(one.probe, "@probe"),
            Value(one.operations),
            Value(one.failed + one.unknown),
            Value(float(one.rate_per_s)),
            *(Value(ms, "ms") for ms in (one.p50_ms, one.p95_ms, one.p99_ms, one.max_ms)),
        )
        for one in recording.baseline
    ]
    if not rows:
        return paragraph(say("traffic.no_baseline"))
    periods = recording.baseline[0].periods
    text = say("traffic.baseline", n=len(periods), seconds=seconds(sum(to - begin for begin, to in periods)))
    return details(text, *table("traffic.baseline_columns", rows))


def _lags(recording: RecordingResults) -> Blocks:
    lags = recording.replica_lags
    if not lags:
        return paragraph(say("traffic.lag_unknown"))
    worst = [_worst(lags, unit) for unit in ("bytes", "seconds")]
    rows = [
        (
            code(one.member),
            _amount(one, one.median),
            _amount(one, one.worst),
            Value(one.samples),
            Value(seconds(one.worst_at_ns), "s") if one.worst else None,
            events(one.event_id) if one.worst else None,
        )
        for one in sorted(lags, key=lambda one: (one.member, one.unit))
    ]
    excluded = events(*recording.lag_samples_excluded)
    note = paragraph(say("traffic.lag_excluded", rows=shown_by(excluded))) if excluded else ()
    return (
        *paragraph(say("traffic.lag", worst=[one for one in worst if one is not None])),
        *details(say("traffic.lag_table"), *table("traffic.lag_columns", rows), *note),
    )


def _worst(lags: tuple[ReplicaLag, ...], unit: str) -> Sentence | None:
    worst = max((one for one in lags if one.unit == unit), key=lambda one: one.worst, default=None)
    if worst is None:
        return None
    if not worst.worst:
        return say(f"traffic.lag_zero_{unit}")
    rows = shown_by(events(worst.event_id))
    return say("traffic.lag_worst", amount=_amount(worst, worst.worst), member=worst.member, rows=rows)


def _amount(lag: ReplicaLag, amount: float) -> Inline:
    return Value(amount, "fine") if lag.unit == "seconds" else say("traffic.bytes", n=int(amount))
