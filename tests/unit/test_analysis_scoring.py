"""The score: each injected fault has an expected cause, which is compared with the cause that was found."""

from __future__ import annotations

from typing import Any

from observer.model.findings import Leadership
from observer.model.recording import Event
from reports.analysis.injected import Score, expected
from tests.unit.recordings import event, ns

LED = (Leadership("patroni1", 1, 0, None),)


def fault(at_s: float, component: str, action: str, target: str, **more: Any) -> Event:
    return event(at_s, "operator", "fault.told", target, component=component, action=action, target=target, **more)


def causes(*reports: Event) -> list[dict[str, set[str]]]:
    return [{cause: set(who or ()) for cause, who in group.causes} for group in expected(reports, LED, 3)]


def test_the_same_fault_is_another_cause_if_the_target_leads() -> None:
    assert causes(fault(10, "patroni", "kill", "patroni1")) == [{"leader.killed": {"patroni1"}}]
    assert causes(fault(10, "patroni", "kill", "patroni2")) == [{"replica.killed": {"patroni2"}}]


def test_the_role_that_the_drill_reports_counts_more_than_the_observed_one() -> None:
    assert causes(fault(10, "patroni", "kill", "patroni1", role="replica1")) == [{"replica.killed": {"patroni1"}}]


def test_one_member_of_etcd_is_a_member_down_and_two_at_once_are_a_quorum_lost() -> None:
    one, two = fault(10, "etcd", "kill", "etcd1"), fault(11, "etcd", "kill", "etcd2")
    assert causes(one) == [{"etcd.member_down": {"etcd1"}}]
    assert causes(one, two) == [{"etcd.quorum_lost": {"etcd1", "etcd2"}}]


def test_members_of_etcd_that_die_one_after_another_are_two_faults_of_which_the_second_loses_quorum() -> None:
    reports = fault(10, "etcd", "kill", "etcd1"), fault(40, "etcd", "kill", "etcd2")
    assert causes(*reports) == [{"etcd.member_down": {"etcd1"}}, {"etcd.quorum_lost": {"etcd2"}}]


def test_a_member_of_etcd_that_was_repaired_counts_no_more() -> None:
    repaired = event(20, "operator", "repair.told", "etcd1", component="etcd", action="start", target="etcd1")
    reports = fault(10, "etcd", "kill", "etcd1"), repaired, fault(40, "etcd", "kill", "etcd2")
    assert causes(*reports) == [{"etcd.member_down": {"etcd1"}}, {"etcd.member_down": {"etcd2"}}]


def test_a_member_of_etcd_is_expected_by_its_address() -> None:
    reports = fault(10, "etcd", "kill", "etcd1", address="127.0.0.1:23791")
    assert causes(reports) == [{"etcd.member_down": {"127.0.0.1:23791"}}]


def test_a_report_that_is_no_fault_expects_nothing() -> None:
    assert causes(fault(10, "cluster", "pause", "cluster")) == [{}]


def test_right_is_the_cause_with_its_target_or_nothing_if_nothing_was_injected() -> None:
    def score(reports: tuple[str, ...], found: str | None, targets: bool = True) -> Score:
        return Score(ns(1), reports, found, "high", targets, None)

    assert score(("leader.killed",), "leader.killed").right
    assert not score(("leader.killed",), "leader.killed", targets=False).right
    assert not score(("leader.killed",), "leader.frozen").right
    assert score(("leader.killed",), "leader.frozen").wrongly_sure
    assert not score(("leader.killed",), "unknown").right
    assert not score(("leader.killed",), "unknown").wrongly_sure
    assert not score((), "leader.killed").right
    assert score((), None).right


def test_in_failsafe_mode_a_loss_of_quorum_is_expected_as_failsafe() -> None:
    guard = event(5, "operator", "repair.told", "cluster", component="cluster", action="guard", target="cluster")
    reports = guard, fault(10, "etcd", "kill", "etcd1"), fault(11, "etcd", "kill", "etcd2")
    assert causes(*reports) == [{"failsafe": {"etcd1", "etcd2"}}]
