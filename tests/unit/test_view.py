"""The live view: what it says of a cluster at a moment, at any width, and that it never holds up the recording."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace

import pytest
from rich.console import Console

from observer.live.assessment import State, pools_of, state_of
from observer.live.board import Board, Glance, Lease
from observer.live.drawing import draw
from observer.live.outage_clock import Flow
from observer.live.plain import Plain
from observer.live.screen import Screen
from observer.model.recording import Event, Operation, Outcome
from reports.analysis.theory import expected_back
from tests.unit.recordings import (
    blind,
    event,
    fail,
    healthy,
    ns,
    ok,
    recording_of,
    route,
    sees,
    takeover,
    traffic,
    unknown,
)
from tests.waiting import eventually

RECORDING = recording_of().header
ETCD = {"127.0.0.1:23791": "leader", "127.0.0.1:23792": "leader", "127.0.0.1:23793": "leader"}
WELL = [*traffic((1, 20, Outcome.OK)), *traffic((1, 20, Outcome.OK), action="read")]


def board(entries: Iterable[Event | Operation], lease: Lease | None = None) -> Board:
    seen = Board()
    seen.begin(RECORDING, "observer.db")
    for entry in entries:
        seen.see(entry)
    seen.glance = Glance(lease, ETCD, "127.0.0.1:23792")
    return seen


def state(entries: Iterable[Event | Operation], at_s: float, lease: Lease | None = None) -> State:
    return state_of(board(entries, lease), ns(at_s), expected_back)


def text(seen: Board, at_s: float, width: int = 80, height: int = 40) -> str:
    return "\n".join(line.plain for line in draw(seen, ns(at_s), width, height, expected_back))


class TestWhatItSays:
    def test_of_a_cluster_that_is_well_it_says_so(self) -> None:
        told = state([*healthy(), *WELL], 20)
        assert (told.level, told.says, told.waits) == ("well", "all is well: writes and reads go on", "")

    def test_equal_pools_of_two_proxies_are_shown_side_by_side(self) -> None:
        first = route(1, "primary", "patroni1", up=True, page="http://h:7001/")
        second = route(1, "primary", "patroni1", up=False, page="http://h:7002/")
        assert pools_of(board([first, second])) == {
            "primary of h:7001": [("patroni1", True, "")],
            "primary of h:7002": [("patroni1", False, "")],
        }

    def test_without_traffic_it_does_not_say_that_writes_go_on(self) -> None:
        assert state(healthy(), 20).says == "no trouble seen; nothing is written or read"

    def test_while_the_leader_is_silent_it_counts_its_lease_down(self) -> None:
        gone = [blind(20.2, "patroni", "patroni1", "refused"), blind(20.2, "postgres", "patroni1", "refused")]
        failed = traffic((20, 28, Outcome.FAIL))
        told = state([*healthy(), *WELL, *gone, *failed], 30, Lease(18, 30, ns(29)))
        assert told.level == "alarm"
        assert told.says.startswith("WRITES FAIL for 10.")
        assert told.waits == (
            "lease of patroni1 ends in 17 s; writes expected back in 17 to 28 s, HAProxy's checks aside"
        )

    def test_with_the_proxys_checks_known_the_countdown_holds_them(self) -> None:
        gone = [blind(20.2, "patroni", "patroni1", "refused"), *traffic((20, 28, Outcome.FAIL))]
        seen = board([*healthy(), *WELL, *gone], Lease(18, 30, ns(29)))
        settings = {**RECORDING.settings, "haproxy": {"inter_ms": 3000, "rise": 2}}
        seen.recording = replace(RECORDING, settings=settings)
        told = state_of(seen, ns(30), expected_back)
        assert told.waits == "lease of patroni1 ends in 17 s; writes expected back in 20 to 34 s"

    def test_a_lease_that_was_not_read_of_late_is_unknown(self) -> None:
        gone = [blind(20.2, "patroni", "patroni1", "silent"), blind(20.2, "postgres", "patroni1", "silent")]
        told = state([*healthy(), *gone], 40, Lease(18, 30, ns(29)))
        assert told.waits == "patroni1 is silent, and how long its lease still runs is not known"

    def test_without_the_clusters_settings_it_promises_no_end(self) -> None:
        events = [e for e in healthy() if e.kind != "config.changed"]
        gone = [blind(20.2, "patroni", "patroni1", "refused"), *traffic((20, 28, Outcome.FAIL))]
        told = state([*events, *WELL, *gone], 30, Lease(18, 30, ns(29)))
        assert told.waits == "lease of patroni1 ends in 17 s; writes cannot be back before"

    def test_while_patroni_is_paused_it_promises_no_failover(self) -> None:
        paused = event(10, "etcd", "config.changed", "demo", config={"ttl": 30, "loop_wait": 10, "pause": True})
        gone = [blind(20.2, "patroni", "patroni1", "refused"), *traffic((20, 28, Outcome.FAIL))]
        told = state([*healthy(), *WELL, paused, *gone], 30, Lease(18, 30, ns(29)))
        assert told.waits == "patroni1 is silent; Patroni is paused, so nobody takes over until it is resumed"
        lost = event(31, "etcd", "leader.lost", "patroni1", revision=30)
        told = state([*healthy(), *WELL, paused, *gone, lost], 32)
        assert told.waits.endswith("Patroni is paused, so nobody takes over until it is resumed")

    def test_between_two_leaders_it_says_that_one_is_being_elected(self) -> None:
        lost = event(25, "etcd", "leader.lost", "patroni1", revision=30)
        told = state([*healthy(), *WELL, lost, *traffic((20, 26, Outcome.FAIL))], 26.5)
        assert told.waits == "patroni1 lost the leader key 1.5 s ago; the replicas elect one of them"

    def test_a_new_leader_without_a_route_waits_for_haproxy(self) -> None:
        lost = [event(25, "etcd", "leader.lost", "patroni1", revision=30), *traffic((20, 27, Outcome.FAIL))]
        taken = takeover(25.5, "patroni2", 2, previous="patroni1", up_s=31)
        before = [e for e in taken if e.kind != "route.up"]
        told = state([*healthy(), *WELL, *lost, *before], 27.5)
        assert told.waits == "patroni2 is the primary; HAProxy's checks have not noticed yet"
        told = state([*healthy(), *WELL, *lost, *taken], 31.5)
        assert told.waits == "patroni2 is the primary and has a route; the next write should pass"

    def test_a_key_that_was_taken_by_a_replica_is_being_promoted(self) -> None:
        lost = [event(25, "etcd", "leader.lost", "patroni1", revision=30), *traffic((20, 27, Outcome.FAIL))]
        taken = event(25.5, "etcd", "leader.elected", "patroni3", revision=31, lease=2)
        told = state([*healthy(), *WELL, *lost, taken], 26)
        assert told.waits == "patroni3 holds the leader key and is being promoted"

    def test_without_quorum_nobody_can_lead(self) -> None:
        lost = event(22, "etcd", "quorum.lost", "etcd", endpoints={})
        told = state([*healthy(), *WELL, lost], 22.5)
        assert told.level == "warning"
        assert told.says.startswith("etcd has no quorum")
        assert "most of etcd" in told.waits

    def test_a_proxy_that_is_gone_is_named(self) -> None:
        gone = blind(20.1, "haproxy", "http://127.0.0.1:7001/", "refused")
        failed = [*traffic((20, 22, Outcome.FAIL)), *traffic((20, 22, Outcome.FAIL), action="read")]
        told = state([*healthy(), *WELL, gone, *failed], 22)
        assert "WRITES FAIL" in told.says
        assert "READS FAIL" in told.says
        assert told.waits.startswith("HAProxy does not answer")

    def test_a_replica_that_is_silent_is_no_alarm(self) -> None:
        gone = [blind(19, "patroni", "patroni3", "refused"), blind(19, "postgres", "patroni3", "refused")]
        told = state([*healthy(), *WELL, *gone], 20)
        assert (told.level, told.says) == ("warning", "patroni3 is silent; writes and reads go on")

    def test_a_generator_that_died_is_no_quiet_cluster(self) -> None:
        died = blind(20.1, "traffic", "generator", "error")
        told = state([*healthy(), *WELL, died], 60)
        assert (told.level, told.says) == ("warning", "generator (traffic): error")

    def test_whatever_else_cannot_be_seen_is_trouble_until_it_is_seen_again(self) -> None:
        never = [blind(1, "docker", "unix:///run/docker.sock", "refused")]
        assert state([*healthy(), *never], 21).level == "well"
        engine = [blind(20, "docker", "unix:///run/docker.sock", "closed")]
        assert state([*healthy(), *engine], 21).says == "unix:///run/docker.sock (docker): closed"
        back = sees(22, "docker", "unix:///run/docker.sock", "closed")
        assert state([*healthy(), *engine, back], 23).says == "no trouble seen; nothing is written or read"


class TestWhatItLooksLike:
    SILENT: Sequence[Event] = [
        blind(20.2, "patroni", "patroni1", "refused"),
        blind(20.2, "postgres", "patroni1", "connect_timeout"),
        blind(20.2, "haproxy", "http://127.0.0.1:7001/", "refused"),
    ]

    @pytest.mark.parametrize("width", [20, 40, 80, 131, 132, 160, 250])
    @pytest.mark.parametrize("height", [5, 24, 60])
    def test_it_fits_any_terminal(self, width: int, height: int) -> None:
        failed = traffic((20, 28, Outcome.FAIL))
        seen = board([*healthy(), *WELL, *self.SILENT, *failed], Lease(18, 30, ns(29)))
        seen.incidents = ("incident 1: leader.killed patroni1 (high confidence): " + "writes out 31.9 s; " * 9,) * 5
        drawn = draw(seen, ns(30), width, height, expected_back)
        assert len(drawn) <= height
        assert max(line.cell_len for line in drawn) <= width

    def test_who_is_not_seen_has_no_role(self) -> None:
        row = next(line for line in text(board([*healthy(), *self.SILENT]), 21).splitlines() if "patroni1  u" in line)
        assert row.split() == ["patroni1", "unknown", "-", "(running)", "-", "refused", "timed", "out"]

    def test_what_a_silent_proxy_said_last_is_marked(self) -> None:
        before, after = text(board(healthy()), 20), text(board([*healthy(), *self.SILENT]), 21)
        assert "patroni1 UP " in before
        assert "patroni1 UP? " in after

    def test_etcd_is_shown_by_member(self) -> None:
        assert "etcd    127.0.0.1 :23791 well  :23792 well leads  :23793 well" in text(board(healthy()), 20)
        lost = [event(22, "etcd", "quorum.lost", "etcd"), blind(21, "etcd", "127.0.0.1:23791", "refused")]
        assert "127.0.0.1 :23791 refused" in text(board([*healthy(), *lost]), 22)
        assert "NO QUORUM" in text(board([*healthy(), *lost]), 22)

    def test_the_last_minute_has_a_cross_for_each_second_in_which_all_failed(self) -> None:
        seen = board([*healthy(), *traffic((1, 20, Outcome.OK), (20, 24, Outcome.FAIL), (24, 30, Outcome.OK))])
        spark = next(line for line in text(seen, 30).splitlines() if "█" in line)
        assert spark.strip() == "█" * 19 + "××××" + "█" * 6
        assert "  out 4.0 s in 1" in text(seen, 30)

    def test_looks_that_run_late_are_counted_and_not_told_one_by_one(self) -> None:
        late = [event(9, "daemon", "tick.skipped", f"patroni patroni{n}", skipped=1) for n in (1, 2, 3)]
        drawn = text(board([*healthy(), *late]), 20)
        assert "2 looks run late   0:00:20" in text(
            board([*healthy(), *late, event(10, "daemon", "tick.resumed", "patroni patroni1", skipped=3)]), 20
        )
        assert "takes too long" not in drawn

    def test_a_wide_terminal_has_the_events_beside_the_rest(self) -> None:
        narrow, wide = text(board(healthy()), 20, 80), text(board(healthy()), 20, 160)
        assert "last events" in narrow
        assert "last events" not in wide
        assert any("lease not read" in line and "etcd" in line for line in wide.splitlines())


class TestAnOutage:
    def test_it_runs_from_the_last_acknowledgement(self) -> None:
        flow = Flow()
        for operation in (ok(1), ok(2), fail(2.05), unknown(3.1)):
            flow.see(operation)
        assert flow.running_ns(ns(7)) == ns(5)
        flow.see(ok(8))
        assert (flow.running_ns(ns(9)), flow.outages, flow.outage_ns) == (0, 1, ns(6))

    def test_a_gap_without_a_failure_is_none(self) -> None:
        flow = Flow()
        for operation in (ok(1), ok(9)):
            flow.see(operation)
        assert (flow.running_ns(ns(20)), flow.outages) == (0, 0)

    def test_a_single_failure_between_two_acknowledgements_close_together_is_none(self) -> None:
        flow = Flow()
        for operation in (ok(1), fail(1.05), ok(1.1)):
            flow.see(operation)
        assert flow.outages == 0


TERMINAL = {"TERM": "xterm-256color"}  # whatever the tests themselves run in


class Stuck(io.StringIO):
    """A terminal that takes nothing more, as after Ctrl-S."""

    def __init__(self) -> None:
        super().__init__()
        self.free = threading.Event()

    def write(self, text: str) -> int:
        self.free.wait(30)
        return len(text)


class TestTheScreen:
    def test_it_draws_while_it_runs_and_leaves_what_was_said(self) -> None:
        said: list[str] = []
        terminal = io.StringIO()
        screen = Screen(
            said.append,
            expected_back,
            Console(file=terminal, force_terminal=True, width=80, height=30, _environ=TERMINAL),
        )
        screen.start()
        screen.begin(RECORDING, "observer.db", lambda: ns(20), Glance)
        for entry in healthy():
            screen.see(entry)
        screen.say("Recording 1 of demo.")
        eventually(lambda: "patroni3" in terminal.getvalue(), 10, "it is drawn")
        screen.stop()
        assert "\x1b[?1049l" in terminal.getvalue(), "the terminal's first page is back"
        assert said == ["Recording 1 of demo."]

    def test_before_the_recording_begins_it_only_says(self) -> None:
        said: list[str] = []
        screen = Screen(said.append, expected_back, Console(file=io.StringIO(), force_terminal=True))
        screen.start()
        screen.say("etcd has no leader.")
        screen.stop()
        assert said == ["etcd has no leader."]

    def test_a_view_that_stumbles_says_so_and_goes_on_without_pictures(self) -> None:
        said: list[str] = []

        def broken(*_: object) -> None:
            raise KeyError("ttl")

        screen = Screen(said.append, broken, Console(file=io.StringIO(), force_terminal=True, width=80, height=30))
        screen.begin(RECORDING, "observer.db", lambda: ns(30), lambda: Glance(Lease(18, 30, ns(29))))
        for entry in (
            *healthy(),
            *WELL,
            blind(20.2, "patroni", "patroni1", "refused"),
            *traffic((20, 28, Outcome.FAIL)),
        ):
            screen.see(entry)
        eventually(lambda: said, 10, "it says so")
        assert "KeyError" in said[0]
        screen.say("Ending the recording.")
        assert said[1] == "Ending the recording."
        screen.stop()

    def test_a_terminal_that_is_held_up_holds_up_nobody(self) -> None:
        terminal = Stuck()
        screen = Screen(
            lambda _: None,
            expected_back,
            Console(file=terminal, force_terminal=True, width=80, height=30, _environ=TERMINAL),
        )
        screen.begin(RECORDING, "observer.db", lambda: ns(20), Glance)
        began_s = time.monotonic()
        for entry in WELL:
            screen.see(entry)
        assert time.monotonic() - began_s < 1
        screen.stop()
        assert time.monotonic() - began_s < 5
        terminal.free.set()


class TestPlain:
    def test_an_overdue_lease_is_told_once_and_once_when_it_is_renewed(self) -> None:
        said: list[str] = []
        view = Plain(said.append)
        view.start()
        for left in (17, 16, 15):
            view.see(event(33 - left, "etcd", "lease.overdue", "patroni1", remaining_s=left, ttl_s=30))
        view.see(event(20, "etcd", "lease.renewed", "patroni1", remaining_s=29, ttl_s=30))
        view.see(event(40, "etcd", "lease.overdue", "patroni1", remaining_s=17, ttl_s=30))
        view.stop()
        assert ["has not renewed" in line for line in said] == [True, False, True]

    def test_a_route_is_a_line(self) -> None:
        said: list[str] = []
        view = Plain(said.append)
        view.start()
        view.see(route(1, "primary", "patroni1", up=True))
        view.stop()
        assert said == ["    1.000 s  haproxy   primary/patroni1 gets clients: UP (no check)"]
