"""What only one kind of fault has to tell (quorum, proxy, replica, etcd member), and how nodes came back. Pure."""

from __future__ import annotations

from collections import Counter
from typing import Any

from reports.render.language import Language
from reports.text import queries
from reports.text.comeback import returned
from reports.text.comparison import kind
from reports.text.old_answers import command
from reports.text.old_facts import CostFact, EvidenceFact, Facts, IncidentFact, OutageFact, RecordingFact, SpanFact
from reports.text.quorumless import elected, first_of, quorum

QUORUM = ("etcd.quorum_lost", "failsafe")
PROXY = ("proxy.down", "proxy.frozen", "proxy.reloaded")


def aftermath(incident: IncidentFact, recording: RecordingFact, language: Language) -> list[str]:
    """The paragraphs that only this kind of fault has, and what came of the nodes."""
    told: list[str] = []
    if incident["cause"] in QUORUM:
        told += quorum(incident, recording, language)
    elif incident["cause"] in PROXY:
        told += proxied(incident, recording, language)
    elif incident["cause"].startswith("replica."):
        told += replica(incident, recording, language)
    elif incident["cause"] == "etcd.member_down":
        told += etcd_member(incident, language)
    return told + crowded(incident, recording, language) + returned(incident, recording, language)


def singles(facts: Facts, language: Language) -> set[int]:
    """The ids of incidents like which there is no other in the document; one of an unknown cause is like no other."""
    kinds = {i["id"]: kind(i, facts, language) for i in facts["incidents"] if i["cause"] != "unknown"}
    times = Counter(kinds.values())
    return {number for number, name in kinds.items() if times[name] == 1}


def proxied(incident: IncidentFact, recording: RecordingFact, language: Language) -> list[str]:
    """How long the proxy was away, and that all behind it was well."""
    said = []
    phases = {p["name"]: p for p in incident["phases"]}
    answer = first_of(incident, "evidence.proxy_answered")
    back = first_of(incident, "evidence.proxy_back")
    ended = [o["ended_s"] for o in incident["write"]["outages"] if not o["open"]]
    if "absence" in phases and "recovery" in phases:
        down, last = phases["absence"]["seconds"], phases["recovery"]
        if answer is not None:
            said += _answered(incident, answer, down, language)
            if back is not None:
                said.append(language.say("proxied.page_later", at_s=back["facts"]["at_s"], ids=back["ids"]))
        elif back is not None and ended and back["facts"]["at_s"] > ended[-1]:
            # The write itself shows that it was back: the look at its statistics came later.
            said.append(
                language.say(
                    "proxied.seen_later",
                    down=incident["write"]["outage_s"],
                    at_s=back["facts"]["at_s"],
                    ids=back["ids"],
                    write_s=ended[-1],
                    low=last["shortest_s"],
                    high=last["longest_s"],
                )
            )
        else:
            said.append(language.say("proxied.down", down=down, back=last["seconds"]))
    repaired = [t["at_s"] for t in incident["told"] if t["kind"] == "repair.told"]
    if repaired and ended and ended[-1] > repaired[-1]:
        said.append(language.say("proxied.started", at_s=repaired[-1], seconds=ended[-1] - repaired[-1]))
    engine = [s for s in incident["testimony"]["started"] if ended and s["at_s"] <= ended[-1]]
    if engine:
        start = engine[-1]
        told = {"at_s": start["at_s"], "seconds": ended[-1] - start["at_s"], "ids": start["event_id"]}
        said.append(language.say("proxied.container_started", **told))
    said += _direct(incident, recording, language)
    outages = incident["write"]["outages"] or incident["read"]["outages"]
    leader = incident["leader"]
    if outages and leader["before"] is not None and leader["before"] == leader["after"]:
        began_s, ended_s = outages[0]["began_s"], outages[-1]["ended_s"]
        for span in recording["roles"]:
            led = span["subject"] == leader["before"] and span["what"] == "primary"
            if led and span["from_s"] <= began_s and span["to_s"] >= ended_s:
                said.append(
                    language.say("proxied.healthy", member=span["subject"], ids=span["event_id"], at_s=span["from_s"])
                )
    return [" ".join(said)] if said else []


