"""The live view: what it shows of a cluster at a moment, at any width, and that it never blocks the recording."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Iterable, Sequence

import pytest
from rich.console import Console

from observer.live.assessment import Assessment, assess, pools_of
from observer.live.drawing import Frame, draw, line_of
from observer.live.plain import Plain, View
from observer.live.screen import Screen
from observer.live.state import ClusterState, Route, initial_state
from observer.live.words import sentence
from observer.model.recording import Event, Operation, Outcome
from observer.sources.lease import EtcdSnapshot, Lease
from reports.analysis.analyze import analyze
from reports.analysis.theory import expected_back
from tests.unit.recordings import (
    blind,
    event,
    fail,
    healthy,
    measured_crash,
    ns,
    ok,
    recording_of,
    route,
    sees,
    takeover,
    traffic,
)
from tests.waiting import eventually

Records = list[Event | Operation]

RECORDING = recording_of().header
ETCD = {"127.0.0.1:23791": "leader", "127.0.0.1:23792": "leader", "127.0.0.1:23793": "leader"}
WELL = [*traffic((1, 20, Outcome.OK)), *traffic((1, 20, Outcome.OK), action="read")]


def state_after(entries: Iterable[Event | Operation], lease: Lease | None = None, **haproxy: object) -> ClusterState:
    state = initial_state({**RECORDING.settings, **({"haproxy": haproxy} if haproxy else {})})
    for entry in entries:
        state.apply(entry)
    state.etcd = EtcdSnapshot(lease, ETCD, "127.0.0.1:23792")
    return state


def assessed(
    entries: Iterable[Event | Operation], at_s: float, lease: Lease | None = None, **haproxy: object
) -> Assessment:
    return assess(state_after(entries, lease, **haproxy), ns(at_s), expected_back)


def frame_of(entries: Sequence[Event | Operation], lease: Lease | None = None, incidents: Sequence[str] = ()) -> Frame:
    lines = [line_of(entry) for entry in entries if isinstance(entry, Event)]
    return Frame(state_after(entries, lease), RECORDING, "observer.db", lines, incidents)


def text(entries: Sequence[Event | Operation], at_s: float, width: int = 80, height: int = 40) -> str:
    return "\n".join(line.plain for line in draw(frame_of(entries), ns(at_s), width, height, expected_back))


def feed(view: View, state: ClusterState, *entries: Event | Operation) -> None:
    """Show and apply records as the daemon does."""
    for entry in entries:
        view.show(entry)
        state.apply(entry)


class TestTheAssessment:
    def test_a_healthy_cluster_is_well(self) -> None:
        found = assessed([*healthy(), *WELL], 20)
        assert (found.level, found.summary, found.waiting_for) == ("ok", "all is well: writes and reads succeed", "")

    def test_equal_pools_of_two_proxies_are_shown_side_by_side(self) -> None:
        first = route(1, "primary", "patroni1", up=True, page="http://h:7001/")
        second = route(1, "primary", "patroni1", up=False, page="http://h:7002/")
        assert pools_of(state_after([first, second])) == {
            "primary of h:7001": [("patroni1", Route(True, ""))],
            "primary of h:7002": [("patroni1", Route(False, ""))],
        }

    def test_without_traffic_the_summary_does_not_claim_that_writes_succeed(self) -> None:
        assert assessed(healthy(), 20).summary == "no problem found; no writes or reads run"

    def test_while_the_leader_does_not_answer_its_lease_is_counted_down(self) -> None:
        gone = [blind(20.2, "patroni", "patroni1", "refused"), blind(20.2, "postgres", "patroni1", "refused")]
        failed = traffic((20, 28, Outcome.FAIL))
        found = assessed([*healthy(), *WELL, *gone, *failed], 30, Lease(18, 30, ns(29)))
        assert found.level == "alarm"
        assert found.summary.startswith("WRITES FAIL for 10.")
        assert found.waiting_for == (
            "lease of patroni1 ends in 17 s; writes expected back in 17 to 28 s, plus HAProxy's checks"
        )

    def test_the_countdown_includes_the_proxys_checks_if_they_are_known(self) -> None:
        gone: Records = [blind(20.2, "patroni", "patroni1", "refused"), *traffic((20, 28, Outcome.FAIL))]
        lease = Lease(18, 30, ns(29))
        found = assessed([*healthy(), *WELL, *gone], 30, lease, inter_ms=3000, rise=2)
        assert found.waiting_for == "lease of patroni1 ends in 17 s; writes expected back in 20 to 34 s"

    def test_a_lease_that_was_not_read_in_the_last_seconds_is_unknown(self) -> None:
        gone = [blind(20.2, "patroni", "patroni1", "silent"), blind(20.2, "postgres", "patroni1", "silent")]
        found = assessed([*healthy(), *gone], 40, Lease(18, 30, ns(29)))
        assert found.waiting_for == "patroni1 does not answer; the time left on its lease is unknown"

    def test_without_the_dynamic_configuration_no_end_is_promised(self) -> None:
        events = [e for e in healthy() if e.kind != "config.changed"]
        gone: Records = [blind(20.2, "patroni", "patroni1", "refused"), *traffic((20, 28, Outcome.FAIL))]
        found = assessed([*events, *WELL, *gone], 30, Lease(18, 30, ns(29)))
        assert found.waiting_for == "lease of patroni1 ends in 17 s; writes cannot be back before"

    def test_while_patroni_is_paused_no_failover_is_promised(self) -> None:
        paused = event(10, "etcd", "config.changed", "demo", config={"ttl": 30, "loop_wait": 10, "pause": True})
        gone: Records = [blind(20.2, "patroni", "patroni1", "refused"), *traffic((20, 28, Outcome.FAIL))]
        found = assessed([*healthy(), *WELL, paused, *gone], 30, Lease(18, 30, ns(29)))
        assert found.waiting_for == "patroni1 does not answer; Patroni is paused: no failover until it is resumed"
        lost = event(31, "etcd", "leader.lost", "patroni1", revision=30)
        found = assessed([*healthy(), *WELL, paused, *gone, lost], 32)
        assert found.waiting_for.endswith("Patroni is paused: no failover until it is resumed")

    def test_between_two_leaders_the_replicas_are_electing_one(self) -> None:
        lost = event(25, "etcd", "leader.lost", "patroni1", revision=30)
        found = assessed([*healthy(), *WELL, lost, *traffic((20, 26, Outcome.FAIL))], 26.5)
        assert found.waiting_for == "patroni1 lost the leader key 1.5 s ago; the replicas are electing a leader"

    def test_a_new_leader_waits_for_haproxy_to_route_to_it(self) -> None:
        lost: Records = [event(25, "etcd", "leader.lost", "patroni1", revision=30), *traffic((20, 27, Outcome.FAIL))]
        taken = takeover(25.5, "patroni2", 2, previous="patroni1", up_s=31)
        before = [e for e in taken if e.kind != "route.up"]
        found = assessed([*healthy(), *WELL, *lost, *before], 27.5)
        assert found.waiting_for == "patroni2 is the primary; HAProxy's checks have not marked it UP yet"
        found = assessed([*healthy(), *WELL, *lost, *taken], 31.5)
        assert found.waiting_for == "patroni2 is the primary and HAProxy routes to it; the next write should succeed"

    def test_a_replica_that_took_the_leader_key_is_being_promoted(self) -> None:
        lost: Records = [event(25, "etcd", "leader.lost", "patroni1", revision=30), *traffic((20, 27, Outcome.FAIL))]
        taken = event(25.5, "etcd", "leader.elected", "patroni3", revision=31, lease=2)
        found = assessed([*healthy(), *WELL, *lost, taken], 26)
        assert found.waiting_for == "patroni3 holds the leader key and is being promoted"

    def test_without_quorum_no_member_can_lead(self) -> None:
        lost = event(22, "etcd", "quorum.lost", "etcd", endpoints={})
        found = assessed([*healthy(), *WELL, lost], 22.5)
        assert found.level == "warning"
        assert found.summary.startswith("etcd has no quorum")
        assert "a majority of etcd" in found.waiting_for

    def test_an_unreachable_proxy_is_named(self) -> None:
        gone = blind(20.1, "haproxy", "http://127.0.0.1:7001/", "refused")
        failed: Records = [*traffic((20, 22, Outcome.FAIL)), *traffic((20, 22, Outcome.FAIL), action="read")]
        found = assessed([*healthy(), *WELL, gone, *failed], 22)
        assert "WRITES FAIL" in found.summary
        assert "READS FAIL" in found.summary
        assert found.waiting_for.startswith("HAProxy does not answer")

    def test_an_unreachable_replica_is_a_warning(self) -> None:
        gone = [blind(19, "patroni", "patroni3", "refused"), blind(19, "postgres", "patroni3", "refused")]
        found = assessed([*healthy(), *WELL, *gone], 20)
        assert (found.level, found.summary) == ("warning", "patroni3 is unreachable; writes and reads succeed")

    def test_a_generator_that_died_is_a_warning(self) -> None:
        died = blind(20.1, "traffic", "generator", "error")
        found = assessed([*healthy(), *WELL, died], 60)
        assert (found.level, found.summary) == ("warning", "generator (traffic): error")

    def test_a_container_engine_is_a_problem_only_if_it_answered_before(self) -> None:
        never = [blind(1, "docker", "unix:///run/docker.sock", "refused")]
        assert assessed([*healthy(), *never], 21).level == "ok"
        engine = [blind(20, "docker", "unix:///run/docker.sock", "closed")]
        assert assessed([*healthy(), *engine], 21).summary == "unix:///run/docker.sock (docker): closed"
        back = sees(22, "docker", "unix:///run/docker.sock", "closed")
        assert assessed([*healthy(), *engine, back], 23).summary == "no problem found; no writes or reads run"


class TestWhatItLooksLike:
    SILENT: Sequence[Event] = [
        blind(20.2, "patroni", "patroni1", "refused"),
        blind(20.2, "postgres", "patroni1", "connect_timeout"),
        blind(20.2, "haproxy", "http://127.0.0.1:7001/", "refused"),
    ]

    @pytest.mark.parametrize("width", [20, 40, 80, 131, 132, 160, 250])
    @pytest.mark.parametrize("height", [5, 24, 60])
    def test_the_view_fits_any_terminal(self, width: int, height: int) -> None:
        failed = traffic((20, 28, Outcome.FAIL))
        incidents = ("incident 1: leader.killed patroni1 (high confidence): " + "writes failed for 31.9 s; " * 9,) * 5
        frame = frame_of([*healthy(), *WELL, *self.SILENT, *failed], Lease(18, 30, ns(29)), incidents)
        drawn = draw(frame, ns(30), width, height, expected_back)
        assert len(drawn) <= height
        assert max(line.cell_len for line in drawn) <= width

    def test_an_unreachable_member_has_no_role(self) -> None:
        row = next(line for line in text([*healthy(), *self.SILENT], 21).splitlines() if "patroni1  u" in line)
        assert row.split() == ["patroni1", "unknown", "-", "(running)", "-", "refused", "timed", "out"]

    def test_the_last_known_state_of_an_unreachable_proxy_is_marked(self) -> None:
        before, after = text(healthy(), 20), text([*healthy(), *self.SILENT], 21)
        assert "patroni1 UP " in before
        assert "patroni1 UP? " in after

    def test_etcd_is_shown_by_member(self) -> None:
        assert "etcd    127.0.0.1 :23791 ok  :23792 ok (leader)  :23793 ok" in text(healthy(), 20)
        lost = [event(22, "etcd", "quorum.lost", "etcd"), blind(21, "etcd", "127.0.0.1:23791", "refused")]
        assert "127.0.0.1 :23791 refused" in text([*healthy(), *lost], 22)
        assert "NO QUORUM" in text([*healthy(), *lost], 22)

    def test_the_last_minute_has_a_cross_for_each_second_in_which_all_failed(self) -> None:
        entries: Records = [*healthy(), *traffic((1, 20, Outcome.OK), (20, 24, Outcome.FAIL), (24, 30, Outcome.OK))]
        column = next(line for line in text(entries, 30).splitlines() if "█" in line)
        assert column.strip() == "█" * 19 + "××××" + "█" * 6
        assert "  1 outage, 4.0 s" in text(entries, 30)

    def test_late_polls_are_counted_and_not_listed(self) -> None:
        late = [event(9, "daemon", "tick.skipped", f"patroni patroni{n}", skipped=1) for n in (1, 2, 3)]
        resumed = event(10, "daemon", "tick.resumed", "patroni patroni1", skipped=3)
        state = state_after([*healthy(), *late, resumed])
        drawn = draw(Frame(state, RECORDING, "observer.db"), ns(20), 80, 40, expected_back)
        assert drawn[0].plain.endswith("2 polls late   0:00:20 ")
        screen = Screen(lambda _: None, expected_back, Console(file=io.StringIO()))
        feed(screen, initial_state({}), *late, healthy()[0])
        assert [line.text for line in screen._lines] == ["patroni1 leads"]

    def test_a_wide_terminal_has_the_events_beside_the_rest(self) -> None:
        narrow, wide = text(healthy(), 20, 80), text(healthy(), 20, 160)
        assert "last events" in narrow
        assert "last events" not in wide
        assert any("lease unknown" in line and "etcd" in line for line in wide.splitlines())


class TestTheWords:
    """One line of English for an event, with the subject first."""

    @pytest.mark.parametrize(
        ("happened", "words"),
        [
            (route(1, "primary", "a", up=True, check_status="L7OK"), "HAProxy routes to primary/a: UP, L7OK"),
            (
                route(1, "primary", "a", up=False, check_status="L4CON"),
                "HAProxy no longer routes to primary/a: DOWN, L4CON",
            ),
            (
                event(1, "haproxy", "route.changed", "primary/a", status="UP 1/3", check_status="L4TOUT"),
                "check of primary/a changed, still UP 1/3, L4TOUT",
            ),
            (
                blind(1, "postgres", "a", "connect_timeout"),
                "a is unreachable: timed out (connect_timeout)",
            ),
            (
                event(1, "etcd", "failover.asked", "failover", leader="a", candidate="b"),
                "a switchover or failover from a to b was requested",
            ),
            (
                event(1, "daemon", "fault.told", "a", component="patroni", action="kill", target="a"),
                "injected fault: patroni kill a",
            ),
            (
                event(1, "postgres", "replication.sampled", "a", lag_bytes={"b": 0, "c": 12}),
                "a: lag of b 0 bytes, c 12 bytes",
            ),
            (event(1, "patroni", "member.changed", "a", role="replica", state="running"), "a: replica, running"),
            (event(1, "postgres", "member.changed", "a", in_recovery=False, timeline=2), "a: primary, timeline 2"),
            (event(1, "postgres", "replication.sampled", "b", lag_bytes=None, lag_s=0.25), "b: replay lag 0.2 s"),
            (
                event(1, "traffic", "workload.absent", "write", error="no relation"),
                "the tables for writes are missing: no relation",
            ),
        ],
    )
    def test_say_what_changed(self, happened: Event, words: str) -> None:
        assert sentence(happened) == words


class TestTheState:
    def test_a_copy_does_not_change_with_the_state(self) -> None:
        state = state_after([*healthy(), *WELL])
        before = state.copy()
        lost = [event(25, "etcd", "leader.lost", "patroni1"), blind(26, "patroni", "patroni2", "refused")]
        entries: Records = [*lost, route(27, "primary", "patroni1", up=False), fail(28), fail(29, "read")]
        for entry in entries:
            state.apply(entry)
        assert (before.leader, before.unreachable) == ("patroni1", {})
        assert before.routes["", "primary", "patroni1"].up
        assert before.traffic["write"].failed == 0
        assert before.traffic["write"].running_ns(ns(29)) == 0
        assert state.traffic["write"].running_ns(ns(29)) > 0

    def test_sleep_of_the_observer_itself_is_no_outage(self) -> None:
        state = initial_state({})
        slept = event(70, "daemon", "observer.slept", "daemon", after_s=10)
        for entry in (ok(9.9), slept, fail(70.05), ok(70.4)):
            state.apply(entry)
        assert state.traffic["write"].outage_ns == ns(0.4)


TERMINAL = {"TERM": "xterm-256color"}  # whatever terminal the tests run in


class Stuck(io.StringIO):
    """A terminal that takes nothing more, as after Ctrl-S."""

    def __init__(self) -> None:
        super().__init__()
        self.free = threading.Event()

    def write(self, text: str) -> int:
        self.free.wait(30)
        return len(text)


class TestTheScreen:
    def test_the_screen_is_drawn_while_it_runs_and_leaves_the_messages_behind(self) -> None:
        said: list[str] = []
        terminal, state = io.StringIO(), initial_state(RECORDING.settings)
        screen = Screen(
            said.append,
            expected_back,
            Console(file=terminal, force_terminal=True, width=80, height=30, _environ=TERMINAL),
        )
        screen.start()
        screen.begin(RECORDING, "observer.db", lambda: ns(20), state, EtcdSnapshot)
        feed(screen, state, *healthy())
        screen.say("Recording 1 of demo.")
        eventually(lambda: "patroni3" in terminal.getvalue(), 10, "it is drawn")
        screen.stop()
        assert "\x1b[?1049l" in terminal.getvalue(), "the terminal's normal screen is back"
        assert said == ["Recording 1 of demo."]

    def test_before_the_recording_begins_messages_are_printed(self) -> None:
        said: list[str] = []
        screen = Screen(said.append, expected_back, Console(file=io.StringIO(), force_terminal=True))
        screen.start()
        screen.say("etcd has no leader.")
        screen.stop()
        assert said == ["etcd has no leader."]

    def test_an_incident_is_listed_once_though_it_is_analyzed_twice(self) -> None:
        screen, findings = Screen(lambda _: None, expected_back, Console(file=io.StringIO())), analyze(measured_crash())
        screen.analyzed(findings)
        screen.analyzed(findings)
        (line,) = screen._lines
        assert line.text.startswith("incident 1: leader.killed patroni1 (high confidence): writes failed for 31.9 s; ")
        assert (line.source, line.tone) == ("analysis", "note")

    def test_a_view_that_fails_reports_it_and_prints_messages_from_then_on(self) -> None:
        said: list[str] = []

        def broken(*_: object) -> None:
            raise KeyError("ttl")

        state = initial_state(RECORDING.settings)
        screen = Screen(said.append, broken, Console(file=io.StringIO(), force_terminal=True, width=80, height=30))
        etcd = EtcdSnapshot(Lease(18, 30, ns(29)))
        screen.begin(RECORDING, "observer.db", lambda: ns(30), state, lambda: etcd)
        gone: Records = [blind(20.2, "patroni", "patroni1", "refused"), *traffic((20, 28, Outcome.FAIL))]
        feed(screen, state, *healthy(), *WELL, *gone)
        eventually(lambda: said, 10, "it reports the failure")
        assert "KeyError" in said[0]
        screen.say("Ending the recording.")
        assert said[1] == "Ending the recording."
        screen.stop()

    def test_a_blocked_terminal_blocks_nothing_else(self) -> None:
        terminal, state = Stuck(), initial_state(RECORDING.settings)
        screen = Screen(
            lambda _: None,
            expected_back,
            Console(file=terminal, force_terminal=True, width=80, height=30, _environ=TERMINAL),
        )
        screen.begin(RECORDING, "observer.db", lambda: ns(20), state, EtcdSnapshot)
        began_s = time.monotonic()
        feed(screen, state, *WELL)
        assert time.monotonic() - began_s < 1
        screen.stop()
        assert time.monotonic() - began_s < 5
        terminal.free.set()


class TestPlain:
    def printed(self, *entries: Event | Operation) -> list[str]:
        said: list[str] = []
        view, state = Plain(said.append), initial_state(RECORDING.settings)
        view.start()
        view.begin(RECORDING, "observer.db", lambda: 0, state, EtcdSnapshot)
        feed(view, state, *entries)
        view.stop()
        return said

    def test_an_overdue_lease_is_printed_once_and_once_more_when_it_is_renewed(self) -> None:
        overdue = [
            event(33 - left, "etcd", "lease.overdue", "patroni1", remaining_s=left, ttl_s=30) for left in (17, 16, 15)
        ]
        renewed = event(20, "etcd", "lease.renewed", "patroni1", remaining_s=29, ttl_s=30)
        again = event(40, "etcd", "lease.overdue", "patroni1", remaining_s=17, ttl_s=30)
        printed = self.printed(*overdue, renewed, again)
        assert ["has not renewed" in line for line in printed] == [True, False, True]

    def test_a_route_is_one_line(self) -> None:
        printed = self.printed(route(1, "primary", "patroni1", up=True))
        assert printed == ["    1.000 s  haproxy   HAProxy routes to primary/patroni1: UP, no check"]

    def test_a_series_of_failures_is_printed_when_it_begins_and_when_it_is_over(self) -> None:
        printed = self.printed(ok(1), fail(2, message="no server"), ok(2.5), fail(4), ok(4.5), ok(5.1), fail(9))
        assert printed == [
            "    2.000 s  traffic   writes fail: no server",
            "    5.100 s  traffic   writes succeed again; some failed for 2.0 s",
            "    9.000 s  traffic   writes fail: connect",
        ]
