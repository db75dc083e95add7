"""Which member held the leader key, on which timelines, and when."""

from itertools import pairwise

from reports.analysis.results.recording import LeaderPeriod
from reports.analysis.results.whole import RecordingResults, Results
from reports.document.blocks import Blocks, Cell, Profile, Row, Section, Value
from reports.document.build import code, details, events, paragraph, say, seconds, table
from reports.document.each_recording import of_each


def leadership(results: Results, profile: Profile) -> Section | None:
    """Return the section on leaders, one table for each recording; None if no leader was ever observed."""
    blocks = of_each(results, _recording)
    return Section("leadership", say("leaders.title"), blocks) if blocks else None


def _recording(recording: RecordingResults) -> Blocks:
    periods = recording.leaderships
    if not periods:
        return ()
    timelines = [n for period in periods for n in period.timelines]
    changes = sum(a.member != b.member for a, b in pairwise(periods))
    first, last = (timelines[0], timelines[-1]) if timelines else (None, None)
    key = "leaders.unchanged" if not changes and first == last else "leaders.changes"
    text = say(key, n=changes, first=first, last=last, leader=periods[0].member)
    if len(periods) == 1 and not periods[0].demoted:
        return paragraph(text)
    rows = [_period(period, recording) for period in periods]
    return (*paragraph(text), *details(say("leaders.table", n=len(rows)), *table("leaders.columns", rows)))


def _period(period: LeaderPeriod, recording: RecordingResults) -> Row:
    until_ns = recording.duration_ns if period.to_ns is None else period.to_ns
    demoted = sum(one.to_ns - one.from_ns for one in period.demoted)
    rows = events(*(row for one in period.demoted for row in (one.event_id, one.until_id)))
    return (
        code(period.member),
        _timelines(period.timelines),
        Value(period.from_utc, "clock"),
        Value(seconds(period.from_ns), "s"),
        Value(seconds(until_ns - period.from_ns), "span"),
        None if rows is None else (Value(seconds(demoted), "s"), rows),
    )


def _timelines(timelines: tuple[int, ...]) -> Cell:
    """Return the first and the last timeline of a period, or the only one."""
    if not timelines:
        return None
    first, last = timelines[0], timelines[-1]
    return Value(first) if first == last else say("leaders.timelines", first=first, last=last)