def _answered(incident: IncidentFact, answer: EvidenceFact, down: float, language: Language) -> list[str]:
    """From when on clients got answers again, whether a write met a server in recovery first, and the first write."""
    at_s, refused = answer["facts"]["at_s"], incident["testimony"]["read_only"]
    said = [language.say("proxied.answered", down=down, at_s=at_s, ids=answer["ids"])]
    written = first_of(incident, "evidence.first_acknowledged")
    by_s = at_s if written is None else written["facts"]["at_s"]
    if refused is not None and at_s <= refused["from_s"] <= by_s:
        ids = " … ".join(str(i) for i in dict.fromkeys((refused["first_id"], refused["last_id"])) if i is not None)
        said.append(
            language.say("proxied.read_only", n=refused["count"], at_s=refused["from_s"], to_s=refused["to_s"], ids=ids)
        )
    if written is not None:
        said.append(language.say("proxied.written", at_s=by_s, seconds=by_s - at_s, ids=written["ids"]))
    return said


def _refused_by(incident: IncidentFact, at_s: float, language: Language) -> list[str]:
    """That the proxy refused connections already by a moment."""
    shut = first_of(incident, "evidence.proxy_failed")
    if shut is None or shut["facts"].get("how") != "refused" or shut["facts"]["at_s"] > at_s:
        return []
    return [language.say("proxied.direct_refused", at_s=shut["facts"]["at_s"], ids=shut["ids"])]


def _direct(incident: IncidentFact, recording: RecordingFact, language: Language) -> list[str]:
    """The writes past the proxy while it was away, each by how long after the fault; and when the next one came."""
    faults = [t["at_s"] for t in incident["told"] if t["kind"] == "fault.told"]
    outages = incident["write"]["outages"]
    own = [
        p
        for p in recording["proofs"]
        if any(o["began_s"] <= p["from_s"] and p["to_s"] <= o["ended_s"] for o in outages)
    ]
    said = []
    for proof in own:
        fault_s = max((at_s for at_s in faults if at_s <= proof["to_s"]), default=None)
        key = "proxied.direct" if fault_s is None else "proxied.direct_after"
        after = {} if fault_s is None else {"seconds": proof["to_s"] - fault_s}
        said.append(language.say(key, member=proof["subject"], at_s=proof["to_s"], ids=proof["event_id"], **after))
        said += _refused_by(incident, proof["from_s"], language) if proof is own[0] else []
    later = [p for p in recording["proofs"] if own and p["from_s"] > own[-1]["to_s"] and p not in own]
    if len(own) == 1:
        said.append(language.say("proxied.direct_only"))
    if later and outages and later[0]["from_s"] <= incident["ended_s"]:
        said.append(language.say("proxied.direct_next", at_s=later[0]["to_s"], ids=later[0]["event_id"]))
    return said


def crowded(incident: IncidentFact, recording: RecordingFact, language: Language) -> list[str]:
    """Whether the proxy was full during an outage: who came then had to wait, wherever the way behind it led."""
    costs = (incident["write"], incident["read"])
    outages = [o for cost in costs for o in (*cost["outages"], *cost["fresh_outages"])]
    own = [
        c for c in recording["crowds"] if any(o["began_s"] < c["to_s"] and c["from_s"] < o["ended_s"] for o in outages)
    ]
    if not own:
        return []
    spells = [language.say("crowded.spell", **_spell(spell)) for spell in own]
    total = sum(spell["to_s"] - spell["from_s"] for spell in own)
    if len(own) == 1:
        told = [language.say("crowded.full_once", **_spell(own[0]))]
    else:
        told = [language.say("crowded.full", n=len(own), seconds=total, list=", ".join(spells))]
    told.append(language.say("crowded.queued"))
    for action in ("read", "write"):
        cost: CostFact = incident["read"] if action == "read" else incident["write"]
        if cost["fresh_longer"]:
            told += [_waited(action, outage, own, language) for outage in cost["fresh_outages"]]
    peak = incident["testimony"]["peak"]
    if peak is not None:
        told.append(language.say("crowded.peak", **{**peak, "ids": peak["event_ids"]}))
        told.append(language.say("crowded.guess", section=language.phrases["proxy.title"]))
    if recording["crowds"][0] in own:  # once in a recording
        told += _load(recording, language)
    return [" ".join(told)]


