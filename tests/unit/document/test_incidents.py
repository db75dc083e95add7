"""The section of the incidents: tables, chains of facts, phases, evidence."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from observer.model.findings import Brownout, Rejected
from reports.analysis.results.evidence import (
    ContainerStart,
    EtcdElection,
    EtcdOutage,
    FailedReads,
    Interval,
    LogLine,
    ReadsServed,
    RefusedWrites,
    Rejoin,
    ReplicationSample,
)
from reports.analysis.results.recording import Part, Period
from reports.analysis.results.whole import IncidentResults, Results
from reports.document.blocks import Profile
from reports.document.incidents import incidents
from reports.document.kinds import by_kind, kind_of
from reports.document.phases import rounded
from reports.render.language import NBSP, language
from reports.render.markdown import markdown
from tests.unit.document.builders import (
    cost,
    evidence,
    incident,
    lost,
    ns,
    phase,
    recording,
    reported,
    results,
    support,
)

ETCD = tuple(Part("etcd", name, (), (), None, ()) for name in ("etcd1", "etcd2", "etcd3"))
UNCHANGED: dict[str, Any] = {
    "leader_before": "patroni3",
    "leader_after": "patroni3",
    "timeline_before": 4,
    "timeline_after": 4,
}


def run(*found: IncidentResults, **changes: Any) -> Results:
    """The results of one recording with three members of etcd and one proxy."""
    return results(*found, recordings=(recording(parts=ETCD, names={"http://proxy/": ""}, **changes),))


def rendered(*found: IncidentResults, lang: str = "en", profile: Profile = "homework", **changes: Any) -> str:
    section = incidents(run(*found, **changes), profile)
    assert section is not None
    return markdown([section], language(lang)).replace(NBSP, " ")


def outside(text: str) -> str:
    return "".join(part.split("</details>")[-1] for part in text.split("<details>"))


def name(found: IncidentResults) -> str:
    return language("en").written(kind_of(found, run(found)))


KILLED = incident(
    phases=(
        phase("detection", 10, 31.004, (20.0, 31.0)),
        phase("election", 31.004, 31.008, (0.0, 10.0)),
        phase("recovery", 31.008, 31.013),
        phase("settling", 31.013, 36.013),
    ),
    write=cost((10, 31.013), failed=573, unknown=1),
    fault_to_write_ns=ns(21.1),
    evidence=(
        evidence("rest_failed", 3, at_s=10.1, member="patroni1", how="refused"),
        evidence("rest_failed", 4, at_s=10.2, member="patroni1", how="refused"),
        evidence("leader_key_taken", 5, at_s=31.0, member="patroni2"),
    ),
)


def test_a_recording_without_incidents_has_no_section() -> None:
    assert incidents(results(), "homework") is None


def test_the_table_follows_the_run_and_repeats_of_one_fault_share_a_heading() -> None:
    text = rendered(incident(1), incident(2, "switchover"), incident(3))
    assert "### Incidents [1](#incident-1), [3](#incident-3): leader killed" in text
    assert text.index('id="incident-2"') < text.index('id="incident-3"')


def test_a_row_tells_time_outage_failures_and_the_change_of_leader() -> None:
    cells = "08:36:18 | leader killed | 21.0 | 0.0 | 21.1 | 573 (1 unknown), 0 | 0 |"
    assert f'| <a id="incident-1"></a>1 | {cells}' in rendered(KILLED)
    assert "`patroni1` → `patroni2`, 1 → 2" in rendered(KILLED)


def test_printed_phases_sum_to_the_printed_outage() -> None:
    parts = [phase("detection", 0, 1.004), phase("election", 1.004, 2.008), phase("routing", 2.008, 3.012)]
    assert [round(part, 2) for part in rounded(parts)] == [1.0, 1.01, 1.0]
    text = rendered(KILLED)
    assert "| detection | 21.00 | 20.0–31.0: ttl − loop\\_wait … ttl + 1 s |" in text
    assert "| recovery | 0.00 | — |" in text
    assert "| **sum** | 21.01 | — |" in text
    assert "settling" not in text


def test_a_formula_stands_only_where_its_phase_comes_first() -> None:
    text = rendered(KILLED, replace(KILLED, id=2, cause="leader.frozen"))
    assert text.count("ttl − loop\\_wait") == 1
    assert text.count("20.0–31.0") == 2


def test_a_phase_outside_its_bound_is_marked_and_named() -> None:
    slow = replace(KILLED, phases=(phase("detection", 10, 50, (20.0, 31.0)),))
    assert "| detection | **40.00 (!)** |" in rendered(slow)
    assert "Outside the bounds of the settings: detection in [incident 1](#incident-1)." in rendered(slow)


def test_the_chain_quotes_two_kinds_of_evidence_and_where_phases_are_folded_the_longest() -> None:
    text = rendered(KILLED)
    assert "Evidence (incident 1, high confidence): Patroni REST of `patroni1` stopped answering: " in text
    assert "`patroni2` took the leader key." in text
    assert "longest phase" not in text
    four = [replace(KILLED, id=n, cause=c) for n, c in enumerate(("leader.killed", *QUIET), 1)]
    drill = rendered(*four, profile="drill")
    assert "The longest phase, detection, took 99.9% of the outage." in drill
    assert "| detection |" not in outside(drill)


def test_the_evidence_that_shows_how_a_part_failed_is_preferred() -> None:
    frozen = (
        evidence("lease_expired", 1, at_s=30, member="patroni1", revision=9),
        evidence("leader_key_taken", 2, at_s=31, member="patroni2"),
        evidence("rest_failed", 3, at_s=11, member="patroni1", how="silent"),
    )
    text = rendered(incident(cause="leader.frozen", evidence=frozen))
    assert "their lease expired; Patroni REST of `patroni1` stopped answering: connection accepted, no answer." in text


def test_many_repeats_fold_their_phases_and_list_only_evidence_that_differs() -> None:
    text = rendered(*(replace(KILLED, id=n) for n in range(1, 41)))
    assert "| detection |" in text and "| detection |" not in outside(text)
    assert text.count("`patroni2` took the leader key |") == 1
    assert len(outside(text).splitlines()) < 60


QUIET = ("leader.frozen", "leader.stopped", "leader.unreachable")


def test_an_unknown_cause_tells_what_was_seen_and_what_is_excluded() -> None:
    unknown = incident(
        cause="unknown",
        confidence="low",
        target=None,
        targets=(),
        **UNCHANGED,
        evidence=(evidence("leader_key_kept", 3, member="patroni3"),),
        rejected=(Rejected("switchover", "reason.no_failover_asked"),),
    )
    text = rendered(unknown)
    assert "### Incident [1](#incident-1): unknown cause" in text
    assert "Observed (incident 1, low confidence): `patroni3` held the leader key throughout." in text
    assert "Excluded: planned switchover (" in text


def test_an_incident_within_another_outage_names_it() -> None:
    within = incident(2, write=cost(within=1), read=cost(within=1))
    text = rendered(KILLED, within)
    assert "part of [incident 1](#incident-1)" in text
    expected = "Writes and reads were already down when [incident 2](#incident-2) began: their outage is part of "
    assert expected + "[incident 1](#incident-1)." in text


def test_unobserved_costs_are_unknown() -> None:
    silent = cost(outage_ns=None, ok=0)
    text = rendered(incident(write=silent, read=silent, lost=None))
    assert "| unknown | unknown | unknown, unknown | unknown |" in text


def test_an_outage_that_is_still_open_has_no_end() -> None:
    text = rendered(incident(write=cost((10, 60), still_open=True)))
    assert "≥ 50.0, not over" in text
    assert "not before the end" in text


def test_a_repair_reported_by_another_incident_counts_if_it_came_before_the_first_write() -> None:
    other = incident(2, write=cost(within=1), injected=(reported("repair.told", 30, component="patroni"),))
    assert "repair at 20.0" in rendered(replace(KILLED, injected=(reported("fault.told", 10),)), other)
    assert "| unaided |" in rendered(replace(KILLED, injected=(reported("fault.told", 10),)))
    assert "no repair recorded" in rendered(KILLED)


def test_the_old_leader_returns_with_role_time_and_the_proof_of_a_rewind() -> None:
    back = Rejoin("patroni1", "replica", 2, ns(12), ns(13.5), 9, None, None, None, "rewound", (9,))
    assert "| 13.5, replica, pg_rewind |" in rendered(incident(rejoins=(back,)))
    assert "| 13.5, replica, pg_rewind unknown |" in rendered(incident(rejoins=(replace(back, how=None),)))
    gone = replace(back, answered_ns=None, streaming_ns=None)
    assert "not seen before the recording ended" in rendered(incident(rejoins=(gone,)))


def test_lost_tokens_are_named_up_to_ten() -> None:
    text = rendered(incident(lost=tuple(lost(f"t{n}") for n in range(12))))
    assert "| 1 | `t9` | 1.00 | `patroni1` | 1 | operations 5, audits 6 |" in text
    assert "`t10`" not in text


def test_repeats_show_only_evidence_of_another_kind() -> None:
    repeat = replace(
        KILLED, id=2, evidence=(*KILLED.evidence, evidence("member_key_lost", 8, at_s=12, member="patroni1"))
    )
    text = rendered(KILLED, repeat)
    assert "| 2 | 2.00 | the key of member `patroni1` disappeared from etcd | events 8 |" in text
    assert text.count("`patroni2` took the leader key |") == 1


def test_kinds_tell_apart_how_much_of_etcd_went_and_whether_it_was_its_leader() -> None:
    quorum = incident(cause="etcd.quorum_lost", targets=("etcd1", "etcd2"))
    assert name(quorum) == "etcd lost its quorum (2 of 3 members down)"
    assert name(replace(quorum, targets=("etcd1", "etcd2", "etcd3"))) == "etcd lost its quorum (3 of 3 members down)"
    member = incident(cause="etcd.member_down", was_etcd_leader=True)
    assert name(member) == "one etcd member down (etcd's leader)"
    assert name(replace(member, was_etcd_leader=None)) == "one etcd member down"
    assert len(by_kind(run(member, replace(member, id=2, was_etcd_leader=False)))) == 2


def test_kinds_tell_apart_the_leader_and_replicas() -> None:
    crashed = incident(cause="postgres.crashed", **UNCHANGED, target="patroni3")
    assert name(crashed) == "PostgreSQL crashed (on the leader)"
    assert name(replace(crashed, target="patroni1")) == "PostgreSQL crashed (on a replica)"
    assert name(incident(cause="leader.frozen", **UNCHANGED)) == "leader frozen (the leader stayed)"


def test_a_lost_quorum_tells_demotion_with_proof_reads_and_the_way_back() -> None:
    found = support(
        majority_gone=Interval(ns(10), ns(10.5), (1, 2)),
        lines=(LogLine("patroni3", "demoted", "demoting self", ns(30), 40),),
        read_only=RefusedWrites(148, ns(30), ns(36), 50, 60),
        reads_served=ReadsServed(612, (), 0),
    )
    quorum = incident(
        cause="etcd.quorum_lost",
        targets=("etcd1", "etcd2"),
        **UNCHANGED,
        write=cost((30, 60)),
        phases=(
            phase("demotion", 10.5, 30, (0.0, 21.0)),
            phase("quorumless", 30, 53),
            phase("promotion", 53, 54.5),
            phase("routing", 54.5, 60),
        ),
        supporting=found,
    )
    text = rendered(quorum)
    assert "| 1 | 19.5–20.0 (log, events 40) | 148 | 612, 0, 0 | 7.00 | no |" in text
    assert "| writes without quorum (before the outage) | 19.50 |" in text
    assert "| **sum** | 30.00 |" in text
    assert "reads went on: the read-only window" in text


def test_an_etcd_member_that_led_names_its_successor_and_the_count_of_operations() -> None:
    away = EtcdOutage("etcd2", ns(10), ns(23), ns(23.5), 1, 2, writes=297, reads=296, failed=0)
    election = EtcdElection("etcd2", "etcd3", 2, 3, ns(11), ns(12), 3, None)
    found = support(etcd_outages=(away,), elections=(election,))
    text = rendered(incident(cause="etcd.member_down", was_etcd_leader=True, supporting=found, **UNCHANGED))
    assert "| 1 | 13.5 | 297 | 296 | 0 | yes; new leader `etcd3`, term 2 → 3 (events 3) |" in text


def test_the_proxy_tells_its_absence_its_start_and_direct_writes_past_it() -> None:
    down = incident(
        cause="proxy.down",
        target="http://proxy/",
        targets=("http://proxy/",),
        **UNCHANGED,
        write=cost((10, 21)),
        phases=(phase("absence", 10, 20.9), phase("recovery", 20.9, 21)),
        supporting=support(started=(ContainerStart("haproxy", "http://proxy/", ns(20.8), 4),)),
    )
    written = Period("patroni3", "written", ns(10.1), ns(10.13), 8, None)
    text = rendered(down, direct_writes=(written,))
    assert "| 1 | 10.9 | 0.20 s (container start) | `patroni3` at 0.13 s, events 8 |" in text
    assert "http://proxy/" not in outside(text)


def test_a_replica_tells_failed_new_reads_as_a_share_and_the_candidates_left() -> None:
    reads = FailedReads(16, 54, 0, ns(11), ns(26), ns(25), "no answer by the deadline", 1, 2)
    level = ReplicationSample(ns(24.2), 4)
    back = Rejoin("patroni1", "replica", 4, ns(16), ns(16.6), 3, None, level, None, None, (3,))
    stopped = incident(
        cause="replica.stopped",
        **UNCHANGED,
        read=cost(failed=16),
        rejoins=(back,),
        supporting=support(failed_reads=reads),
    )
    roles = tuple(Period(f"patroni{n}", "replica", 0, ns(100), 1, None) for n in (1, 2))
    routes = (Period("replicas/patroni1", "up", 0, ns(25.8), 1, 2),)
    text = rendered(stopped, roles=roles, routes=routes)
    assert "| 1 | 30% (16 of 54) for 15.0 s | 15.8 | `patroni2` | 24.2 |" in text


def test_the_drill_keeps_the_meaning_out_and_facts_of_the_cause_in_its_details() -> None:
    text = rendered(replace(KILLED, brownout=Brownout(ns(5.9)), brownout_bound_s=(0.0, 9.0)), profile="drill")
    assert "SIGKILL" not in outside(text)
    assert "5.9 s of at most 9.0 s" in text
    assert "5.9 s of at most 9.0 s" not in outside(text)


def test_russian_says_the_same() -> None:
    text = rendered(KILLED, lang="ru")
    assert "### Сбой [1](#incident-1): лидер убит" in text
    assert "573 (неизвестно 1), 0" in text
    assert "| обнаружение | 21,00 |" in text
