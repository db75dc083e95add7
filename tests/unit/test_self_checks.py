"""What does not hold is not stated, and a warning names the check."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from observer.model.findings import Evidence
from reports.analysis.results.whole import IncidentResults, Results
from reports.analysis.self_checks import CHECKS, checked
from tests.unit.analyzed import recorded


@pytest.fixture(scope="module")
def found() -> Results:
    return recorded("leader-killed")


def checked_with(found: Results, **changes: Any) -> tuple[list[str], IncidentResults]:
    """The keys of the failed checks and the incident, after some of the incident's values were changed."""
    made = checked(replace(found, incidents=(replace(found.incidents[0], **changes),)))
    for warning in made.warnings:
        assert tuple(warning.facts) == CHECKS[warning.key]
    return [warning.key for warning in made.warnings], made.incidents[0]


def test_results_that_hold_are_returned_as_they_are(found: Results) -> None:
    assert checked(found) == found


def test_a_cause_without_a_row_becomes_unknown(found: Results) -> None:
    keys, one = checked_with(found, evidence=())
    assert keys == ["check.cause_rows"]
    assert (one.cause, one.target, one.targets, one.confidence, one.rejected) == ("unknown", None, (), "low", ())


def test_phases_that_do_not_sum_to_the_outage_are_withheld(found: Results) -> None:
    keys, one = checked_with(found, phases=found.incidents[0].phases[1:])
    assert (keys, one.phases) == (["check.phases_sum"], ())


def test_an_outage_that_ends_before_it_began_is_withheld_with_the_phases(found: Results) -> None:
    write = found.incidents[0].write
    [outage] = write.outages
    backwards = replace(outage, began_ns=outage.ended_ns, ended_ns=outage.began_ns)
    keys, one = checked_with(found, write=replace(write, outages=(backwards,)))
    assert keys == ["check.outage_backwards"]
    assert (one.write.outage_ns, one.write.outages, one.phases) == (None, (), ())
    assert one.read == found.incidents[0].read


@pytest.mark.parametrize(("after", "key"), [(0, "check.timeline_falls"), (1, "check.timeline_stayed")])
def test_a_timeline_that_falls_or_stays_after_a_failover_is_withheld(found: Results, after: int, key: str) -> None:
    incident = found.incidents[0]
    assert incident.leader_before != incident.leader_after
    keys, one = checked_with(found, timeline_before=1, timeline_after=after)
    assert keys == [key]
    assert (one.timeline_before, one.timeline_after, one.leader_after) == (None, None, incident.leader_after)


def test_a_row_that_is_quoted_with_two_moments_gives_a_warning(found: Results) -> None:
    quoted = next(e for e in found.incidents[0].evidence if len(e.ids) == 1 and "at_s" in e.facts)
    again = Evidence("events", quoted.ids, quoted.says, {**quoted.facts, "at_s": quoted.facts["at_s"] + 1})
    keys, _ = checked_with(found, evidence=(*found.incidents[0].evidence, again))
    assert keys == ["check.moments"]


def test_a_failure_outside_of_all_incidents_gives_a_warning(found: Results) -> None:
    recording = found.recordings[0]
    totals = tuple(replace(one, failed=one.failed + 1) for one in recording.totals if one.action == "write")
    made = checked(replace(found, recordings=(replace(recording, totals=totals),)))
    [warning] = made.warnings
    assert (warning.key, warning.facts["failed"] - warning.facts["told"]) == ("check.failures", 1)


def test_a_leader_that_is_no_known_member_gives_a_warning(found: Results) -> None:
    recording = found.recordings[0]
    first, *rest = recording.leaderships
    made = checked(
        replace(found, recordings=(replace(recording, leaderships=(replace(first, member="ghost"), *rest)),))
    )
    assert [(w.key, w.facts) for w in made.warnings] == [("check.nobody", {"recording": 1, "member": "ghost"})]


def test_leaders_out_of_order_are_withheld(found: Results) -> None:
    recording = found.recordings[0]
    made = checked(replace(found, recordings=(replace(recording, leaderships=recording.leaderships[::-1]),)))
    assert [w.key for w in made.warnings] == ["check.leaders_order"]
    assert made.recordings[0].leaderships == ()


def test_incidents_out_of_order_give_a_warning(found: Results) -> None:
    one = found.incidents[0]
    later = replace(one, id=2, number=2, began_ns=one.began_ns + 1)
    warnings = {w.key: w.facts for w in checked(replace(found, incidents=(later, one))).warnings}
    assert warnings["check.incident_order"] == {"incident": 1, "other": 2}
