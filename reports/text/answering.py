"""The homework's questions answered in sentences, from plain facts. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import datetime

from reports.render.language import Language
from reports.text import queries
from reports.text.cells import between
from reports.text.narrative import booked, leader_kept, own_outage_s
from reports.text.old_answers import told_role, untested
from reports.text.old_facts import CostFact, Facts, IncidentFact, RecordingFact, ports_of
from reports.text.safety_tables import went_back
from reports.text.switched_on import came_back

SHOWN = 6
ACTIONS = ("write", "read")


def answers(facts: Facts, language: Language) -> list[str]:
    """Every question of the homework with its answer, in the order of the homework."""
    pairs: list[tuple[str, str]] = []
    for recording in facts["recordings"][:1]:
        pairs.append(("composition", _composition(recording, language)))
        pairs.append(("pools", _pools(recording, language)))
    pairs.append(("traffic", " ".join([_traffic(facts["recordings"], language), *_went_back(facts, language)])))
    pairs.append(("works", _works(facts, language)))
    known = {incident["id"]: incident for incident in facts["incidents"]}
    for answer in facts["answers"]:
        own = [known[i] for i in answer["incidents"]]
        pairs.append((answer["question"], _fault(answer["question"], own, answer["commands"], facts, language)))
    pairs.append(("enough", _enough(facts, language)))
    pairs.append(("grafana", _grafana(facts["recordings"], language)))
    said = [
        language.say("answers.item", question=language.phrases[f"answers.{name}"], answer=text) for name, text in pairs
    ]
    return [*said, *_not_tried(facts, language)]


def _not_tried(facts: Facts, language: Language) -> list[str]:
    """The variants of faults that were left out."""
    items = [
        language.say("answers.variant", what=language.phrases[f"variant.{name}"], command=command)
        for name, command in untested(facts)
    ]
    return [language.say("answers.not_tried", list="; ".join(items))] if items else []


def _enough(facts: Facts, language: Language) -> str:
    """Whether one of everything is enough, by what was tried."""
    own = [i for i in facts["incidents"] if i["cause"] in ("proxy.down", "proxy.frozen")]
    links = ", ".join(link(incident, language) for incident in own)
    proxy = language.say("answers.enough_tested", links=links) if own else language.say("answers.enough_untested")
    return f"{proxy} {language.say('answers.enough_more')}"


def link(incident: IncidentFact, language: Language) -> str:
    """A link to the chapter of an incident."""
    return language.say("answers.link", id=incident["id"])


def _fault(
    question: str, own: Sequence[IncidentFact], commands: Sequence[str], facts: Facts, language: Language
) -> str:
    recordings = {recording["id"]: recording for recording in facts["recordings"]}
    if not own:
        # Who leads etcd was not seen: then the first of three commands finds it out, and the others name a stand-in.
        asks = question == "etcd_leader" and len(commands) > 2
        key = "answers.not_tested_etcd_leader" if asks else "answers.not_tested"
        return language.say(key, commands=list(commands))
    items = [_told(question, incident, recordings[incident["recording"]], language) for incident in own[:SHOWN]]
    untested = _reader(own, commands, language)
    if len(own) == 1:
        return " ".join([language.say("answers.once", told=items[0]), *untested])
    more = "\n  - …" if len(own) > SHOWN else ""
    lines = "".join(f"\n  - {item}" for item in (*(f"{item}." for item in items), *untested))
    return language.say("answers.many", n=len(own)) + lines + more


def _reader(own: Sequence[IncidentFact], commands: Sequence[str], language: Language) -> list[str]:
    """That in no incident a persistent reader sat on the leader that failed: what it meets is unknown then."""
    reads = [incident["testimony"]["kept_reads"] for incident in own if incident["cause"].startswith("leader.")]
    if not reads or any(read is None or read["hit"] for read in reads):
        return []
    return [language.say("answers.reader_untested", ask=queries.serving(), commands=list(commands[:1]), n=len(own))]


def _told(question: str, incident: IncidentFact, recording: RecordingFact, language: Language) -> str:
    """One incident in a line: what it cost, who leads after it, who led etcd, what switching on again did."""
    leader = incident["leader"]
    if leader["after"] is None:
        now = language.phrases["format.unknown"]
    else:
        kept = leader_kept(incident)
        same = "same" if kept == "kept" else kept
        key = f"answers.leader_{same if leader['before'] == leader['after'] else 'now'}"
        now = language.say(
            key, leader=leader["after"], before=leader["timeline_before"], after=leader["timeline_after"]
        )
    back = came_back(incident, recording, language)
    said = [cost(incident, language), now, *_etcd(question, incident, recording, language), *([back] if back else [])]
    return language.say("answers.of_incident", link=link(incident, language), told="; ".join(said))


def _etcd(question: str, incident: IncidentFact, recording: RecordingFact, language: Language) -> list[str]:
    """Who led etcd after an incident of etcd's; of a member whose rank nobody saw, what was told of it."""
    elections = incident["testimony"]["elections"]
    if elections:
        last = elections[-1]
        return [language.say("answers.etcd_elected", leader=last["leader"], term=last["term"], row=last["event_id"])]
    if question != "etcd_one" or recording["etcd_leader"] is not None:
        return []
    role = told_role(incident)
    return [language.say("answers.etcd_unseen") if role is None else language.say("answers.etcd_told", role=role)]


