"""Ready commands about a whole run: incidents beside each other, reads of leaders, spells, panels. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from reports.text.old_facts import RecordingFact
from reports.text.queries import _command


def compared(recordings: Iterable[RecordingFact]) -> list[str]:
    """For each incident: how long each action was down, in all and on new connections alone, and what was lost."""
    return [
        _command(
            "with o as (select incident_id, action, 'all' as probe, seconds, open from outages union all "
            "select incident_id, action, probe, seconds, open from outages_alone where probe = 'fresh') "
            "select i.number, i.cause, i.target, i.lost_writes, o.action, o.probe, sum(o.seconds) as seconds, "
            "max(o.open) as not_over from incidents i left join o on o.incident_id = i.id "
            f"where i.recording_id = {recording['id']} group by i.id, o.action, o.probe"
        )
        for recording in recordings
    ]


def outcomes(recordings: Iterable[RecordingFact]) -> list[str]:
    """How many operations of each incident ended in each way, as the incidents' own tables print them."""
    return [
        _command(
            "select i.number, o.action, o.outcome, count(*) as operations from incidents i join operations o "
            "on o.recording_id = i.recording_id and o.finished_ns > i.began_ns and o.finished_ns <= i.ended_ns "
            f"where i.recording_id = {recording['id']} group by 1, 2, 3"
        )
        for recording in recordings
    ]


def turned(recording: RecordingFact) -> list[str]:
    """Each read of a leader on a new connection: how long after the nearest turn before it, by the rows of turns."""
    fact = recording["turned"]
    if fact is None:
        return []
    return [
        _command(
            "select o.id, o.server, e.id as event, max(0, min(o.finished_ns - e.by_ns)) / 1e9 as seconds "
            "from operations o join events e on e.recording_id = o.recording_id and e.after_ns < o.finished_ns "
            f"where o.recording_id = {recording['id']} and o.action = 'read' and o.probe = 'fresh' "
            f"and o.outcome = 'ok' and o.in_recovery = 0 and e.id in ({', '.join(map(str, fact['turn_ids']))}) "
            "group by o.id order by seconds desc"
        )
    ]


def kept(recording: RecordingFact) -> list[str]:
    """Each read on a persistent connection that another server, or the same in another role, answered than the last."""
    own = [s for s in recording["served"] if s["action"] == "read" and s["probe"] == "kept"]
    if not any(s["in_recovery"] is False for s in own):
        return []
    return [
        _command(
            "select * from (select id, finished_ns / 1e9 as at_s, server, in_recovery, lag(id) over w as before, "
            "lag(server) over w as server_before, lag(in_recovery) over w as in_recovery_before from operations "
            f"where recording_id = {recording['id']} and action = 'read' and probe = 'kept' and outcome = 'ok' "
            "window w as (order by finished_ns, id)) where server is not server_before "
            "or in_recovery is not in_recovery_before"
        )
    ]


def boards(recording: RecordingFact) -> list[str]:
    """How many panels of each dashboard had data over the longest span that was asked for."""
    panels = ", ".join(f"json_extract(value, '$.{name}') as {name}" for name in ("board", "panel", "data"))
    return [
        _command(
            f"select board, sum(data) as with_data, count(*) as panels from (select {panels} from events, "
            f"json_each(detail, '$.panels') where events.id = {recording['dashboards'][0]['event_id']}) group by 1"
        )
    ]


def curves(recording: RecordingFact) -> list[str]:
    """How many curves each panel had in each span that was asked for."""
    panels = ", ".join(f"json_extract(value, '$.{name}') as {name}" for name in ("board", "panel", "series"))
    span = ", ".join(f"json_extract(detail, '$.{key}_ns') / 1e9 as {key}_s" for key in ("from", "to"))
    return [
        _command(
            f"select events.id, {span}, {panels} from events, json_each(detail, '$.panels') "
            f"where recording_id = {recording['id']} and kind = 'dashboards.captured' order by by_ns"
        )
    ]