def _spell(span: SpanFact) -> dict[str, Any]:
    rows = [row for row in (span["event_id"], span["until_id"]) if row is not None]
    seconds = span["to_s"] - span["from_s"]
    return {"at_s": span["from_s"], "seconds": seconds, "sessions": span["what"], "ids": rows}


def _load(recording: RecordingFact, language: Language) -> list[str]:
    """That another load would fill the proxy sooner, later or never."""
    traffic = recording["settings"].get("traffic")
    rates = [traffic.get(key) for key in ("rate_per_s", "fresh_per_s")] if isinstance(traffic, dict) else []
    known = [rate for rate in rates if isinstance(rate, (int, float))]
    return [language.say("crowded.load", rate=sum(known)) if known else language.say("crowded.load_unknown")]


def _waited(action: str, outage: OutageFact, crowds: list[SpanFact], language: Language) -> str:
    """When new connections did not get through, and for how much of it the proxy was full."""
    both = sum(max(0.0, min(outage["ended_s"], c["to_s"]) - max(outage["began_s"], c["from_s"])) for c in crowds)
    ids = " → ".join(str(i) for i in (outage["before_id"], outage["after_id"]) if i is not None)
    return language.say(
        "crowded.fresh",
        action=action,
        from_s=outage["began_s"],
        to_s=outage["ended_s"],
        seconds=outage["seconds"],
        ids=ids or "—",
        both=both,
    )


def replica(incident: IncidentFact, recording: RecordingFact, language: Language) -> list[str]:
    """What a replica's fault does to the pool for reads and to the candidates."""
    gone, leader = incident["target"], incident["leader"]["before"]
    items = []
    for route in recording["routes"]:
        _pool, _, server = route["subject"].rpartition("/")
        if (
            server == gone
            and incident["began_s"] < route["to_s"] <= incident["ended_s"] + 60
            and route["to_s"] < recording["duration_s"]
        ) and route["from_s"] < incident["began_s"]:
            items.append(_dropped(incident, server, route, language))
    said = [language.say("replica_lost.pool", list=", ".join(items) or language.say("replica_lost.pool_kept"))]
    names = {span["subject"] for span in recording["roles"]} - {gone, leader}
    left = sorted(n for n in names if _role_at(recording, n, incident["began_s"] + 1) == "replica")
    dropped = [r["to_s"] for r in recording["routes"] if r["subject"].rpartition("/")[2] == gone]
    said += _unlucky(incident, dropped, language)
    if left and leader is not None:
        spare = [language.say("replica_lost.candidates", n=len(left), list=left, leader=leader)]
    else:
        spare = [] if left else [language.say("replica_lost.no_candidates")]
    write = incident["write"]
    if write["outage_s"] is not None:
        counted = {name: write[name] for name in ("ok", "failed", "unknown")}
        spare.append(language.say("replica_lost.writes", **counted))
        count = queries.writes_of(incident["recording"], incident["number"])
        spare.append(language.say("query.count", command=count))
    return [" ".join(said), " ".join(spare)] if spare else [" ".join(said)]


def _dropped(incident: IncidentFact, server: str, route: SpanFact, language: Language) -> str:
    """When the proxy dropped a server, after it was broken and, where that came first, after it was started again."""
    told = [t for t in incident["told"] if t["detail"].get("target") == server and t["at_s"] <= route["to_s"]]
    faults = [t["at_s"] for t in told if t["kind"] == "fault.told"]
    starts = [t["at_s"] for t in told if t["kind"] == "repair.told"]
    ids = route["until_id"]
    if not faults:
        seconds = route["to_s"] - incident["began_s"]
        return language.say("replica_lost.pool_down", server=server, seconds=seconds, ids=ids)
    seconds = route["to_s"] - faults[0]
    if not starts:
        return language.say("replica_lost.pool_down_told", server=server, seconds=seconds, ids=ids)
    return language.say(
        "replica_lost.pool_down_late", server=server, seconds=seconds, started=route["to_s"] - starts[-1], ids=ids
    )


