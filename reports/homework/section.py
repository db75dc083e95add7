"""The questions of the homework in its order, each answered from the run or with the command that would test it."""

from collections.abc import Iterator, Sequence

from observer.model.causes import CAUSES
from observer.model.findings import Cost
from reports.analysis.results.whole import Answer, IncidentResults, RecordingResults, Results
from reports.document.blocks import Blocks, Bullets, Inline, Profile, Section, Sentence, Value
from reports.document.build import details, events, numbers, say, shown_by
from reports.document.chain import joined
from reports.document.each_recording import cluster_kind, count, port_of
from reports.document.proxy import is_up, servers_of
from reports.homework.answers import QUESTIONS

Item = tuple[Inline, ...]
GENERATOR = {"write": ("PORT_PRIMARY", "5001"), "read": ("PORT_REPLICAS", "5002")}
"""The variables of traffic-generator.py for its ports, and their defaults."""


def homework(results: Results, profile: Profile) -> Section | None:
    """Return the questions with their answers; None in a drill."""
    if profile == "drill" or not results.recordings:
        return None
    answers = {answer.question: answer for answer in results.answers}
    incidents = {incident.id: incident for incident in results.incidents}
    said: dict[str, Item] = {
        "cluster": (_composition(results.recordings[0]),),
        "pools": (_pools(results.recordings[0]),),
        "traffic": tuple(_traffic(results)),
        "works": tuple(_works(results)),
        **{name: (_fault(answers[name], incidents),) for name in QUESTIONS[:-1] if name in answers},
        "proxy": tuple(_proxy(answers.get("proxy"), incidents)),
        "grafana": (_grafana(results),),
    }
    items = tuple((say(f"homework.{name}"), *answer) for name, answer in said.items())
    return Section("homework", say("homework.title"), (Bullets(items), *_steps(results)))


def _composition(recording: RecordingResults) -> Sentence:
    members = sorted({part.name for part in recording.parts if part.kind == "postgres"})
    etcd = len({part.name for part in recording.parts if part.kind == "etcd"})
    leader = recording.leaderships[0].member if recording.leaderships else None
    return say("homework.cluster_is", etcd=etcd or None, n=len(members), members=members or None, leader=leader)


def _pools(recording: RecordingResults) -> Sentence:
    capture = next((one for one in recording.captures if one.pools), None)
    if capture is None:
        return say("homework.pools_unknown")
    servers = servers_of(capture)
    up = sum(map(is_up, servers))
    return say("homework.pools_are", up=up, n=len(servers), rows=shown_by(events(capture.pools_id)))


def _traffic(results: Results) -> Iterator[Sentence]:
    served = tuple(row for recording in results.recordings for row in recording.served)
    first, writes, reads = results.recordings[0], count(served, "write"), count(served, "read")
    if not writes and not reads:
        yield say("homework.no_traffic")
    if writes:
        yield say("homework.writes", n=count(served, "write", None, False), all=writes, port=port_of(first, "write"))
    if reads:
        replica, leader = count(served, "read", None, True), count(served, "read", None, False)
        yield say("homework.reads", replica=replica, leader=leader, all=reads, port=port_of(first, "read"))


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
    ended = [o for one in incidents for cost in (one.write, one.read) for o in cost.outages if not o.open]
    if ended:
        yield say("homework.recovered", n=len(ended))
    if len(results.recordings) > 1:
        yield say("homework.restarted", n=len(results.recordings))


def _fault(answer: Answer, incidents: dict[int, IncidentResults]) -> Sentence:
    """Return what the incidents that answer a question cost, and which member leads after them."""
    own = [incidents[number] for number in answer.incidents if number in incidents]
    if not own:
        return say("homework.not_tested", commands=list(answer.commands))
    facts: list[Inline] = [*_costs(own), *_leader(own)]
    elections = [e for one in own for e in one.supporting.elections if e.leader is not None]
    if answer.question == "etcd_leader" and elections:
        facts.append(say("homework.elected", leader=elections[-1].leader, term=elections[-1].term))
    return say("homework.tested", facts=joined(facts), n=len(own), links=numbers(one.id for one in own))


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
    """Yield whether the leader changed, if that is the same for all incidents and known."""
    changes = {one.leader_before != one.leader_after for one in own}
    again = {one.timeline_before != one.timeline_after for one in own}
    if any(one.leader_after is None for one in own) or len(changes) > 1:
        return
    if changes == {True}:
        yield say("homework.leader_changed")
    elif len(again) == 1:
        yield say("homework.leader_again" if again == {True} else "homework.leader_same")


def _proxy(answer: Answer | None, incidents: dict[int, IncidentResults]) -> Iterator[Inline]:
    own = [incidents[number] for number in (answer.incidents if answer else ()) if number in incidents]
    if answer is not None:
        yield _fault(answer, incidents)
    down = any(one.write.outage_ns for one in own if CAUSES[one.cause].layer == "proxy")
    yield say("homework.not_enough" if down else "homework.not_enough_by_design")


def _grafana(results: Results) -> Sentence:
    span = next((r.dashboards[0] for r in results.recordings if r.dashboards), None)
    if span is None:
        return say("homework.grafana_unknown")
    panels = sum(board.panels for board in span.boards)
    shown = panels - sum(len(board.empty) for board in span.boards)
    return say("homework.grafana_asked", shown=shown, n=panels, boards=len(span.boards))


def _steps(results: Results) -> Blocks:
    """Return the steps of the homework that no recording can show, each with its command, folded."""
    docker = cluster_kind(results.recordings) == "docker"
    last = results.recordings[-1]
    steps: dict[str, list[str]] = {}
    if docker:
        steps["image"] = ["cd patroni-master && docker build -t patroni ."]
        steps["patronictl"] = ["docker exec demo-patroni1 patronictl list"]
    write, read = (_psql(last, action, docker) for action in ("write", "read"))
    if write:
        steps["schema"] = [f"{write} -f schema.sql", f"{write} -c 'select * from events limit 5'"]
    if write and read:
        steps["roles"] = [f"{psql} -c 'select pg_is_in_recovery()'" for psql in (write, read)]
    steps["generator"] = ["pip3 install psycopg2-binary", f"{_moved_ports(last)}python3 traffic-generator.py"]
    items = tuple((say(f"homework.step_{name}", commands=commands),) for name, commands in steps.items())
    return details(say("homework.steps", n=len(items)), Bullets(items))


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
