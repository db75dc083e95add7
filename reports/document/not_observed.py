"""Periods in which something was not observed: unreachable sources, a suspended observer, operations not sent."""

from reports.analysis.results.whole import RecordingResults, Results
from reports.document.blocks import Blocks, Cell, Profile, Row, Section, Sentence, Value
from reports.document.build import code, details, events, paragraph, query, say, seconds, table
from reports.document.each_recording import of_each

SHOWN = 10


def not_observed(results: Results, profile: Profile) -> Section | None:
    """Return the section on what was not observed; None if everything was."""
    blocks = of_each(results, _recording)
    return Section("not_observed", say("gaps.title"), blocks) if blocks else None


def _recording(recording: RecordingResults) -> Blocks:
    suspended, gaps, silent = recording.observer_suspended, recording.not_observed, recording.unreachable
    said: list[Sentence] = []
    if suspended:
        total = sum(one.to_ns - one.from_ns for one in suspended)
        said.append(say("gaps.suspended", n=len(suspended), seconds=seconds(total)))
    if gaps:
        said.append(say("gaps.operations", n=len(gaps)))
    if silent:
        said.append(say("gaps.unreachable", n=len(silent)))
    rows: list[Row] = [
        (say("gaps.observer"), None, *_times(one.from_ns, one.to_ns), None, events(one.event_id)) for one in suspended
    ]
    rows += [(Value(one.action, "@action"), None, *_times(one.from_ns, one.to_ns), None, None) for one in gaps]
    longest = sorted(silent, key=lambda one: (one.to_ns or recording.duration_ns) - one.from_ns, reverse=True)[:SHOWN]
    rows += [
        (
            Value(one.source, "@source"),
            code(one.subject),
            *_times(one.from_ns, one.to_ns),
            Value(one.how, "@how"),
            events(one.event_id),
        )
        for one in sorted(longest, key=lambda one: one.from_ns)
    ]
    if not rows:
        return ()
    more = paragraph(say("gaps.longest", n=len(longest))) if len(silent) > SHOWN else ()
    command = query("select id, by_ns / 1e9, source, kind, subject from events where kind like 'source.%'")
    return (*paragraph(*said), *details(say("gaps.table"), *table("gaps.columns", rows), *more, command))


def _times(from_ns: int, to_ns: int | None) -> tuple[Cell, Cell]:
    lasted = say("gaps.to_the_end") if to_ns is None else Value(seconds(to_ns - from_ns), "s")
    return Value(seconds(from_ns), "s"), lasted
