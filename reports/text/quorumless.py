"""What an etcd without a quorum did to the leader, to reads and to writes, and how it came back. Facts in. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from reports.render.language import Language
from reports.text import queries
from reports.text.cells import between
from reports.text.narrative import parts, phase_words
from reports.text.old_facts import AwayFact, EvidenceFact, IncidentFact, LineFact, RecordingFact
from reports.text.reasons import rows as rows_behind

LOST = ("evidence.quorum_lost", "evidence.quorum_gone")
REGAINED = ("evidence.quorum_regained", "evidence.quorum_elected", "evidence.quorum_answers")


def quorum(incident: IncidentFact, recording: RecordingFact, language: Language) -> list[str]:
    """Paragraphs: when the leader gave up, who could still read, and how writes came back."""
    return [
        " ".join([*demotion(incident, language), *refusals(incident, recording, language)]),
        " ".join(_silent(incident, recording, language)),
        " ".join(_back(incident, language) + _after(incident, language)),
    ]


def _silent(incident: IncidentFact, recording: RecordingFact, language: Language) -> list[str]:
    """Which members of etcd were silent, and how reads did meanwhile."""
    said = []
    endpoints = sorted({f["facts"]["endpoint"] for f in incident["evidence"] if f["says"] == "evidence.etcd_failed"})
    known = {a for part in recording["parts"] if part["kind"] == "etcd" for a in part["outside"]}
    if endpoints:
        gone = set(endpoints) >= known > set()
        said.append(
            language.say(
                "quorum.all_gone" if gone else "quorum.some_gone", **({} if gone else {"endpoints": endpoints})
            )
        )
    read = incident["read"]
    if read["outage_s"] is None:
        said.append(language.say("story.read_unknown"))
    else:
        said += _read_only(incident, language)
    return said


def _after(incident: IncidentFact, language: Language) -> list[str]:
    """How etcd came back, on which timeline the leader is since, and what failsafe mode would have done."""
    said = [*elected(incident, language), *returned_members(incident["testimony"]["etcd_away"], language)]
    leader = incident["leader"]
    if leader["timeline_before"] != leader["timeline_after"] and leader["timeline_after"] is not None:
        said.append(
            language.say(
                "quorum.timeline",
                before=leader["timeline_before"],
                after=leader["timeline_after"],
                rows=rows_behind(incident["testimony"]["timeline_ids"], language),
            )
        )
    config = incident["testimony"]["config_id"]
    rows = rows_behind([] if config is None else [config], language)
    key = "quorum.failsafe_stays" if incident["testimony"]["failsafe_mode"] else "quorum.failsafe"
    said.append(language.say(key, rows=rows))
    return said


def demotion(incident: IncidentFact, language: Language) -> list[str]:
    """How long the leader went on without a quorum: from when it was still there to when Patroni says it demoted."""
    demoted, gone = first_of(incident, "evidence.demoted"), incident["testimony"]["majority_gone"]
    if demoted is None:
        return [language.say("quorum.kept")]
    member = demoted["facts"]["member"]
    lines = [f for f in incident["testimony"]["lines"] if f["member"] == member and f["says"] == "demoted"]
    at_s = lines[-1]["at_s"] if lines else demoted["facts"]["at_s"]
    said = []
    if gone is not None:
        said.append(
            language.say(
                "quorum.demoted_window",
                member=member,
                range=between(at_s - gone["by_s"], at_s - gone["after_s"], language),
                after_s=gone["after_s"],
                by_s=gone["by_s"],
                ids=gone["event_ids"],
            )
        )
    else:
        lost = first_of(incident, *LOST)
        seconds = None if lost is None else at_s - lost["facts"]["at_s"]
        rows = [*([] if lost is None else lost["ids"]), *demoted["ids"]]
        said.append(language.say("quorum.demoted", member=member, seconds=seconds, ids=rows))
    said.append(language.say("quorum.why"))
    if lines:
        said.append(language.say("quorum.own_words", member=member, list=quoted(lines, language)))
    if demoted["ids"]:
        said.append(language.say("quorum.by_sql", at_s=demoted["facts"]["at_s"], ids=demoted["ids"]))
    return said


def quoted(lines: Sequence[LineFact], language: Language) -> str:
    """Lines of a log as they stand there, each with its moment and its row."""
    return ", ".join(
        language.say("quorum.quoted", text=line["text"], at_s=line["at_s"], ids=line["event_id"]) for line in lines
    )


def refusals(incident: IncidentFact, recording: RecordingFact, language: Language) -> list[str]:
    """The writes that a server in recovery refused: what the application itself saw of a demotion."""
    refused = incident["testimony"]["read_only"]
    if refused is None:
        return []
    where = f"recording_id = {recording['id']} and action = 'write' and sqlstate = '25006'"
    ids = [i for i in (refused["first_id"], refused["last_id"]) if i is not None]
    asked = f"{where} and id between {ids[0]} and {ids[-1]}" if ids else where
    command = f'observer query "select count(*) from operations where {asked}"'
    return [
        language.say(
            "quorum.refused",
            n=refused["count"],
            from_s=refused["from_s"],
            to_s=refused["to_s"],
            ids=" … ".join(map(str, ids)),
            command=command,
        )
    ]


def _read_only(incident: IncidentFact, language: Language) -> list[str]:
    """How reads did in the whole seconds in which writes were down; nothing to say where they never were."""
    outages = incident["write"]["outages"]
    if not outages:
        return []
    own = [
        pace
        for pace in incident["pace"]
        if pace["action"] == "read"
        if any(o["began_s"] <= pace["at_s"] and pace["at_s"] + pace["width_s"] <= o["ended_s"] for o in outages)
    ]
    if not own:
        return [language.say("quorum.reads_unknown")]
    ok, failed = sum(pace["ok"] for pace in own), sum(pace["failed"] + pace["unknown"] for pace in own)
    from_s, to_s = own[0]["at_s"], own[-1]["at_s"] + own[-1]["width_s"]
    said = [language.say("quorum.reads", from_s=from_s, to_s=to_s, ok=ok, failed=failed)]
    if own[0]["width_s"] == 1:  # wider ones are counted by when they finished
        said.append(language.say("query.count", command=queries.due_reads(incident["recording"], from_s, to_s)))
    return [*said, *_answered(incident, ok, language), _window(incident, language)] if ok else said


def _answered(incident: IncidentFact, ok: int, language: Language) -> list[str]:
    """How many of these reads replicas answered, and how many a leader; nothing where the counts are not the same."""
    answered = incident["testimony"]["answered"]
    if answered["replicas"] + answered["unknown"] + sum(led["n"] for led in answered["leaders"]) != ok:
        return []
    items = [language.say("quorum.by_replicas", n=answered["replicas"])]
    items += [language.say("quorum.by_leader", **led) for led in answered["leaders"]]
    items += [language.say("quorum.by_unknown", n=answered["unknown"])] if answered["unknown"] else []
    return [language.say("quorum.answered", ok=ok, list=", ".join(items))]


def _window(incident: IncidentFact, language: Language) -> str:
    """That there was nowhere to write, and since when there was, though no write came through yet."""
    ready = first_of(incident, "evidence.sql_primary", "evidence.rest_role")
    ended_s = incident["write"]["outages"][-1]["ended_s"]
    if ready is None or ready["facts"]["at_s"] >= ended_s or incident["write"]["open"]:
        return language.say("quorum.read_only")
    facts = {"at_s": ready["facts"]["at_s"], "ids": ready["ids"], "member": ready["facts"]["member"]}
    routed = first_of(incident, "evidence.route_up")
    key = "unrouted" if routed is not None and routed["facts"]["at_s"] > ready["facts"]["at_s"] else "until"
    return language.say(f"quorum.read_only_{key}", write_s=ended_s, **facts)


def _back(incident: IncidentFact, language: Language) -> list[str]:
    """From the quorum's return to the first write, by phases, with what Patroni's log says of it."""
    regained = first_of(incident, *REGAINED)
    after = [
        p
        for p in parts(incident)
        if p.inside and regained is not None and p.phase["began_s"] >= regained["facts"]["at_s"] - 0.01
    ]
    if not after or incident["write"]["open"]:
        return []
    names = ", ".join(
        f"{phase_words(p.phase['name'], 'name', language)} {language.written(p.seconds, 'fine')}" for p in after
    )
    said = [language.say("quorum.back", seconds=sum(part.seconds for part in after), phases=names)]
    own = [f for f in incident["testimony"]["lines"] if f["says"] in ("promoted", "new_timeline")]
    if own:
        said.append(language.say("quorum.own_words", member=own[0]["member"], list=quoted(own, language)))
    return said


def elected(incident: IncidentFact, language: Language) -> list[str]:
    """Whom etcd elected in the incident, between which looks."""
    said = []
    for election in incident["testimony"]["elections"]:
        told, start = {**election, "ids": election["event_id"]}, election["start"]
        if start is None:
            said.append(language.say("etcd_one.elected", **told))
        else:  # narrower than the looks at etcd, and only as sure as the engine's word
            told |= {"name": start["name"], "started_s": start["at_s"], "start_id": start["event_id"]}
            said.append(language.say("etcd_one.elected_started", **told))
    return said


def returned_members(away: Sequence[AwayFact], language: Language) -> list[str]:
    """When each member of etcd answered again; an order only between those whose windows do not overlap."""
    back = sorted((a for a in away if a["to_s"] is not None), key=lambda a: (a["to_s"] or 0.0, a["endpoint"]))
    groups: list[list[AwayFact]] = []
    for one in back:
        if groups and (one["after_s"] or 0.0) < max(other["to_s"] or 0.0 for other in groups[-1]):
            groups[-1].append(one)
        else:
            groups.append([one])
    items = []
    for group in groups:
        ids = [one["sees_id"] for one in group if one["sees_id"] is not None]
        low, high = min(one["after_s"] or 0.0 for one in group), max(one["to_s"] or 0.0 for one in group)
        names = [one["endpoint"] for one in group]
        key = "quorum.order_item" if len(group) == 1 else "quorum.order_unknown"
        items.append(language.say(key, endpoint=names, low=low, high=high, rows=rows_behind(ids, language)))
    return [language.say("quorum.order", list=", ".join(items))] if items else []


def first_of(incident: IncidentFact, *says: str) -> EvidenceFact | None:
    """The first evidence of an incident that says one of these, and when."""
    rows = (*incident["evidence"], *(e for p in incident["phases"] for e in p["evidence"]))
    return next((fact for fact in rows if fact["says"] in says and fact["facts"].get("at_s") is not None), None)
