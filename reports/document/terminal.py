"""What happened, in a few lines for a terminal."""

from collections.abc import Iterator

from observer.model.findings import Cost
from reports.analysis.results.incident import IncidentResults
from reports.analysis.results.whole import Results
from reports.document.blocks import Inline, Sentence, Value
from reports.document.build import say, seconds
from reports.document.phases import outage_phases


def terminal_lines(results: Results) -> Iterator[Sentence]:
    """Yield the lines: recordings without an end, then each incident with its cost, phases, leaders and losses."""
    for recording in results.recordings:
        if recording.ended is None:
            yield say("line.cut_off", id=recording.id)
    for incident in results.incidents:
        yield from _lines(incident)
    if results.recordings and not results.incidents:
        yield say("line.healthy")


def _lines(incident: IncidentResults) -> Iterator[Sentence]:
    who = incident.target or incident.targets or None
    yield say("line.incident", began_utc=incident.began_utc, title=say(f"cause.{incident.cause}.title", who=who))
    yield say("line.cost", write=_cost(incident.write), read=_cost(incident.read))
    inside = outage_phases(incident)
    if len(inside) > 1:
        phases = [
            say("line.phase", names=[say(f"phase.{part}.name") for part in phase.name.split("+")], seconds=shown)
            for phase, shown in ((phase, seconds(phase.duration_ns)) for phase in inside)
        ]
        yield say("line.phases", list=phases)
    if incident.leader_before != incident.leader_after:
        yield say(
            "line.leader",
            before=incident.leader_before,
            after=incident.leader_after,
            timeline_before=incident.timeline_before,
            timeline_after=incident.timeline_after,
        )
    yield say("line.lost", lost=incident.lost_writes)


def _cost(cost: Cost) -> Inline:
    if cost.open:
        return say("overview.at_least", value=seconds(cost.outage_ns))
    return Value(seconds(cost.outage_ns), "s")
