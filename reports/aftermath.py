"""What only one kind of fault has to tell (quorum, proxy, replica, etcd member), and how nodes came back. Pure."""

from __future__ import annotations

from reports.facts import EvidenceFact, IncidentFact, RecordingFact
from reports.incident_tables import counts, rows_of
from reports.language import Language
from reports.narrative import parts, phase_words

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
    return told + crowded(incident, recording, language) + returned(incident, language)


def quorum(incident: IncidentFact, recording: RecordingFact, language: Language) -> list[str]:
    """When the leader gave up, who could still read, and how writes came back."""
    lost, regained = _of(incident, "evidence.quorum_lost"), _of(incident, "evidence.quorum_regained")
    demoted = _of(incident, "evidence.demoted")
    said = []
    if lost is not None and demoted is not None:
        seconds = demoted["facts"]["at_s"] - lost["facts"]["at_s"]
        said.append(
            language.say(
                "quorum.demoted", member=demoted["facts"]["member"], seconds=seconds, ids=_ids([lost, demoted])
            )
        )
    else:
        said.append(language.say("quorum.kept"))
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
    after = [
        p
        for p in parts(incident)
        if p.inside and regained is not None and p.phase["began_s"] >= regained["facts"]["at_s"] - 0.01
    ]
    if after and not incident["write"]["open"]:
        names = ", ".join(
            f"{phase_words(p.phase['name'], 'name', language)} {language.written(p.seconds, 'fine')}" for p in after
        )
        total = sum(part.seconds for part in after)
        said.append(language.say("quorum.back", seconds=total, phases=names))
    spells = [
        (b["to_s"], b["subject"])
        for b in recording["blindness"]
        if b["source"] == "etcd" and b["subject"] in endpoints and b["to_s"] is not None
        if incident["began_s"] - 10 <= b["from_s"] <= incident["ended_s"]
    ]
    if spells:
        items = [language.say("quorum.order_item", endpoint=name, seconds=at) for at, name in sorted(spells)]
        said.append(language.say("quorum.order", list=", ".join(items)))
    leader = incident["leader"]
    if leader["timeline_before"] != leader["timeline_after"] and leader["timeline_after"] is not None:
        said.append(language.say("quorum.timeline", before=leader["timeline_before"], after=leader["timeline_after"]))
    on = bool((recording["live"] or {}).get("failsafe_mode"))
    state = language.say("quorum.failsafe_on" if on else "quorum.failsafe_off")
    said.append(language.say("quorum.failsafe", failsafe=state))
    return [" ".join(said)]


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
    return [*said, language.say("quorum.read_only")] if ok else said


def proxied(incident: IncidentFact, recording: RecordingFact, language: Language) -> list[str]:
    """How long the proxy was away, and that all behind it was well."""
    said = []
    phases = {p["name"]: p for p in incident["phases"]}
    if "absence" in phases and "recovery" in phases:
        down, back = phases["absence"]["seconds"], phases["recovery"]["seconds"]
        said.append(language.say("proxied.down", down=down, back=back))
    repaired = [t["at_s"] for t in incident["told"] if t["kind"] == "repair.told"]
    ended = [o["ended_s"] for o in incident["write"]["outages"] if not o["open"]]
    if repaired and ended and ended[-1] > repaired[-1]:
        said.append(language.say("proxied.started", at_s=repaired[-1], seconds=ended[-1] - repaired[-1]))
    for proof in recording["proofs"]:
        if any(o["began_s"] <= proof["from_s"] and proof["to_s"] <= o["ended_s"] for o in incident["write"]["outages"]):
            at_s, row = proof["to_s"], proof["event_id"]
            said.append(language.say("proxied.direct", member=proof["subject"], at_s=at_s, ids=row))
    outages = incident["write"]["outages"] or incident["read"]["outages"]
    leader = incident["leader"]
    if outages and leader["before"] is not None and leader["before"] == leader["after"]:
        began_s, ended_s = outages[0]["began_s"], outages[-1]["ended_s"]
        for span in recording["roles"]:
            led = span["subject"] == leader["before"] and span["what"] == "primary"
            if led and span["from_s"] <= began_s and span["to_s"] >= ended_s:
                said.append(language.say("proxied.healthy", member=span["subject"], ids=span["event_id"]))
    return [" ".join(said)] if said else []


