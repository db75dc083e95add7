"""Writes that met a server that takes none, what was not tried, when the proxy was full: facts in, Markdown out."""

from __future__ import annotations

from reports.render.language import Language
from reports.text.answering import link
from reports.text.old_answers import kind_of
from reports.text.old_facts import Facts, RecordingFact, ports_of, psql_of
from reports.text.steps import PASSWORD

# Of the places of a proxy: almost all.
MOST = 0.9


def read_only(facts: Facts, recording: RecordingFact, language: Language) -> str:
    """Which writes the port led to a server that takes none, by incident."""
    total = sum(fact["operations"] for fact in recording["read_only"])
    if not total:
        return language.say("proxy.read_only_none")
    chapters = {i["number"]: i for i in facts["incidents"] if i["recording"] == recording["id"]}
    items = []
    for fact in recording["read_only"]:
        own = chapters.get(fact["incident"] or 0)
        where = language.say("proxy.outside") if own is None else link(own, language)
        item = language.say("proxy.read_only_item", n=fact["operations"], where=where)
        if fact["replicas"]:
            told = {"n": len(fact["replicas"]), "members": fact["replicas"], "ids": fact["event_ids"]}
            shown = language.say("proxy.read_only_shown", **told)
            if fact["beside"]:
                shown = language.say("proxy.read_only_beside", beside=fact["beside"], **told)
            item = f"{item} ({shown})"
        items.append(item)
    said = [language.say("proxy.read_only", n=total, list="; ".join(items))]
    set_so = sum(fact["set_so"] for fact in recording["read_only"])
    if set_so < total:
        said.append(language.say("proxy.read_only_why"))
    if set_so:
        said.append(language.say("proxy.read_only_set", n=set_so))
    return " ".join(said)


def untested_reads(recording: RecordingFact, language: Language) -> str:
    """That no read was sent to the port for writes, with the command that would; empty where there is one port."""
    known = ports_of(recording["settings"])
    password = PASSWORD if kind_of([recording]) == "docker" else ""
    command = psql_of(recording["settings"], "write", "select inet_server_addr(), pg_is_in_recovery()", password)
    if command is None or known["write"] == known.get("read"):
        return ""
    return language.say("proxy.reads_untested", write=known["write"], command=command)


def crowded(facts: Facts, recording: RecordingFact, language: Language) -> list[str]:
    """How often the proxy was full, what its statistics say of the room, and, marked so, what is supposed of it."""
    spells = recording["crowds"]
    if not spells:
        return []
    ids = [row for spell in spells for row in (spell["event_id"], spell["until_id"]) if row is not None]
    seconds = sum(spell["to_s"] - spell["from_s"] for spell in spells)
    said = [language.say("proxy.full", n=len(spells), seconds=seconds, ids=ids)]
    items, dead = [], True
    for one in facts["incidents"]:
        peak, outages = one["testimony"]["peak"], (*one["write"]["outages"], *one["read"]["fresh_outages"])
        own = [s for s in spells if any(o["began_s"] < s["to_s"] and s["from_s"] < o["ended_s"] for o in outages)]
        if peak is None or not own or one["recording"] != recording["id"]:
            continue
        limit = own[0]["what"].rpartition("/")[2].strip()
        full = limit.isdecimal() and peak["most"] >= MOST * int(limit)
        dead = dead and full and peak["server"] == one["leader"]["before"]
        told = {"server": peak["server"], "pool": peak["pool"], "most": peak["most"], "ids": peak["event_ids"]}
        items.append(language.say("proxy.room_item", where=link(one, language), limit=limit, **told))
    if items:
        said.append(language.say("proxy.room_dead" if dead else "proxy.room", list="; ".join(items)))
        said.append(language.say("proxy.room_guess"))
    return said
