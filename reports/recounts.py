"""Ready commands about a whole run: incidents beside each other, reads of leaders, spells, panels. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from reports.facts import RecordingFact
from reports.queries import _command


def compared(recordings: Iterable[RecordingFact]) -> list[str]:
    """For each incident: how long each action was down in all, and how many writes were lost; nothing is no outage."""
    return [
        _command(
            "select i.number, i.cause, i.target, i.lost_writes, o.action, sum(o.seconds) as seconds, "
            "max(o.open) as not_over from incidents i left join outages o on o.incident_id = i.id "
            f"where i.recording_id = {recording['id']} group by i.id, o.action"
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
