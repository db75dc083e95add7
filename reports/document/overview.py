"""The verdict, first of all: how long the application was down, what was lost, what to change; then a row a fault."""

from collections.abc import Sequence
from statistics import median

from observer.model.findings import Cost
from reports.analysis.results.whole import IncidentResults, Results
from reports.document.actions import weakest
from reports.document.blocks import Blocks, Bullets, Cell, Inline, Profile, Row, Section, Sentence, Value
from reports.document.build import incident_link, numbers, paragraph, say, seconds, table
from reports.document.kinds import Kind, by_kind, repairs_before_write

ENOUGH_FOR_A_MEDIAN = 3
LINKS = 12


def overview(results: Results, profile: Profile) -> Section:
    """Return the head of the document: title, failed self-checks, the verdict in five lines, a table by fault."""
    scopes = tuple(dict.fromkeys(r.scope for r in results.recordings if r.scope))
    title = say("overview.title_scope", scope=scopes) if scopes else say("overview.title")
    blocks: Blocks = ()
    for warning in results.warnings:
        blocks += paragraph(say("overview.warning", text=Sentence(warning.key, warning.facts)))
    for recording in results.recordings:
        if recording.ended is None:
            blocks += paragraph(say("overview.cut_off", id=recording.id, ended_utc=recording.ended_utc))
    if not results.incidents:
        return Section("overview", title, (*blocks, *paragraph(*_quiet(results))))
    kinds = by_kind(results)
    verdict = (
        (_down(results, "write"), *_reads(results)),
        _worst(kinds),
        (_lost(results),),
        _recovery(results),
        weakest(results),
    )
    repeated = any(len(kind.incidents) > 1 for kind in kinds)
    blocks += (
        Bullets(tuple(line for line in verdict if line)),
        *table("overview.kinds", map(_row, kinds)),
        *paragraph(say("overview.kinds_note" if repeated else "overview.kinds_once")),
    )
    return Section("overview", title, blocks)


def duration_ns(results: Results) -> int:
    """Return the time that all recordings cover together."""
    return sum(recording.duration_ns for recording in results.recordings)


def _quiet(results: Results) -> list[Sentence]:
    """Return what is known of recordings without an incident: that all went well only if anything was observed."""
    ran = [total for recording in results.recordings for total in recording.totals if total.attempted]
    led = any(recording.leaderships for recording in results.recordings)
    lasted = seconds(duration_ns(results))
    if not ran and not led:
        return [say("overview.unseen", lasted=lasted)]
    said = [say("overview.healthy", lasted=lasted)]
    if not ran:
        return [*said, say("overview.no_traffic")]
    counts = {name: sum(t.ok for t in ran if t.action == name) for name in ("write", "read")}
    failed = sum(t.failed + t.unknown for t in ran)
    return [*said, say("overview.healthy_traffic", writes=counts["write"], reads=counts["read"], failed=failed)]


def _down(results: Results, action: str) -> Sentence:
    """Return how long an action was down of how much, in how many outages, and the longest of them."""
    if not any(t.action == action and t.ok for r in results.recordings for t in r.totals):
        return say(f"overview.{action}_unknown")
    outages = [outage.duration_ns for i in results.incidents for outage in cost_of(i, action).outages]
    if not outages:
        return say(f"overview.{action}_kept")
    whole_ns = duration_ns(results)
    return say(
        f"overview.{action}_one" if len(outages) == 1 else f"overview.{action}_down",
        n=len(outages),
        total=seconds(sum(outages)),
        lasted=seconds(whole_ns),
        share=sum(outages) / max(1, whole_ns),
        longest=seconds(max(outages)),
    )


def _reads(results: Results) -> tuple[Sentence, ...]:
    """Return the same of reads, and the longest time in which new connections alone could not read."""
    said = (_down(results, "read"),)
    alone = [i for i in results.incidents if i.read.new_longer and i.read.new_outage_ns]
    if not alone:
        return said
    worst = max(alone, key=lambda i: i.read.new_outage_ns or 0)
    facts = {"n": len(alone), "longest": seconds(worst.read.new_outage_ns), "link": incident_link(worst.id)}
    return (*said, say("overview.read_new", **facts))


