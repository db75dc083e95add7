"""What the best solution of the homework holds: the document of hw3/ has each fact, by value, in both languages."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pytest

from reports.analysis.results.whole import IncidentResults, RecordingResults
from reports.document.cluster import patronictl_list
from reports.render.escaping import runs
from reports.render.language import language
from tests.unit.document.homework_run import homework_document, homework_results, homework_section, plain

SECOND = 1_000_000_000


@dataclass(frozen=True)
class Document:
    """The document in one language, and how that language writes a value."""

    name: str

    def of(self, section: str) -> str:
        return homework_section(section, self.name)

    def write(self, value: Any, form: str = "") -> str:
        words = language(self.name).naming(recording().names)
        return plain(words.written(value, form))

    def say(self, key: str, **facts: Any) -> str:
        return plain(language(self.name).naming(recording().names).say(key, **facts))

    def cells(self, section: str, *values: str) -> list[str]:
        """Return the rows of the section's tables that hold all values as cells."""
        rows = [line for line in self.of(section).splitlines() if line.startswith("| ")]
        return [row for row in rows if set(values) <= {cell.strip() for cell in row.strip("|").split(" | ")}]

    def row(self, incident: IncidentResults) -> str:
        """Return the row of an incident in the table of the run."""
        return next(line for line in self.of("incidents").splitlines() if f'id="incident-{incident.id}"' in line)


@pytest.fixture(params=["ru", "en"])
def doc(request: pytest.FixtureRequest) -> Document:
    return Document(request.param)


def recording() -> RecordingResults:
    return homework_results().recordings[0]


def of_cause(*causes: str) -> list[IncidentResults]:
    return [one for one in homework_results().incidents if one.cause in causes]


LEADER = ("leader.stopped", "leader.killed", "leader.frozen")


def test_01_the_list_of_members_is_that_of_patronictl_with_cluster_id_lsn_lag_and_time(doc: Document) -> None:
    capture = recording().captures[0]
    table = patronictl_list(capture, recording())
    assert table in doc.of("cluster")
    assert str(recording().cluster_id) in table and "LSN" in table and "Lag in MB" in table and "TL" in table
    assert f"{doc.write(capture.utc, 'clock')} UTC" in doc.of("cluster")


def test_02_every_part_has_its_role_and_every_port_inside_and_outside(doc: Document) -> None:
    for part in (*recording().parts, *recording().watchers):
        for address in (*part.inside, *part.outside):
            assert address in doc.of("cluster"), part


def test_03_the_settings_come_from_the_live_cluster(doc: Document) -> None:
    live, proxy = recording().live, recording().proxy
    assert live is not None
    shown = [doc.say("topology.whole_seconds", n=live[name]) for name in ("ttl", "loop_wait", "retry_timeout")]
    row = [*shown, doc.write(proxy.inter_ms, "ms"), doc.write(proxy.fall), doc.write(proxy.rise)]
    assert len(doc.cells("cluster", *row)) == 1
    pauses = recording().checks.pauses
    assert pauses is not None and doc.write(pauses.median.ms, "ms") in doc.of("cluster")


def test_04_the_versions_of_every_component_are_there(doc: Document) -> None:
    for name in ("postgres", "patroni", "etcd", "haproxy", "libpq", "host"):
        assert doc.write(recording().versions[name]) in doc.of("cluster")


def test_05_the_ports_lead_where_the_servers_say_and_the_contradiction_is_named(doc: Document) -> None:
    served = recording().served
    for action, port in (("write", "127.0.0.1:5001"), ("read", "127.0.0.1:5002")):
        for probe in ("fresh", "kept"):
            own = [row for row in served if (row.action, row.probe) == (action, probe)]
            leader, replica = (sum(r.operations for r in own if r.in_recovery is role) for role in (False, True))
            expected = (port, doc.write(probe, "@probe"), doc.write(leader), doc.write(replica))
            assert len(doc.cells("proxy", *expected)) == 1
    for row in served:
        assert doc.cells("proxy", f"`{row.server}`", str(row.address)), row
    on_leader = sum(r.operations for r in served if r.action == "read" and r.probe == "fresh" and not r.in_recovery)
    assert on_leader and doc.write(on_leader) in doc.of("proxy")


