"""What switching a broken part back on did, in half a sentence. Facts in, text out. Pure."""

from __future__ import annotations

from reports.render.language import Language
from reports.text.old_facts import IncidentFact, RecordingFact, ReturnFact
from reports.text.quorumless import REGAINED

DEEDS = ("start", "resume")
NOTICED_S = 10.0
"""A member of etcd may be missed so long before the first sign of its incident."""


def came_back(incident: IncidentFact, recording: RecordingFact, language: Language) -> str | None:
    """What followed when the broken part was there again; None: nothing of it was seen."""
    if incident["cause"].startswith("etcd.") or incident["cause"] == "failsafe":
        said = [*_members(incident, recording, language), *_quorum(incident, language)]
    elif incident["cause"] in ("proxy.down", "proxy.frozen"):
        said = _proxy(incident, language)
    else:
        said = [_node(incident, fact, language) for fact in incident["returns"]]
    return ", ".join(said) or None


def _node(incident: IncidentFact, fact: ReturnFact, language: Language) -> str:
    member, answered_s, streaming_s = fact["member"], fact["answered_s"], fact["streaming_s"]
    if answered_s is None:
        return language.say("back.missing", member=member)
    if fact["role"] != "replica":
        return language.say("back.answered", member=member, seconds=answered_s)
    if streaming_s is None:
        return language.say("back.replica", member=member, seconds=answered_s)
    at_s = incident["began_s"] + streaming_s
    for told in incident["told"]:
        action, own = told["detail"].get("action"), told["detail"].get("target") == member
        if told["kind"] == "repair.told" and own and action in DEEDS and told["at_s"] <= at_s:
            since = at_s - told["at_s"]
            return language.say(f"back.streaming_{action}", member=member, seconds=streaming_s, since=since)
    return language.say("back.streaming", member=member, seconds=streaming_s)


def _members(incident: IncidentFact, recording: RecordingFact, language: Language) -> list[str]:
    """When the last silent member of etcd answered again, of all that were silent."""
    began_s, targets = incident["began_s"], set(incident["targets"])
    spells = [
        (b["to_s"], b["subject"])
        for b in recording["blindness"]
        if b["source"] == "etcd" and b["subject"] in targets and b["to_s"] is not None
        if began_s - NOTICED_S <= b["from_s"] <= incident["ended_s"]
    ]
    if not spells:
        return []
    members = list(dict.fromkeys(name for _, name in sorted(spells)))
    key = "back.etcd" if len(members) == 1 else "back.etcd_last"
    return [language.say(key, members=members, seconds=max(at_s for at_s, _ in spells) - began_s)]


def _quorum(incident: IncidentFact, language: Language) -> list[str]:
    """How long after quorum was back the first write succeeded."""
    rows = (*incident["evidence"], *(e for phase in incident["phases"] for e in phase["evidence"]))
    regained = [f["facts"].get("at_s") for f in rows if f["says"] in REGAINED]
    ended = [o["ended_s"] for o in incident["write"]["outages"] if not o["open"]]
    if not regained or regained[-1] is None or not ended or ended[-1] < regained[-1]:
        return []
    return [language.say("back.quorum", seconds=ended[-1] - regained[-1])]


def _proxy(incident: IncidentFact, language: Language) -> list[str]:
    """How long after the proxy was switched on, as far as that was told, the first write succeeded."""
    told = [t["at_s"] for t in incident["told"] if t["kind"] == "repair.told"]
    ended = [o["ended_s"] for o in incident["write"]["outages"] if not o["open"]]
    if not told or not ended or ended[-1] < told[-1]:
        return []
    return [language.say("back.proxy", seconds=ended[-1] - told[-1])]
