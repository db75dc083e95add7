"""The questions of the homework in its order, each answered from the run or with the command that would test it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from observer.model.causes import CAUSES
from observer.model.findings import Cost
from reports.analysis.results.incident import IncidentResults
from reports.analysis.results.whole import Answer, RecordingResults, Results
from reports.document.blocks import (
    Block,
    Bullets,
    Inline,
    Profile,
    Section,
    Sentence,
    Value,
    details,
    incident_link,
    say,
    seconds,
)
from reports.document.commands import cluster_kind
from reports.document.each_recording import count, events, port_of, shown_by

Item = tuple[Inline, ...]
FAULTS = (
    "leader_stopped",
    "leader_killed",
    "leader_frozen",
    "replica",
    "etcd_one",
    "etcd_leader",
    "etcd_two",
    "etcd_all",
)
"""The questions about faults in the order of the homework; that about HAProxy is answered with the design."""
GENERATOR = {"write": ("PORT_PRIMARY", "5001"), "read": ("PORT_REPLICAS", "5002")}
"""The variables of traffic-generator.py for its ports, and their defaults."""


def homework(results: Results, profile: Profile) -> Section | None:
    """Return the questions with their answers; None in a drill."""
    if profile == "drill" or not results.recordings:
        return None
    answers = {answer.question: answer for answer in results.answers}
    incidents = {incident.id: incident for incident in results.incidents}
    items: list[Item] = [
        _question("cluster", _composition(results.recordings[0])),
        _question("pools", _pools(results.recordings[0])),
        _question("traffic", *_traffic(results)),
        _question("works", *_works(results)),
    ]
    for name in FAULTS:
        if name in answers:
            items.append(_question(name, *_fault(answers[name], incidents)))
    items.append(_question("proxy", *_proxy(answers.get("proxy"), incidents)))
    items.append(_question("grafana", _grafana(results)))
    return Section("homework", say("homework.title"), (Bullets(tuple(items)), *_steps(results)))


def _question(name: str, *answer: Inline) -> Item:
    return (say(f"homework.{name}"), *answer)


def _composition(recording: RecordingResults) -> Sentence:
    members = sorted({part.name for part in recording.parts if part.kind == "postgres"})
    etcd = len({part.name for part in recording.parts if part.kind == "etcd"})
    leader = recording.leaderships[0].member if recording.leaderships else None
    return say("homework.cluster_is", etcd=etcd or None, n=len(members), members=members or None, leader=leader)


def _pools(recording: RecordingResults) -> Sentence:
    capture = next((one for one in recording.captures if one.pools), None)
    if capture is None:
        return say("homework.pools_unknown")
    servers = [row for row in capture.pools if row.get("server") not in ("FRONTEND", "BACKEND")]
    up = sum(str(row.get("status")).startswith("UP") for row in servers)
    return say("homework.pools_are", up=up, n=len(servers), rows=shown_by(events(capture.pools_id)))


def _traffic(results: Results) -> Iterator[Sentence]:
    served = tuple(row for recording in results.recordings for row in recording.served)
    writes, reads = count(served, "write"), count(served, "read")
    if not writes and not reads:
        yield say("homework.no_traffic")
        return
    if writes:
        first = results.recordings[0]
        yield say("homework.writes", n=count(served, "write", None, False), all=writes, port=port_of(first, "write"))
    if reads:
        replica, leader = count(served, "read", None, True), count(served, "read", None, False)
        port = port_of(results.recordings[0], "read")
        yield say("homework.reads", replica=replica, leader=leader, all=reads, port=port)


def _works(results: Results) -> Iterator[Sentence]:
    """Yield whether the application went on working, and whether it recovered by itself."""
    incidents = results.incidents
    if not any(recording.totals for recording in results.recordings):
        yield say("homework.no_traffic")
        return
    if not incidents:
        yield say("homework.no_incident")
        return
    writes = [one for one in incidents if one.write.outage_ns]
    reads = [one for one in incidents if one.read.outage_ns]
    unknown = any(cost.outage_ns is None for one in incidents for cost in (one.write, one.read))
    if not writes and not reads:
        yield say("homework.works_unknown" if unknown else "homework.works_all", n=len(incidents))
        return
    yield say("homework.works_with", writes=len(writes), reads=len(reads), n=len(incidents))
    if writes:
        worst = max(writes, key=lambda one: one.write.outage_ns or 0)
        longest = say("homework.at_least", span=Value(seconds(worst.write.outage_ns), "s"))
        shown = longest if worst.write.open else Value(seconds(worst.write.outage_ns), "s")
        yield say("homework.longest", span=shown, link=incident_link(worst.id))
    ended = [o for one in incidents for cost in (one.write, one.read) for o in cost.outages if not o.open]
    if ended:
        yield say("homework.recovered", n=len(ended))
    if len(results.recordings) > 1:
        yield say("homework.restarted", n=len(results.recordings))


def _fault(answer: Answer, incidents: dict[int, IncidentResults]) -> Iterator[Inline]:
    """Yield what the incidents that answer a question cost, who leads after them, and how the member came back."""
    own = [incidents[number] for number in answer.incidents if number in incidents]
    if not own:
        yield say("homework.not_tested", commands=list(answer.commands))
        return
    yield say("homework.tested", n=len(own), links=[incident_link(one.id) for one in own])
    yield from _costs(own)
    yield from _leader(own)
    streaming = [r.streaming_ns for one in own for r in one.rejoins if r.member in one.targets and r.streaming_ns]
    if streaming:
        yield say("homework.rejoined", span=_span(streaming))
    elections = [e for one in own for e in one.supporting.elections if e.leader is not None]
    if answer.question == "etcd_leader" and elections:
        last = elections[-1]
        yield say("homework.elected", leader=last.leader, term=last.term, rows=shown_by(events(last.event_id)))


def _costs(own: Sequence[IncidentResults]) -> tuple[Sentence, ...]:
    """Return how long writes and reads were down; one sentence if neither failed at all."""
    write, read = _cost("write", [one.write for one in own]), _cost("read", [one.read for one in own])
    if (write.key, read.key) == ("homework.write_kept", "homework.read_kept"):
        return (say("homework.both_kept"),)
    return write, read


def _cost(action: str, costs: Sequence[Cost]) -> Sentence:
    """Return how long an action was down over some incidents."""
    own = [cost for cost in costs if cost.within is None]
    known = [cost.outage_ns for cost in own if cost.outage_ns is not None]
    if not own:
        return say(f"homework.{action}_within")
    if len(known) < len(own):
        return say(f"homework.{action}_unknown")
    if any(known):
        span = _span(known)
        is_open = any(cost.open for cost in own)
        return say(f"homework.{action}_down", span=say("homework.at_least", span=span) if is_open else span)
    new = [cost.new_outage_ns for cost in own if cost.new_longer and cost.new_outage_ns]
    if new:
        return say(f"homework.{action}_new_down", span=_span(new))
    failed = sum(cost.failed + cost.unknown for cost in own)
    return say(f"homework.{action}_few" if failed else f"homework.{action}_kept", n=failed)


def _span(durations_ns: Sequence[int]) -> Inline:
    """Return the shortest and the longest of some durations, or the one that they share."""
    low, high = (round(ns / 1e9, 1) for ns in (min(durations_ns), max(durations_ns)))
    return Value(low, "s") if low == high else say("homework.range", low=low, high=high)


def _leader(own: Sequence[IncidentResults]) -> Iterator[Sentence]:
    changed = [one for one in own if one.leader_before != one.leader_after and one.leader_after is not None]
    again = [one for one in own if one.leader_before == one.leader_after and one.timeline_before != one.timeline_after]
    known = all(one.leader_after is not None for one in own)
    if changed and len(changed) == len(own):
        yield say("homework.leader_changed", members=[one.leader_after for one in own])
    elif again and len(again) == len(own):
        yield say("homework.leader_again", n=len(own))
    elif known and not changed and not again:
        yield say("homework.leader_same")


def _proxy(answer: Answer | None, incidents: dict[int, IncidentResults]) -> Iterator[Inline]:
    own = [incidents[number] for number in (answer.incidents if answer else ()) if number in incidents]
    if own:
        yield say("homework.tested", n=len(own), links=[incident_link(one.id) for one in own])
        yield from _costs(own)
    elif answer is not None:
        yield say("homework.not_tested", commands=list(answer.commands))
    down = any(one.write.outage_ns for one in own if CAUSES[one.cause].layer == "proxy")
    yield say("homework.not_enough" if down else "homework.not_enough_by_design")


def _grafana(results: Results) -> Sentence:
    span = next((r.dashboards[0] for r in results.recordings if r.dashboards), None)
    if span is None:
        return say("homework.grafana_unknown")
    panels = sum(board.panels for board in span.boards)
    empty = sum(len(board.empty) for board in span.boards)
    rows = shown_by(events(span.event_id))
    return say("homework.grafana_asked", shown=panels - empty, n=panels, boards=len(span.boards), rows=rows)


def _steps(results: Results) -> tuple[Block, ...]:
    """Return the steps of the homework that no recording can show, each with its command, folded."""
    docker = cluster_kind(results.recordings) == "docker"
    last = results.recordings[-1]
    items: list[Item] = []
    if docker:
        items.append((say("homework.step_image", command="cd patroni-master && docker build -t patroni ."),))
        items.append((say("homework.step_patronictl", command="docker exec demo-patroni1 patronictl list"),))
    write, read = (_psql(last, action, docker) for action in ("write", "read"))
    if write:
        commands = [f"{write} -f schema.sql", f"{write} -c 'select * from events limit 5'"]
        items.append((say("homework.step_schema", commands=commands),))
    if write and read:
        commands = [f"{psql} -c 'select pg_is_in_recovery()'" for psql in (write, read)]
        items.append((say("homework.step_roles", commands=commands),))
    run = ["pip3 install psycopg2-binary", f"{_moved_ports(last)}python3 traffic-generator.py"]
    items.append((say("homework.step_generator", commands=run),))
    return details(say("homework.steps", n=len(items)), Bullets(tuple(items)))


def _psql(recording: RecordingResults, action: str, docker: bool) -> str | None:
    """Return the call of psql through a port of the proxy; None if the port is unknown.

    The stack in containers listens on loopback only and has a known password; a recording holds none.
    """
    address = (recording.settings.get("traffic") or {}).get(action)
    password = "PGPASSWORD=postgres " if docker else ""
    return f'{password}psql "{address}"' if address else None


def _moved_ports(recording: RecordingResults) -> str:
    """Return the variables for the generator if the ports differ from its defaults."""
    found = ""
    for action, (name, default) in GENERATOR.items():
        port = (port_of(recording, action) or default).rpartition(":")[2]
        found += f"{name}={port} " if port != default else ""
    return found