def test_06_every_server_of_both_pools_has_status_check_and_code(doc: Document) -> None:
    capture = next(one for one in recording().captures if one.pools)
    servers = [row for row in capture.pools if row["server"] not in ("FRONTEND", "BACKEND")]
    assert {row["pool"] for row in servers} == {"primary", "replicas"}
    for row in servers:
        found = (f"`{row['pool']}`", f"`{row['server']}`", row["status"], row["check_status"], str(row["check_code"]))
        assert len(doc.cells("proxy", *found)) == 1


def test_07_the_rules_of_the_checks_and_the_longest_stale_server_are_there(doc: Document) -> None:
    worst = max(recording().checks.stale_up, key=lambda one: one.duration_ns)
    text = doc.of("proxy")
    assert "200" in text and "503" in text and "confd" in text
    assert doc.write(worst.duration_ns / SECOND, "s") in text and f"`{worst.subject}`" in text


def test_08_operations_are_counted_by_outcome_and_by_member(doc: Document) -> None:
    for total in recording().totals:
        counts = (total.attempted, total.ok, total.failed, total.unknown)
        assert doc.cells("load", *map(doc.write, counts))
    for server in {row.server for row in recording().served}:
        n = sum(row.operations for row in recording().served if row.server == server and row.action == "write")
        assert doc.say("traffic.by_leader", server=server, n=n) in doc.of("load")


def test_09_reads_are_counted_by_the_member_and_role_that_served_them(doc: Document) -> None:
    reads = [row for row in recording().served if row.action == "read"]
    for server, in_recovery in {(row.server, row.in_recovery) for row in reads}:
        n = sum(row.operations for row in reads if (row.server, row.in_recovery) == (server, in_recovery))
        key = "traffic.by_replica" if in_recovery else "traffic.by_leader"
        assert doc.say(key, server=server, n=n) in doc.of("load")


def test_10_a_baseline_without_faults_has_rate_percentiles_and_errors(doc: Document) -> None:
    for one in recording().baseline:
        latencies = [doc.write(ms, "ms") for ms in (one.p50_ms, one.p95_ms, one.p99_ms)]
        assert doc.cells("load", doc.write(one.operations), doc.write(one.failed + one.unknown), *latencies)


def test_11_replica_lag_is_a_number(doc: Document) -> None:
    worst = max((one for one in recording().replica_lags if one.unit == "seconds"), key=lambda one: one.worst)
    assert doc.write(worst.worst, "fine") in doc.of("load")


def test_12_the_write_outage_and_the_time_from_the_fault_to_the_first_write_are_there(doc: Document) -> None:
    for one in of_cause(*LEADER):
        assert one.write.outage_ns and one.fault_to_write_ns
        for ns in (one.write.outage_ns, one.fault_to_write_ns):
            assert f"| {doc.write(ns / SECOND, 'tenths')} |" in doc.row(one)


def test_13_the_printed_phases_sum_to_the_printed_outage(doc: Document) -> None:
    sums = re.findall(rf"^\| {re.escape(doc.say('phase_table.sum'))} \|(.*)\|[^|]*$", doc.of("incidents"), re.MULTILINE)
    shown = [float(cell.replace(",", ".")) for line in sums for cell in line.split("|") if re.search(r"\d", cell)]
    expected = [round((one.write.outage_ns or 0) / SECOND, 2) for cause in LEADER for one in of_cause(cause)]
    assert shown[: len(expected)] == expected


def test_14_each_phase_stands_beside_the_bound_of_the_settings(doc: Document) -> None:
    for cause in LEADER:
        for phase in (p for one in of_cause(cause) for p in one.phases if p.bound_s):
            low, high = phase.bound_s or (0, 0)
            bound = doc.say("phase_table.range", low=low, high=high)
            name = doc.say(f"phase.{phase.name}.name")
            assert any(name in row and bound in row for row in doc.of("incidents").splitlines()), phase.name


