"""One incident with everything that the analysis knows about it."""

from dataclasses import dataclass

from observer.model.findings import Incident
from reports.analysis.results.evidence import Rejoin, SupportingEvidence
from reports.analysis.results.recording import Throughput


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentResults(Incident):
    """An incident with what else its recording shows about it.

    `id` is unique among all recordings; `number` counts within one; `within` of a cost is an `id`. `was_etcd_leader`:
    the failed etcd member led etcd; None: unknown, or another cause. `brownout_bound_s`: shortest and longest brownout
    that the proxy's settings imply, seconds.
    """

    id: int
    recording: int
    began_utc: str
    ended_utc: str
    brownout_bound_s: tuple[float, float] | None
    rejoins: tuple[Rejoin, ...]
    was_etcd_leader: bool | None
    supporting: SupportingEvidence
    throughput: tuple[Throughput, ...]