def _unlucky(incident: IncidentFact, dropped: list[float], language: Language) -> list[str]:
    """Which reads failed where there was no outage: on new connections."""
    unlucky = incident["testimony"]["unlucky_reads"]
    if unlucky is None or incident["read"]["outages"]:
        return []
    if unlucky["kept"] or unlucky["message"] is None:
        return []
    said = [language.say("replica_lost.failed", **unlucky)]
    if any(incident["began_s"] < unlucky["last_began_s"] <= at_s <= incident["ended_s"] for at_s in dropped):
        said.append(language.say("replica_lost.failed_while_up", last_began_s=unlucky["last_began_s"]))
    if unlucky["first_id"] is not None and unlucky["last_id"] is not None:
        command = queries.fresh_reads(incident["recording"], unlucky["first_id"], unlucky["last_id"])
        said.append(language.say("query.count", command=command))
    return said


def etcd_member(incident: IncidentFact, language: Language) -> list[str]:
    """That one etcd of three costs nothing over all of its absence, whether it led, and who was elected."""
    said = [*_led(incident, language), *elected(incident, language)]
    write, read = incident["write"], incident["read"]
    if write["outage_s"] is None and read["outage_s"] is None:
        return [" ".join([*said, language.say("story.write_unknown"), language.say("story.read_unknown")])]
    for away in incident["testimony"]["etcd_away"]:
        ids = [row for row in (away["blind_id"], away["sees_id"]) if row is not None]
        facts = {name: away[name] for name in ("endpoint", "writes", "reads", "failed")}
        if away["to_s"] is None:
            said.append(language.say("etcd_one.still_away", from_s=away["from_s"], ids=ids, **facts))
        else:
            said.append(
                language.say(
                    "etcd_one.away", seconds=away["to_s"] - away["from_s"], to_s=away["to_s"], ids=ids, **facts
                )
            )
            if away["to_s"] > incident["ended_s"]:
                said.append(language.say("etcd_one.beyond", ended_s=incident["ended_s"]))
        said.append(language.say("query.count", command=queries.meanwhile(incident["recording"], *ids)))
    return [" ".join(said)]


def _led(incident: IncidentFact, language: Language) -> list[str]:
    """Whether the member that failed led etcd, as a source of the recording or else whoever broke it told."""
    led = incident["testimony"]["etcd_led"]
    if incident["led_etcd"]:
        return [language.say("etcd_one.was_leader")]
    if incident["led_etcd"] is False and led is not None:
        return [language.say("etcd_one.other_led", endpoint=led["endpoint"], ids=led["event_id"])]
    if incident["led_etcd"] is False:
        return [language.say("etcd_one.was_not")]
    for fault in incident["told"]:
        role = str(fault["detail"].get("role", ""))
        if fault["kind"] == "fault.told" and role.startswith("etcd_"):
            key = "etcd_one.told_leader" if role == "etcd_leader" else "etcd_one.told_not"
            return [language.say(key, ids=fault["event_id"])]
    return [language.say("etcd_one.unknown")]


def persistent(incident: IncidentFact, recording: RecordingFact, language: Language) -> list[str]:
    """Where the persistent reads came from when a member failed: only those from it met the fault."""
    reads = incident["testimony"]["kept_reads"]
    if reads is None:
        return []
    servers, moved = reads["servers"], reads["moved"]
    if not reads["hit"]:
        leader = reads["primary"] and incident["cause"].startswith("replica.")
        if not leader:
            return [language.say("persistent.not_hit", servers=servers)]
        stop = command("stop", ["NODE"], [recording])
        return [language.say("persistent.leader", servers=servers, ask=queries.serving(), stop=stop)]
    if len(servers) > 1:
        return [language.say("persistent.some_hit", servers=servers, target=incident["target"])]
    if moved is None:
        return [language.say("persistent.stayed", servers=servers)]
    ids = " → ".join(str(row) for row in (moved["before_id"], moved["after_id"]) if row is not None)
    facts = {"to": moved["server"], "seconds": moved["seconds"], "ids": ids, "failed": moved["failed"]}
    return [language.say("persistent.moved", servers=servers, **facts)]


def _role_at(recording: RecordingFact, member: str, at_s: float) -> str | None:
    for span in recording["roles"]:
        if span["subject"] == member and span["from_s"] <= at_s < span["to_s"]:
            return str(span["what"])
    return None