@pytest.mark.parametrize("cause", LEADER)
def test_15_and_19_stop_kill_and_pause_have_minimum_median_and_maximum(doc: Document, cause: str) -> None:
    low, middle, high = sorted((one.write.outage_ns or 0) / SECOND for one in of_cause(cause))
    spread = doc.say("overview.range_median", low=low, middle=middle, high=high)
    assert doc.cells("overview", doc.say(f"cause.{cause}.name"), "3", spread)
    assert doc.say("overview.kinds_note") in doc.of("overview")


def test_16_lost_writes_are_a_number_and_gaps_in_id_are_explained(doc: Document) -> None:
    totals = homework_results().durability
    counts = {"acknowledged": totals.acknowledged, "audited": totals.audited, "lost": totals.lost}
    assert doc.say("writes.audited", **counts) in doc.of("durability")
    assert doc.say("writes.gaps") in doc.of("durability")


def test_17_the_outage_of_reads_has_its_own_number(doc: Document) -> None:
    for one in of_cause(*LEADER):
        assert f"| {doc.write((one.read.outage_ns or 0) / SECOND, 'tenths')} |" in doc.row(one)
        if one.read.new_longer and one.read.new_outage_ns:
            assert doc.say("incident_table.new", action="read", seconds=one.read.new_outage_ns / SECOND) in doc.row(one)


def test_18_the_old_leader_returns_with_role_seconds_and_evidence_of_a_rewind(doc: Document) -> None:
    for one in of_cause(*LEADER):
        (back,) = one.rejoins
        assert back.streaming_ns and back.role
        assert doc.write(back.streaming_ns / SECOND, "tenths") in doc.row(one)
        assert doc.write(back.role, "@role") in doc.row(one) and doc.say(f"rejoin.how_{back.how}") in doc.row(one)
        assert f"{one.timeline_before} → {one.timeline_after}" in doc.row(one)
    assert doc.say("incident_evidence.rejoined_rewound", member="patroni1") in doc.of("incidents")


def test_20_the_client_recovered_by_itself(doc: Document) -> None:
    costs = [cost for one in homework_results().incidents for cost in (one.write, one.read)]
    ended = sum(not outage.open for cost in costs for outage in cost.outages)
    assert doc.say("homework.recovered", n=ended) in doc.of("homework")


def test_21_a_stopped_replica_fails_no_write_and_shows_pool_candidates_and_the_time_to_catch_up(doc: Document) -> None:
    (one,) = of_cause("replica.stopped")
    assert f"| 0, {one.read.failed} |" in doc.row(one)
    level = one.rejoins[0].level
    assert level is not None
    dropped = [
        r for r in recording().routes if r.subject == "replicas/patroni1" and one.began_ns < r.to_ns < one.ended_ns
    ]
    pool = doc.write((dropped[0].to_ns - one.began_ns) / SECOND, "tenths")
    assert doc.cells("incidents", pool, "`patroni2`", doc.write(level.duration_ns / SECOND, "tenths"))


def test_22_one_etcd_member_costs_no_operation_also_if_it_led_etcd(doc: Document) -> None:
    found = of_cause("etcd.member_down")
    assert {one.was_etcd_leader for one in found} == {True, False}
    for one in found:
        (away,) = one.supporting.etcd_outages
        assert away.failed == 0
        assert doc.cells("incidents", str(one.id), doc.write(away.writes), doc.write(away.reads), "0")
    assert doc.cells("incidents", doc.say("kind.etcd_leader")) or doc.say("kind.etcd_leader") in doc.of("overview")


