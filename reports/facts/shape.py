"""The facts of a report as one plain document: what `--format json` prints and what every section renders.

Times ending in `_s` are seconds since the recording began, or durations; None is "not observed". The Markdown states
nothing that is not in here.
"""

from __future__ import annotations

from typing import Any, TypedDict

from reports.facts.checking import ChecksFact
from reports.facts.course import PromotionFact, SpanFact
from reports.facts.dashboards import ShownFact
from reports.facts.incident_shape import IncidentFact, LostFact, ToldFact
from reports.facts.lagging import LagFact
from reports.facts.loaded import FailureFact, ReadOnlyFact
from reports.facts.pace import PaceFact
from reports.facts.portrait import PartFact, ProxyFact
from reports.facts.safety import AppearedFact, ForkFact, HiddenFact, ReadsFact
from reports.facts.turns import TurnedFact


class BaselineFact(TypedDict):
    """The calm spells of a recording, all together: `spells` are [from, to], seconds, exact to a millisecond.

    Latencies are of acknowledged operations, milliseconds; `p99_ms` None: too few to tell it from the worst.
    """

    action: str
    probe: str
    spells: list[list[float]]
    operations: int
    failed: int
    unknown: int
    rate_per_s: float
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    max_ms: float | None


class ServedFact(TypedDict):
    """Acknowledged operations of one action, by who served them."""

    action: str
    probe: str
    server: str | None
    address: str | None
    in_recovery: bool | None
    timeline: int | None
    operations: int


class LeadershipFact(TypedDict):
    """Who led, on which timeline, for how long. `to_s` None: to the end.

    `timelines` are all of the spell, where the leader was promoted anew within it; `timeline` is the last. `demoted`
    are the stretches of it in which the holder was a replica again.
    """

    member: str
    timeline: int | None
    timelines: list[int]
    from_s: float
    to_s: float | None
    from_utc: str
    demoted: list[SpanFact]


class BlindnessFact(TypedDict):
    """A spell in which a source could not see its subject."""

    source: str
    subject: str
    how: str
    from_s: float
    to_s: float | None
    event_id: int | None


class UnobservedFact(TypedDict):
    """A stretch in which nobody saw what the application would have met: of the action nothing is known there."""

    action: str
    from_s: float
    to_s: float


class TotalsFact(TypedDict):
    """All operations of one action in a recording."""

    action: str
    attempted: int
    ok: int
    failed: int
    unknown: int


class CaptureFact(TypedDict):
    """The cluster as it was captured at one moment: `members` are the rows of `patronictl list`.

    `pools` are the rows of the proxy's stats: pool, server, address, status, check_status, check_code, last_change_s.
    `members_id` and `pools_id` are the rows of events that hold them; a member's `lsn_id` is the row of its `lsn`.
    """

    at_s: float
    utc: str
    members: list[dict[str, Any]]
    pools: list[dict[str, Any]]
    members_id: int | None
    pools_id: int | None
    event_ids: list[int]


class RecordingFact(TypedDict):
    """One recording. `live` is the cluster's dynamic configuration (ttl, loop_wait, ...), None where never seen.

    `live_id` is the row of events that holds it. `versions` maps a component (postgres, patroni, etcd, haproxy, libpq,
    host, observer) to its version, `version_ids` to the rows that told it; `names` an address to the name to call it
    by: members of etcd, and "" for the only proxy. `watchers` are what watches the cluster, beside its `parts`.
    `turned`: how late after a change of role a leader served a read on a new connection, `kept_led`: where leaders
    began to serve persistent reads, both of turns.py.
    `lags_apart` are the rows of samples that are in no lag: their replica did not follow the leader.
    """

    id: int
    began_utc: str
    ended_utc: str
    duration_s: float
    ended: str | None
    scope: str | None
    cluster_id: str | None
    settings: dict[str, Any]
    live: dict[str, Any] | None
    live_id: int | None
    versions: dict[str, str]
    version_ids: dict[str, list[int]]
    captures: list[CaptureFact]
    totals: list[TotalsFact]
    failures: list[FailureFact]
    read_only: list[ReadOnlyFact]
    baseline: list[BaselineFact]
    served: list[ServedFact]
    turned: TurnedFact | None
    kept_led: list[list[int]] | None
    leaderships: list[LeadershipFact]
    blindness: list[BlindnessFact]
    unobserved: list[UnobservedFact]
    notes: list[ToldFact]
    parts: list[PartFact]
    watchers: list[PartFact]
    names: dict[str, str]
    etcd_leader: str | None
    proxy: ProxyFact
    checks: ChecksFact
    lags: list[LagFact]
    lags_apart: list[int]
    roles: list[SpanFact]
    routes: list[SpanFact]
    promotions: list[PromotionFact]
    crowds: list[SpanFact]
    quorum: list[SpanFact]
    dashboards: list[ShownFact]
    slept: list[SpanFact]
    proofs: list[SpanFact]
    pace: list[PaceFact]


class DurabilityFact(TypedDict):
    """What became of the writes. None: not audited. `lost` counts what is known, beside what is `unaudited`."""

    acknowledged: int
    audited: int
    unaudited: int
    lost: int | None
    lost_writes: list[LostFact]
    unknown: int
    unknown_took_effect: int | None
    failed_but_present: int | None
    failed_but_present_writes: list[AppearedFact]


class AnswerFact(TypedDict):
    """A question of the homework, and which incidents answer it. None of them: not tested; `commands` would test it."""

    question: str
    incidents: list[int]
    commands: list[str]


class ObjectiveFact(TypedDict):
    """An objective of [objectives] and whether it holds: HOLDS, BROKEN, UNKNOWN. `measured` None: not observed."""

    name: str
    limit: float
    measured: float | None
    verdict: str


class ConsistencyFact(TypedDict):
    """Whether two members were primaries at once, and whether reads told the truth, a fact for each recording.

    A spell of two primaries holds members, from_s, to_s, seconds, event_ids. `observed`: PostgreSQL of two members or
    more was asked directly, so that no spell means that none was seen; `hidden` is what it could not see.
    """

    observed: bool
    two_primaries: list[dict[str, Any]]
    hidden: list[HiddenFact]
    forks: list[ForkFact]
    reads: list[ReadsFact]


class WarningFact(TypedDict):
    """A check of the report that did not hold: the key of a phrase, and what it is filled with (checks.py)."""

    key: str
    facts: dict[str, Any]


class Facts(TypedDict):
    """The whole document, of one or more recordings. `warnings` are checks of the report that did not hold."""

    observer: str
    recordings: list[RecordingFact]
    incidents: list[IncidentFact]
    durability: DurabilityFact
    consistency: ConsistencyFact
    answers: list[AnswerFact]
    objectives: list[ObjectiveFact]
    warnings: list[WarningFact]