def cost(incident: IncidentFact, language: Language) -> str:
    """How long writes and reads were down, in half a sentence."""
    write, read = (_seconds(incident[action], language) for action in ("write", "read"))
    writes_s, reads_s = own_outage_s(incident["write"]), own_outage_s(incident["read"])
    if writes_s == 0 and reads_s == 0:
        failed = sum(cost["failed"] + cost["unknown"] for cost in (incident["write"], incident["read"]))
        return language.say("answers.cost_few" if failed else "answers.cost_none", n=failed)
    if reads_s == 0 and incident["read"]["fresh_longer"]:
        return language.say("answers.cost_read_kept_only", write=write, read=incident["read"]["fresh_outage_s"])
    if reads_s == 0:
        return language.say("answers.cost_read_kept", write=write)
    if writes_s == 0:
        return language.say("answers.cost_write_kept", read=read)
    return language.say("answers.cost", write=write, read=read)


def _grafana(recordings: Sequence[RecordingFact], language: Language) -> str:
    """How many panels of the dashboards had data over the longest span that was asked for."""
    whole = next((r["dashboards"][0] for r in recordings if r["dashboards"]), None)
    if whole is None:
        return language.say("answers.grafana_unknown")
    asked = whole["boards"]
    panels, empty = (sum(numbers) for numbers in zip(*((b["panels"], len(b["empty"])) for b in asked), strict=True))
    boards = [board["board"] for board in asked]
    return language.say(
        "answers.grafana_asked", shown=panels - empty, panels=panels, boards=boards, ids=whole["event_id"]
    )


def _seconds(fact: CostFact, language: Language) -> str:
    if (earlier := booked(fact)) is not None:
        return language.say("answers.within", id=earlier)
    if fact["outage_s"] is not None and fact["open"]:
        return language.say("summary.open", seconds=fact["outage_s"])
    return language.written(fact["outage_s"], "s")


def _composition(recording: RecordingFact, language: Language) -> str:
    ports = ports_of(recording["settings"])
    members = sorted({p["name"] for p in recording["parts"] if p["kind"] == "postgres"})
    etcd = len({p["name"] for p in recording["parts"] if p["kind"] == "etcd"})
    led = recording["leaderships"]
    return language.say(
        "answers.composition_is",
        etcd=etcd or None,
        members=members or None,
        leader=led[0]["member"] if led else None,
        write=ports.get("write"),
        read=ports.get("read"),
    )


def _pools(recording: RecordingFact, language: Language) -> str:
    capture = next((c for c in recording["captures"] if c["pools"]), None)
    if capture is None:
        return language.say("answers.pools_unknown")
    up: dict[str, list[str]] = {}
    for row in capture["pools"]:
        if row.get("server") not in ("FRONTEND", "BACKEND"):
            own = up.setdefault(str(row.get("pool")), [])
            if str(row.get("status")).startswith("UP"):
                own.append(str(row.get("server")))
    items = [language.say("answers.pool", pool=pool, servers=servers) for pool, servers in up.items()]
    return language.say("answers.pools_are", utc=capture["utc"], list=", ".join(items))


def _traffic(recordings: Sequence[RecordingFact], language: Language) -> str:
    said = []
    for action, key in (("write", "answers.writes_from"), ("read", "answers.reads_from")):
        counts: dict[tuple[str, bool | None], int] = {}
        for recording in recordings:
            for row in recording["served"]:
                if row["action"] == action and row["server"] is not None:
                    who = (row["server"], row["in_recovery"])
                    counts[who] = counts.get(who, 0) + row["operations"]
        items = [
            language.say("answers.server_count", server=server, role=role_of(in_recovery, language), n=n)
            for (server, in_recovery), n in sorted(counts.items(), key=lambda item: (-item[1], item[0][0]))
        ]
        if items:
            said.append(language.say(key, list=", ".join(items)))
        workloads = [(recording["settings"].get("traffic") or {}).get("workload") for recording in recordings]
        if items and action == "write" and set(workloads) == {"homework"}:
            said.append(language.say("answers.schema"))
    return " ".join(said) or language.say("answers.no_traffic")