def test_23_without_a_quorum_the_demotion_has_its_time_and_proof_and_reads_go_on(doc: Document) -> None:
    assert doc.say("quorum_fault.read_only_window") in doc.of("incidents")
    for one in of_cause("etcd.quorum_lost"):
        gone = one.supporting.majority_gone
        line = next(line for line in one.supporting.lines if line.says == "demoted")
        assert gone is not None and one.supporting.read_only is not None
        low, high = (doc.write((line.at_ns - ns) / SECOND, "tenths") for ns in (gone.by_ns, gone.after_ns))
        (row,) = [row for row in doc.of("incidents").splitlines() if f"{low}–{high}" in row]
        assert f"events {line.event_id}" in row
        assert f"| {one.supporting.read_only.count} | {one.supporting.reads_served.replicas}, " in row


def test_24_and_25_the_way_back_is_timed_and_members_of_etcd_return_in_order(doc: Document) -> None:
    for one in of_cause("etcd.quorum_lost"):
        names = [phase.name for phase in one.phases]
        after = [
            p for p in one.phases[names.index("quorumless") + 1 :] if p.name in ("promotion", "routing", "recovery")
        ]
        back = doc.write(sum(phase.duration_ns for phase in after) / SECOND, "hundredths")
        assert doc.cells("incidents", str(one.id), back, doc.write(one.supporting.failsafe_mode))
        assert one.timeline_after == (one.timeline_before or 0) + 1
        assert f"{one.timeline_before} → {one.timeline_after}" in doc.row(one)
        for away in one.supporting.etcd_outages:
            said = doc.say("incident_evidence.etcd_back", endpoint=away.endpoint)
            assert doc.cells("incidents", str(one.id), said, f"events {away.sees_id}")


def test_26_the_proxy_has_its_absence_the_time_from_its_start_and_a_direct_write(doc: Document) -> None:
    (one,) = of_cause("proxy.down")
    absence = next(phase for phase in one.phases if phase.name == "absence")
    (row,) = doc.cells("incidents", doc.write(absence.duration_ns / SECOND, "tenths"), str(one.id))
    started = one.supporting.started[-1]
    written = one.write.outages[-1].ended_ns - started.at_ns
    assert doc.say("proxy_fault.from_container", seconds=written / SECOND) in row and "`patroni3`" in row


def test_27_at_least_two_designs_name_what_they_leave_and_other_single_points_are_named(doc: Document) -> None:
    text = doc.of("resilience")
    table = text[text.index("\n| ") :].strip().splitlines()[2:]
    assert len(table) >= 2 and all(cell.strip() for row in table for cell in row.strip("|").split("|"))
    for name in ("proxy", "host", "replication", "volumes"):
        assert doc.say(f"weak_points.{name}", lost=0, command="x").split("**")[1] in text


def test_28_dashboards_have_their_panels_and_what_each_shows_of_a_fault(doc: Document) -> None:
    whole = recording().dashboards[0]
    for board in whole.boards:
        of = doc.say("panels_seen.of", n=board.panels - len(board.empty), all=board.panels)
        assert doc.cells("dashboards", f"`{board.board}`", of)
    for one in homework_results().incidents:
        assert f"[{one.id}](#incident-{one.id})" in doc.of("dashboards")
        leader = one.leader_after
        assert f"`{leader}`" in doc.row(one)


def test_29_the_evidence_of_every_incident_names_its_rows(doc: Document) -> None:
    for one in homework_results().incidents:
        boundaries = [phase.ended_by for phase in one.phases] or list(one.evidence[:1])
        for evidence in (e for e in boundaries if e is not None and e.ids and e.says != "evidence.stable"):
            assert f"{evidence.table} {runs(evidence.ids)}" in doc.of("incidents"), (one.id, evidence.says)
    assert homework_results().warnings == ()


def test_30_every_question_is_answered_and_the_run_can_be_repeated(doc: Document) -> None:
    text = doc.of("homework")
    asked = (
        "cluster",
        "pools",
        "traffic",
        "works",
        "replica",
        "proxy",
        "grafana",
        *(a for a in ("etcd_two", "etcd_all")),
    )
    for name in asked:
        assert doc.say(f"homework.{name}") in text
    assert all(answer.incidents for answer in homework_results().answers)
    assert "observer drill homework --docker" in doc.of("about")
    assert "observer query" in homework_document(doc.name)
