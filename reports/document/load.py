"""The load: what became of it, which servers served it, how fast it was without faults, how far replicas lagged."""

from __future__ import annotations

from collections.abc import Iterator

from reports.analysis.results.recording import ReplicaLag
from reports.analysis.results.whole import RecordingResults, Results
from reports.document.blocks import (
    Block,
    Cell,
    Code,
    Inline,
    Profile,
    Section,
    Sentence,
    Value,
    details,
    paragraph,
    say,
    seconds,
    table,
)
from reports.document.each_recording import events, of_each, shown_by

ACTIONS = ("write", "read")


def load(results: Results, profile: Profile) -> Section | None:
    """Return the section on the load, one part for each recording."""
    return Section("load", say("traffic.title"), of_each(results, _recording)) if results.recordings else None


def _recording(recording: RecordingResults) -> tuple[Block, ...]:
    if not recording.totals:
        return (*paragraph(say("traffic.none")), *_lags(recording))
    traffic = recording.settings.get("traffic") or {}
    rates = {name: traffic.get(name) for name in ("rate_per_s", "fresh_per_s", "deadline_ms")}
    totals = [
        (Value(t.action, "@action"), Value(t.attempted), Value(t.ok), Value(t.failed), Value(t.unknown))
        for t in recording.totals
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
    for action in ACTIONS:
        found: dict[tuple[str, bool | None], int] = {}
        for row in recording.served:
            if row.action == action and row.server is not None:
                key = (row.server, row.in_recovery)
                found[key] = found.get(key, 0) + row.operations
        items: list[Inline] = [
            say(f"traffic.by_{_role(in_recovery)}", server=server, n=n)
            for (server, in_recovery), n in sorted(found.items(), key=lambda item: (-item[1], item[0][0]))
        ]
        if items:
            yield say(f"traffic.{action}s_by", list=items)


def _role(in_recovery: bool | None) -> str:
    return {True: "replica", False: "leader", None: "unknown"}[in_recovery]


def _failures(recording: RecordingResults) -> tuple[Block, ...]:
    """Return what the operations met that were not acknowledged, by server."""
    rows: list[tuple[Cell, ...]] = [
        (
            Value(one.action, "@action"),
            Value(one.outcome, "@traffic_outcome"),
            None if one.server is None else Value(one.server, "code"),
            Value(one.stage, "@traffic_stage"),
            None if one.sqlstate is None else Value(one.sqlstate, "code"),
            None if one.message is None else Value(one.message, "code"),
            Value(one.operations),
        )
        for one in recording.failures
    ]
    if not rows:
        return ()
    where = f"recording_id = {recording.id} and outcome <> 'ok'"
    query = f'observer query "select server, message, count(*) from operations where {where} group by 1, 2"'
    total = sum(one.operations for one in recording.failures)
    return details(say("traffic.failures", n=total), *table("traffic.failures_columns", rows), Code(query, "sh"))


def _baseline(recording: RecordingResults) -> tuple[Block, ...]:
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
    total = sum(to_ns - from_ns for from_ns, to_ns in periods)
    text = say("traffic.baseline", n=len(periods), seconds=seconds(total))
    return (*paragraph(text), *table("traffic.baseline_columns", rows))


def _lags(recording: RecordingResults) -> tuple[Block, ...]:
    lags = recording.replica_lags
    if not lags:
        return paragraph(say("traffic.lag_unknown"))
    worst = [_worst(lags, unit) for unit in ("bytes", "seconds")]
    rows = [
        (
            Value(one.member, "code"),
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
    own = [one for one in lags if one.unit == unit]
    if not own:
        return None
    worst = max(own, key=lambda one: one.worst)
    if not worst.worst:
        return say(f"traffic.lag_zero_{unit}")
    return say(
        "traffic.lag_worst",
        amount=_amount(worst, worst.worst),
        member=worst.member,
        rows=shown_by(events(worst.event_id)),
    )


def _amount(lag: ReplicaLag, amount: float) -> Inline:
    return Value(amount, "fine") if lag.unit == "seconds" else say("traffic.bytes", n=int(amount))