def _went_back(facts: Facts, language: Language) -> list[str]:
    """How many reads went back in time; nothing where none was seen to."""
    count = sum(went_back(reads) or 0 for reads in facts["consistency"]["reads"])
    return [language.say("answers.went_back", n=count)] if count else []


def role_of(in_recovery: bool | None, language: Language) -> str:
    """The role that a server claimed by pg_is_in_recovery()."""
    if in_recovery is None:
        return language.phrases["format.unknown"]
    return language.say("recovery.yes" if in_recovery else "recovery.no")


def _works(facts: Facts, language: Language) -> str:
    if not any(recording["totals"] for recording in facts["recordings"]):
        return language.say("answers.no_traffic")
    incidents = facts["incidents"]
    writes = [i for i in incidents if i["write"]["outage_s"]]
    reads = [i for i in incidents if i["read"]["outage_s"]]
    if not writes and not reads and _unseen(facts):
        said = [language.say("answers.works_unknown"), *([] if incidents else [language.say("answers.works_untested")])]
    elif not writes and not reads:
        said = [_uninterrupted(facts, language)]
    elif not writes:
        said = [language.say("answers.works_reads", reads=len(reads), n=len(incidents))]
    else:
        worst = max(writes, key=lambda i: i["write"]["outage_s"] or 0.0)
        said = [
            language.say(
                "answers.works_with",
                writes=len(writes),
                reads=None if all(i["read"]["outage_s"] is None for i in incidents) else len(reads),
                n=len(incidents),
                seconds=_seconds(worst["write"], language),
                link=link(worst, language),
            )
        ]
    said += [text for action in ACTIONS for text in _fresh_alone(action, incidents, language)]
    outages = [o for i in incidents for c in (i["write"], i["read"]) for o in c["outages"] if not o["open"]]
    if outages:
        one = len(outages) == 1
        said.append(language.say("answers.recovered_one") if one else language.say("answers.recovered", n=len(outages)))
    return " ".join([*said, *restarts(facts["recordings"], language)])


def _fresh_alone(action: str, incidents: Sequence[IncidentFact], language: Language) -> list[str]:
    """In which incidents new connections alone were out, which the outages of all connections do not count."""
    own = [(i, i["write" if action == "write" else "read"]) for i in incidents]
    alone = [(i, cost["fresh_outage_s"] or 0.0) for i, cost in own if cost["outage_s"] == 0 and cost["fresh_longer"]]
    if not alone:
        return []
    seconds = [fresh_s for _, fresh_s in alone]
    span = between(min(seconds), max(seconds), language)
    links = ", ".join(link(incident, language) for incident, _ in alone)
    return [language.say(f"answers.fresh_{action}", n=len(alone), links=links, span=span)]


def _uninterrupted(facts: Facts, language: Language) -> str:
    """What is known of an application that was never interrupted: where nothing broke, little."""
    failed = sum(t["failed"] + t["unknown"] for r in facts["recordings"] for t in r["totals"])
    if facts["incidents"]:
        key = "answers.works_few" if failed else "answers.works_all"
        return language.say(key, n=failed, incidents=len(facts["incidents"]))
    seconds = sum(recording["duration_s"] for recording in facts["recordings"])
    said = language.say("answers.works_quiet_few" if failed else "answers.works_quiet", n=failed, seconds=seconds)
    return f"{said} {language.say('answers.works_untested')}"


def _unseen(facts: Facts) -> bool:
    """Whether an interruption may have gone unseen: an action was not driven, or not all the time."""
    costs = [cost for incident in facts["incidents"] for cost in (incident["write"], incident["read"])]
    undriven = any({t["action"] for t in recording["totals"]} < set(ACTIONS) for recording in facts["recordings"])
    unseen = any(recording["unobserved"] for recording in facts["recordings"])
    return undriven or unseen or any(cost["outage_s"] is None for cost in costs)


def restarts(recordings: Sequence[RecordingFact], language: Language) -> list[str]:
    """The pauses of the load between recordings."""
    said = []
    for before, after in itertools.pairwise(recordings):
        gap_s = (
            datetime.fromisoformat(after["began_utc"]) - datetime.fromisoformat(before["ended_utc"])
        ).total_seconds()
        said.append(language.say("answers.restarted", before=before["id"], after=after["id"], seconds=max(0.0, gap_s)))
    return said
