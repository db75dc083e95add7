"""How the nodes of an incident came back: when they were started, streamed, answered, and were routed to. Pure."""

from __future__ import annotations

from reports.render.language import Language
from reports.text import queries
from reports.text.incident_tables import rows_of
from reports.text.old_facts import EvidenceFact, IncidentFact, RecordingFact, ReturnFact, SpanFact

STARTING = ("start", "resume", "join", "reboot")


def returned(incident: IncidentFact, recording: RecordingFact, language: Language) -> list[str]:
    """How each node of the incident came back."""
    return [_returned(fact, incident, recording, language) for fact in incident["returns"]]


def _returned(fact: ReturnFact, incident: IncidentFact, recording: RecordingFact, language: Language) -> str:
    member, seconds = fact["member"], fact["answered_s"]
    if seconds is None:
        return language.say("returned.not_back", member=member)
    rows = list(fact["event_ids"])
    if fact["role"] is None:
        said = [language.say("returned.plain", member=member, seconds=seconds)]
    else:
        was = member == incident["leader"]["before"] != incident["leader"]["after"]
        key = "returned.old" if was else "returned.node"
        back = language.say(key, member=member, seconds=seconds, role=fact["role"], timeline=fact["timeline"])
        said = [back]
        if fact["role"] == "replica":
            streams = fact["streaming_s"]
            if streams is None:
                said.append(language.say("returned.streaming_unseen"))
            else:
                said.insert(
                    0 if streams < seconds else 1, language.say("returned.streaming", seconds=streams, member=member)
                )
                said += _from_start(fact, incident, streams, language)
                said += _caught_up(fact, language)
            said += _routed(fact, incident, recording, language)
            said += [_how(fact, incident, language)] if was or fact["how"] else []
            said += _diverged(fact, language)
    shown: EvidenceFact = {"table": "events", "ids": rows, "says": "", "facts": {}}
    said += [language.say("returned.rows", rows=rows_of(shown, language))] if rows else []
    return " ".join(said)


def _how(fact: ReturnFact, incident: IncidentFact, language: Language) -> str:
    """What its log says of its way back; where that says nothing, with the query that finds nothing."""
    streams_s = fact["streaming_s"]
    started = None if streams_s is None else _started(fact["member"], incident, streams_s)
    start_id = None if started is None else started[1]
    if fact["how"] != "plain" or start_id is None or fact["streaming_id"] is None:
        return language.say(f"returned.how_{fact['how'] or 'unknown'}")
    command = queries.copies(incident["recording"], fact["member"], start_id, fact["streaming_id"])
    return language.say("returned.how_plain_query", command=command)


def _from_start(fact: ReturnFact, incident: IncidentFact, streams_s: float, language: Language) -> list[str]:
    """From the command that started the node to streaming."""
    started = _started(fact["member"], incident, streams_s)
    if started is None or started[1] is None:
        return []
    at_s, row = started
    seconds = incident["began_s"] + streams_s - at_s
    ids = [row, *([] if fact["streaming_id"] is None else [fact["streaming_id"]])]
    return [language.say("returned.from_start", seconds=seconds, ids=ids)]


def _caught_up(fact: ReturnFact, language: Language) -> list[str]:
    """When it had all of it: streaming is not that yet."""
    said = []
    for key, sample in (("returned.caught_up", fact["replayed"]), ("returned.caught_up_by_leader", fact["level"])):
        if sample is not None:
            said.append(language.say(key, seconds=sample["seconds"], ids=sample["event_id"]))
    return said or [language.say("returned.caught_up_unknown")]


def _diverged(fact: ReturnFact, language: Language) -> list[str]:
    """That it had gone on with a history of its own, which the rewind threw away."""
    line = fact["diverged"]
    if fact["how"] != "rewound" or line is None:
        return []
    return [language.say("returned.diverged", text=line["text"], ids=line["event_id"])]


def _started(member: str, incident: IncidentFact, streams_s: float) -> tuple[float, int | None] | None:
    """When the last command before it streamed started a node, and its row; None: nobody told."""
    told = [
        (t["at_s"], t["event_id"])
        for t in incident["told"]
        if t["kind"] == "repair.told" and t["detail"].get("target") == member
        if t["detail"].get("action") in STARTING and t["at_s"] <= incident["began_s"] + streams_s
    ]
    return told[-1] if told else None


def _routed(fact: ReturnFact, incident: IncidentFact, recording: RecordingFact, language: Language) -> list[str]:
    """When the proxy led clients to the node again."""
    began_s = incident["began_s"]
    streams_s = fact["streaming_s"] if fact["streaming_s"] is not None else fact["answered_s"] or 0.0
    started = _started(fact["member"], incident, streams_s)
    from_s = began_s if started is None else started[0]
    ups: list[SpanFact] = [
        route
        for route in recording["routes"]
        if route["subject"].rpartition("/")[2] == fact["member"]
        and from_s < route["from_s"] <= incident["ended_s"] + 60
    ]
    first = min(ups, key=lambda route: route["from_s"], default=None)
    if first is None or first["from_s"] - began_s < min(streams_s, fact["answered_s"] or 0.0):
        return []
    pool = first["subject"].rpartition("/")[0]
    key = "returned.routed" if started is None else "returned.routed_from_start"
    return [language.say(key, pool=pool, seconds=first["from_s"] - from_s, ids=first["event_id"])]
