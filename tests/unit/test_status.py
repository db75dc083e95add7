"""The status of a recording shows what is known at this moment, and calls the rest unknown."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from observer.live.state import ClusterState, initial_state
from observer.live.status import as_json, down, lines
from observer.model.recording import Event, Operation, Outcome, Window
from observer.store import Reader, Writer
from tests.unit.recordings import healthy, recording_of, traffic

PAGE = "http://127.0.0.1:7001/"


def event(source: str, kind: str, subject: str, **detail: Any) -> Event:
    return Event(source, kind, subject, Window.at(0), detail)


def route(kind: str, subject: str, page: str = PAGE, **detail: Any) -> Event:
    return event("haproxy", kind, subject, page=page, **detail)


SEEN = event("etcd", "leader.seen", "patroni1")
LOST = event("etcd", "leader.lost", "patroni1")
BLIND = event("etcd", "source.blind", "watch", how="refused")
SEES = event("etcd", "source.sees", "watch", how="refused")
PRIMARY = event("patroni", "member.changed", "patroni1", role="primary")
REPLICA = event("patroni", "member.changed", "patroni1", role="replica")


def state_after(events: Sequence[Event]) -> ClusterState:
    state = initial_state({})
    for one in events:
        state.apply(one)
    return state


def leader_after(*events: Event) -> str | None:
    return state_after(events).best_known_leader()


def down_after(*events: Event) -> list[str]:
    return down(state_after(events))


class TestTheLeader:
    def test_is_the_holder_of_the_leader_key(self) -> None:
        assert leader_after(SEEN, LOST, event("etcd", "leader.elected", "patroni2")) == "patroni2"

    def test_is_known_to_be_none_if_the_key_is_gone_and_unknown_before_the_first_report(self) -> None:
        for events, known in (((SEEN, LOST), True), ((), False)):
            state = state_after(events)
            assert (state.best_known_leader(), state.leader_is_known) == (None, known)

    def test_is_unknown_while_etcd_cannot_be_watched_and_patroni_reports_no_primary(self) -> None:
        assert leader_after(SEEN, BLIND) is None
        assert not state_after((SEEN, BLIND)).leader_is_known
        assert leader_after(SEEN, PRIMARY, BLIND, REPLICA) is None
        assert leader_after(SEEN, BLIND, SEES) == "patroni1"

    def test_is_then_the_only_reachable_member_that_patroni_reports_as_primary(self) -> None:
        assert leader_after(SEEN, PRIMARY, BLIND) == "patroni1"
        assert leader_after(SEEN, PRIMARY, BLIND, event("patroni", "source.blind", "patroni1", how="silent")) is None
        assert leader_after(PRIMARY, BLIND, event("patroni", "member.changed", "patroni2", role="primary")) is None


class TestWhatIsDown:
    def test_is_what_is_unreachable(self) -> None:
        gone = event("patroni", "source.blind", "patroni1", how="refused")
        assert down_after(gone) == ["patroni1 (patroni: refused)"]
        assert down_after(gone, event("patroni", "source.sees", "patroni1")) == []

    def test_is_a_pool_without_a_server_that_is_up(self) -> None:
        up, gone = route("route.up", "primary/a"), route("route.down", "primary/b")
        assert down_after(up, gone) == []
        assert down_after(up, gone, route("route.down", "primary/a")) == ["no server of pool primary is UP"]

    def test_is_the_pool_of_one_proxy_though_that_of_another_has_a_server(self) -> None:
        up, gone = route("route.up", "primary/a"), route("route.down", "primary/a", page="http://127.0.0.1:7002/")
        assert down_after(up, gone) == ["no server of pool primary of 127.0.0.1:7002 is UP"]

    def test_is_no_pool_while_its_stats_page_cannot_be_read_and_no_server_that_vanished_from_it(self) -> None:
        gone = route("route.down", "primary/a")
        unread = event("haproxy", "source.blind", PAGE, how="refused")
        assert down_after(gone, unread) == [f"{PAGE} (haproxy: refused)"]
        assert down_after(gone, route("route.down", "primary/a", status="gone")) == []

    def test_is_the_quorum_of_etcd(self) -> None:
        lost = event("etcd", "quorum.lost", "etcd")
        assert down_after(lost) == ["etcd has no quorum"]
        assert down_after(lost, event("etcd", "quorum.regained", "etcd")) == []


class TestAFile:
    @pytest.fixture
    def failing(self, tmp_path: Path) -> Path:
        """A recording that was cut off 30 s into a write outage, with more failures than the first read covers."""
        path = tmp_path / "observer.db"
        writer = Writer(path)
        number = writer.begin(recording_of().header)
        operations: list[Operation] = [
            *traffic((1, 20, Outcome.OK), (20, 50, Outcome.FAIL)),
            *traffic((1, 50, Outcome.OK), action="read"),
        ]
        writer.append(number, [*healthy(), *sorted(operations, key=lambda o: o.finished_ns)])
        writer.close()
        return path

    def test_shows_the_outage_since_the_last_acknowledgement(self, failing: Path) -> None:
        with Reader(failing) as reader:
            text = lines(reader, alive=False)
            found = as_json(reader, alive=False)
        assert text[0].endswith("cut off after 50 s")
        assert text[1:5] == [
            "leader:  patroni1",
            "down:    nothing",
            "writes:  61 of 61 failed in the last 3 s; outage for 30.0 s",
            "reads:   ok, 61 in the last 3 s",
        ]
        assert found["traffic"]["write"]["outage_s"] == pytest.approx(30.0)
        assert found["traffic"]["read"] == {"acknowledged": 61, "failed": 0, "over_s": 3.0, "outage_s": None}

    def test_as_json_has_plain_values_alone(self, failing: Path) -> None:
        with Reader(failing) as reader:
            found = json.loads(json.dumps(as_json(reader, alive=False)))
        assert found["recording"]["running"] is False
        assert (found["leader"], found["leader_known"], found["quorum"]) == ("patroni1", True, True)
        assert (found["unreachable"], found["pools_without_server"]) == ([], [])
        assert found["events"][-1]["text"].startswith("HAProxy")