def _worst(kinds: Sequence[Kind]) -> tuple[Inline, ...]:
    """Return the incident with the longest outage of writes, else of reads."""
    every = [(kind, incident) for kind in kinds for incident in kind.incidents]
    for action in ("write", "read"):
        longest, kind, worst = max(
            ((longest_ns(cost_of(i, action)), kind, i) for kind, i in every), key=lambda one: one[0]
        )
        if longest:
            link = incident_link(worst.id)
            return (say(f"overview.worst_{action}", name=kind.name, link=link, longest=seconds(longest)),)
    failed = sum(failed_of(incident) for _, incident in every)
    return (say("overview.worst_none" if not failed else "overview.worst_failed", n=failed),)


def cost_of(incident: IncidentResults, action: str) -> Cost:
    """Return what an incident cost writes or reads."""
    return incident.write if action == "write" else incident.read


def longest_ns(cost: Cost) -> int:
    """Return the longest outage of an action in an incident; 0 if it has none."""
    return max((outage.duration_ns for outage in cost.outages), default=0)


def failed_of(incident: IncidentResults) -> int:
    """Return how many operations of an incident failed or have an unknown outcome."""
    return sum(cost.failed + cost.unknown for cost in (incident.write, incident.read))


def _lost(results: Results) -> Sentence:
    found = results.durability
    if found.lost is None:
        return say("overview.lost_unknown", n=found.acknowledged)
    key = "overview.lost_some" if found.lost else "overview.lost_none"
    part = say("overview.unaudited", n=found.unaudited) if found.unaudited else say("overview.all_audited")
    return say(key, lost=found.lost, audited=found.audited, part=part)


def _recovery(results: Results) -> tuple[Inline, ...]:
    """Return whether writes came back without an operator's action each time that they were down."""
    down = [i for i in results.incidents if i.write.outages]
    still = [i.id for i in down if i.write.open]
    helped = [i.id for i in down if repairs_before_write(i, results)]
    if not down:
        return ()
    if still:
        return (say("overview.not_recovered", n=len(down), m=len(still), links=numbers(still[:LINKS])),)
    if not helped:
        return (say("overview.recovered_all", n=len(down)),)
    alone = len(down) - len(helped)
    return (say("overview.recovered_some", n=len(down), alone=alone, m=len(helped), links=numbers(helped[:LINKS])),)


def _row(kind: Kind) -> Row:
    """Return a kind of fault: times tried, outages of writes and reads, new connections, failures, losses, links."""
    own = kind.incidents
    lost = [i.lost_writes for i in own]
    return (
        kind.name,
        Value(len(own)),
        _spread([i.write for i in own]),
        _spread([i.read for i in own]),
        _new_only(own),
        Value(sum(failed_of(i) for i in own)),
        Value(None if None in lost else sum(n or 0 for n in lost)),
        numbers(i.id for i in own[:LINKS]),
    )


def _spread(costs: Sequence[Cost]) -> Cell:
    """Return minimum, median and maximum of the outages of an action; fewer numbers if they are equal or too few."""
    own = [cost.outage_ns for cost in costs if not (cost.within and not cost.outage_ns)]
    known = sorted(ns for ns in own if ns is not None)
    if len(known) < len(own):
        return Value(None)
    if not known:
        return say("overview.part_of_another")
    if any(cost.open for cost in costs):  # it counts for neither minimum nor median
        return say("overview.at_least", value=seconds(known[-1]))
    if round(known[0] / 1e8) == round(known[-1] / 1e8):
        return Value(seconds(known[-1]), "s")
    facts = {"low": seconds(known[0]), "high": seconds(known[-1])}
    if len(known) < ENOUGH_FOR_A_MEDIAN:
        return say("overview.range", **facts)
    return say("overview.range_median", middle=seconds(round(median(known))), **facts)


def _new_only(own: Sequence[IncidentResults]) -> Cell:
    """Return the longest outages that new connections alone had, or the share of their reads that failed."""
    parts: list[Inline] = []
    for action in ("write", "read"):
        costs = [cost_of(i, action) for i in own]
        longest = max((cost.new_outage_ns or 0 for cost in costs if cost.new_longer), default=0)
        if longest:
            parts.append(say("overview.new_longest", action=action, seconds=seconds(longest)))
    failed = [i.supporting.failed_reads for i in own if i.supporting.failed_reads is not None and not i.read.outages]
    shares = [(one.new / one.tried, seconds(one.to_ns - one.from_ns)) for one in failed if one.tried and one.new]
    if shares and not parts:
        share, lasted = max(shares)
        parts.append(say("overview.new_failed", share=share, seconds=lasted))
    return tuple(parts) or None
