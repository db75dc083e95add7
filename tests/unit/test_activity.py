"""When the daemon analyzes and reads writes back, and which names it has for addresses."""

from __future__ import annotations

import pytest

from observer.live.state import initial_state
from observer.model.recording import SECOND_NS, Event, Operation, Outcome, Window
from observer.recording.activity import ActivityMonitor
from observer.recording.members import Members

S = SECOND_NS


def write(at_s: float, n: int, outcome: Outcome = Outcome.OK) -> Operation:
    at = round(at_s * S)
    return Operation("write", "kept", f"cafe0123-{n:010d}", at, at, at, outcome, "done")


def event(kind: str, at_s: float, **detail: object) -> Event:
    return Event("etcd", kind, "a", Window.at(round(at_s * S)), detail)


class Daemon:
    """A projection and its activity monitor, fed as the daemon feeds them."""

    def __init__(self, rate_per_s: float = 20) -> None:
        self.state = initial_state({})
        self.activity = ActivityMonitor(self.state, rate_per_s)

    def record(self, record: Event | Operation) -> None:
        self.state.apply(record)
        self.activity.apply(record)


class TestTheActivityMonitor:
    @pytest.fixture
    def daemon(self) -> Daemon:
        return Daemon()

    def test_a_healthy_recording_is_not_analyzed_while_it_runs(self, daemon: Daemon) -> None:
        daemon.record(event("route.up", 0, initial=True))
        daemon.record(event("leader.seen", 0, initial=True))
        for n in range(100):
            daemon.record(write(n, n))
        assert not daemon.activity.became_quiet(1000 * S)

    def test_an_incident_is_analyzed_once_five_seconds_after_its_last_sign(self, daemon: Daemon) -> None:
        daemon.record(event("leader.lost", 10))
        daemon.record(write(12, 5, Outcome.FAIL))
        assert not daemon.activity.became_quiet(16 * S)
        assert daemon.activity.became_quiet(17 * S)
        assert not daemon.activity.became_quiet(18 * S)

    def test_a_later_incident_is_analyzed_again(self, daemon: Daemon) -> None:
        daemon.record(event("leader.lost", 10))
        assert daemon.activity.became_quiet(17 * S)
        daemon.record(event("leader.elected", 20))
        assert not daemon.activity.became_quiet(22 * S)
        assert daemon.activity.became_quiet(25 * S)

    def test_writes_are_read_back_when_they_have_succeeded_again_for_a_while(self, daemon: Daemon) -> None:
        for n in range(1, 2001):
            daemon.record(write(n / 20, n))
        daemon.record(write(100, 2001, Outcome.UNKNOWN))
        daemon.record(write(130, 2002, Outcome.FAIL))
        assert daemon.activity.to_audit(131 * S) is None
        daemon.record(write(132, 2003))
        assert daemon.activity.to_audit(133 * S) is None
        daemon.record(write(133.5, 2004))
        # A minute before the first failure, at 20 a second.
        assert daemon.activity.to_audit(134 * S) == (801, 2004)
        assert daemon.activity.to_audit(140 * S) is None

    def test_a_failure_among_the_first_acknowledgements_restarts_the_wait(self, daemon: Daemon) -> None:
        daemon.record(write(1, 1, Outcome.FAIL))
        daemon.record(write(2, 2))
        daemon.record(write(3, 3, Outcome.FAIL))
        assert daemon.activity.to_audit(10 * S) is None
        daemon.record(write(11, 4))
        assert daemon.activity.to_audit(13 * S) == (1, 4)

    def test_the_first_write_that_an_incident_may_have_cost_is_returned_once(self) -> None:
        daemon = Daemon(rate_per_s=0.01)
        assert daemon.activity.endangered() is None
        daemon.record(write(10, 7, Outcome.FAIL))
        daemon.record(write(11, 8))
        assert daemon.activity.to_audit(13 * S) == (6, 8)
        daemon.record(write(14, 9, Outcome.UNKNOWN))
        assert daemon.activity.endangered() == 6
        assert daemon.activity.endangered() is None


class TestTheMembers:
    @pytest.fixture
    def used(self) -> list[tuple[str, str, str]]:
        return []

    def members(
        self, used: list[tuple[str, str, str]], api: dict[str, str] | None, postgres: dict[str, str] | None
    ) -> Members:
        return Members(
            api,
            postgres,
            lambda name, url: used.append(("api", name, url)),
            lambda name, dsn: used.append(("postgres", name, dsn)),
        )

    def changed(self, name: str, port: int) -> Event:
        urls = {"api_url": f"http://10.0.0.1:{port}/patroni", "conn_url": f"postgres://10.0.0.1:{port + 1}/postgres"}
        return Event("etcd", "member.changed", name, Window.at(0), urls)

    def test_a_member_that_appears_in_etcd_is_polled_from_then_on_and_once(
        self, used: list[tuple[str, str, str]]
    ) -> None:
        members = self.members(used, None, None)
        members.see(self.changed("a", 8008))
        members.see(self.changed("a", 8008))
        assert used == [
            ("postgres", "a", "postgres://10.0.0.1:8009/postgres"),
            ("api", "a", "http://10.0.0.1:8008/patroni"),
        ]
        members.see(self.changed("a", 9000))
        assert used[2:] == [
            ("postgres", "a", "postgres://10.0.0.1:9001/postgres"),
            ("api", "a", "http://10.0.0.1:9000/patroni"),
        ]

    def test_addresses_in_the_configuration_override_those_in_etcd(self, used: list[tuple[str, str, str]]) -> None:
        members = self.members(used, {"a": "http://127.0.0.1:1"}, {})
        members.begin()
        members.see(self.changed("a", 8008))
        assert used == [("api", "a", "http://127.0.0.1:1")]

    def test_a_server_is_named_by_its_own_address_or_else_by_the_one_in_etcd(
        self, used: list[tuple[str, str, str]]
    ) -> None:
        members = self.members(used, None, None)
        members.see(self.changed("a", 8008))
        members.see(Event("postgres", "identity.learned", "b", Window.at(0), {"address": "172.18.0.3:5432"}))
        assert members.name_of("10.0.0.1:8009") == "a"
        assert members.name_of("172.18.0.3:5432") == "b"
        assert members.name_of("172.18.0.9:5432") is None