def crowded(incident: IncidentFact, recording: RecordingFact, language: Language) -> list[str]:
    """Whether the proxy was full during an outage: who came then had to wait, wherever the way behind it led."""
    outages = [o for cost in (incident["write"], incident["read"]) for o in cost["outages"]]
    told = []
    for spell in recording["crowds"]:
        if any(o["began_s"] < spell["to_s"] and spell["from_s"] < o["ended_s"] for o in outages):
            rows = [row for row in (spell["event_id"], spell["until_id"]) if row is not None]
            seconds = spell["to_s"] - spell["from_s"]
            told.append(
                language.say("crowded.full", at_s=spell["from_s"], seconds=seconds, sessions=spell["what"], ids=rows)
            )
    return told


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
            seconds = route["to_s"] - incident["began_s"]
            items.append(language.say("replica_lost.pool_down", server=server, seconds=seconds, ids=route["until_id"]))
    said = [language.say("replica_lost.pool", list=", ".join(items) or language.say("replica_lost.pool_kept"))]
    names = {span["subject"] for span in recording["roles"]} - {gone, leader}
    left = sorted(n for n in names if _role_at(recording, n, incident["began_s"] + 1) == "replica")
    said.append(language.say("replica_lost.candidates", list=left))
    return [" ".join(said)]


def etcd_member(incident: IncidentFact, language: Language) -> list[str]:
    """That one etcd of three costs nothing, and whether it led."""
    said = []
    if incident["led_etcd"] is not None:
        said.append(language.say("etcd_one.was_leader" if incident["led_etcd"] else "etcd_one.was_not"))
    write, read = incident["write"], incident["read"]
    if write["outage_s"] is None and read["outage_s"] is None:
        return [" ".join([*said, language.say("story.write_unknown"), language.say("story.read_unknown")])]
    failed = sum(cost["failed"] + cost["unknown"] for cost in (write, read))
    said.append(language.say("etcd_one.no_errors", failed=failed, writes=counts(write)[0], reads=counts(read)[0]))
    return [" ".join(said)]


def returned(incident: IncidentFact, language: Language) -> list[str]:
    """How each node of the incident came back."""
    found = []
    for fact in incident["returns"]:
        member, seconds = fact["member"], fact["answered_s"]
        if seconds is None:
            found.append(language.say("returned.not_back", member=member))
            continue
        if fact["role"] is None:
            said = [language.say("returned.plain", member=member, seconds=seconds)]
        else:
            was = member == incident["leader"]["before"] != incident["leader"]["after"]
            key = "returned.old" if was else "returned.node"
            said = [language.say(key, member=member, seconds=seconds, role=fact["role"], timeline=fact["timeline"])]
            if fact["role"] == "replica":
                said += (
                    [language.say("returned.streaming_unseen")]
                    if fact["streaming_s"] is None
                    else [language.say("returned.streaming", seconds=fact["streaming_s"])]
                )
                said += [language.say(f"returned.how_{fact['how'] or 'unknown'}")] if was or fact["how"] else []
        rows: EvidenceFact = {"table": "events", "ids": fact["event_ids"], "says": "", "facts": {}}
        said += [language.say("returned.rows", rows=rows_of(rows, language))] if fact["event_ids"] else []
        found.append(" ".join(said))
    return found


def _of(incident: IncidentFact, says: str) -> EvidenceFact | None:
    rows = (*incident["evidence"], *(e for p in incident["phases"] for e in p["evidence"]))
    return next((fact for fact in rows if fact["says"] == says and fact["facts"].get("at_s") is not None), None)


def _ids(facts: list[EvidenceFact]) -> str:
    return ", ".join(str(i) for fact in facts for i in fact["ids"])


def _role_at(recording: RecordingFact, member: str, at_s: float) -> str | None:
    for span in recording["roles"]:
        if span["subject"] == member and span["from_s"] <= at_s < span["to_s"]:
            return span["what"]
    return None
