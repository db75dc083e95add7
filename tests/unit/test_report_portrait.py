"""What a recording tells of the cluster and of its course, from literal timelines."""

from __future__ import annotations

from typing import Any

import pytest

from observer.timeline import Timeline
from reports import course, dashboards, portrait
from reports.analysis.judge import judge
from reports.language import language
from tests.unit.timelines import event, ns, timeline


def told(*events: Any, until_s: float = 120) -> Timeline:
    return timeline(events, until_s=until_s)


@pytest.mark.parametrize(
    ("dsn", "address"),
    [
        ("host=127.0.0.1 port=5001 user=postgres", "127.0.0.1:5001"),
        ("host=db dbname=x", "db:5432"),
        ("postgresql://u:p@proxy:6000/x", "proxy:6000"),
        ("dbname=x", None),
    ],
)
def test_the_address_of_a_connection_string(dsn: str, address: str | None) -> None:
    assert portrait.dsn_address(dsn) == address


def test_a_position_is_written_as_postgresql_writes_it() -> None:
    assert portrait.written_lsn(84137136) == "0/503D4B0"
    assert portrait.written_lsn((5 << 32) + 255) == "5/FF"


def test_how_the_proxy_checks_is_what_its_stats_tell() -> None:
    rows = [{"pool": "primary", "server": "a", "check_rise": 2, "check_fall": 3}]
    found = portrait.proxy_of(told(event(1, "haproxy", "pools.captured", "url", pools=rows)))
    assert (found["rise"], found["fall"], found["inter_ms"]) == (2, 3, None)


def test_how_long_the_check_of_a_silent_server_hangs_is_the_longest_that_timed_out() -> None:
    rows = [
        event(at_s, "haproxy", "route.changed", "primary/a", check_status=status, check_duration_ms=ms)
        for at_s, status, ms in ((1, "L7TOUT", 5001), (2, "L4TOUT", 3000), (3, "L4TOUT", 3001), (4, "L4CON", 0))
    ]
    found = portrait.proxy_of(told(*rows))
    assert found["hang_ms"] == 3001 and found["hang_id"] is not None
    assert portrait.proxy_of(told(*rows[:1]))["hang_ms"] is None


def test_lag_is_the_primarys_word_with_its_worst_moment() -> None:
    samples = [
        event(at_s, "postgres", "replication.sampled", "a", lag_bytes={"b": lag})
        for at_s, lag in ((1, 0), (2, 900), (3, 0), (4, -5))
    ]
    [lag] = portrait.lags_of(told(*samples))
    assert (lag["member"], lag["samples"], lag["median_bytes"], lag["worst_bytes"], lag["worst_at_s"]) == (
        "b",
        4,
        0,
        900,
        2.0,
    )


def test_a_member_that_cannot_be_asked_is_away_and_what_it_was_when_it_answers_again() -> None:
    spans = course.roles_of(
        told(
            event(1, "postgres", "member.changed", "a", in_recovery=False),
            event(5, "postgres", "source.blind", "a", how="silent"),
            event(9, "postgres", "source.sees", "a", how="silent"),
            until_s=20,
        )
    )
    assert [(s["what"], s["from_s"], s["to_s"]) for s in spans] == [
        ("primary", 1, 5),
        ("away", 5, 9),
        ("primary", 9, 20),
    ]


def killed(*more: Any) -> Timeline:
    """Leader a dies at 10 s; b leads from 31 s; a is back at 50 s, and streams at 52 s."""
    streaming = {"application_name": "a", "state": "streaming"}
    return told(
        event(1, "etcd", "leader.seen", "a"),
        event(1, "postgres", "member.changed", "a", in_recovery=False, timeline=1),
        event(10, "postgres", "source.blind", "a", how="refused"),
        event(10.1, "patroni", "source.blind", "a", how="refused"),
        event(30, "etcd", "leader.lost", "a", revision=5),
        event(30, "etcd", "member.lost", "a", revision=5),
        event(31, "etcd", "leader.elected", "b", revision=6),
        event(31.5, "patroni", "member.changed", "b", role="primary", state="running", timeline=2, replication=[]),
        *more,
        event(50, "postgres", "source.sees", "a", how="refused"),
        event(50, "postgres", "member.changed", "a", in_recovery=True, timeline=2),
        event(52, "patroni", "member.changed", "b", role="primary", state="running", replication=[streaming]),
    )


def returned(made: Timeline) -> course.ReturnFact:
    found = judge(made)
    [fact] = course.returns_of(made, found.incidents[0], ns(120))
    return fact


def test_a_node_is_back_when_it_answers_and_streams_when_its_primary_says_so() -> None:
    fact = returned(killed())
    began_s = judge(killed()).incidents[0].began_ns / 1e9
    assert fact["answered_s"] == pytest.approx(50 - began_s)
    assert fact["streaming_s"] == pytest.approx(52 - began_s)
    assert (fact["member"], fact["role"], fact["timeline"], fact["how"]) == ("a", "replica", 2, None)


def test_how_it_came_back_is_what_its_log_says() -> None:
    assert returned(killed(event(45, "log", "log.told", "a", says="rewind_ended", code="0")))["how"] == "rewound"
    assert returned(killed(event(45, "log", "log.told", "a", says="was_interrupted")))["how"] == "plain"
    assert returned(killed(event(45, "log", "log.told", "c", says="rewind_ended")))["how"] is None


def test_a_pg_rewind_that_failed_did_not_bring_it_back() -> None:
    assert returned(killed(event(45, "log", "log.told", "a", says="rewind_ended", code="1")))["how"] == "plain"


@pytest.mark.parametrize(("before", "led"), [("127.0.0.1:23791", True), ("127.0.0.1:23792", False)])
def test_whether_the_etcd_that_died_led_is_known_by_the_election_after_it(before: str, led: bool) -> None:
    made = told(
        event(1, "etcd", "leader.seen", "a"),
        event(1, "etcd", "source.sees", "127.0.0.1:23791", how=None),
        event(10, "etcd", "source.blind", "127.0.0.1:23791", how="refused"),
        event(11, "etcd", "raft.elected", "etcd", leader="127.0.0.1:23793", term=3, before={"leader": before}),
    )
    [incident] = judge(made).incidents
    assert incident.cause == "etcd.member_down"
    assert course.led_etcd(made, incident) is led


def test_panels_without_data_are_named_over_the_run_and_in_an_incident() -> None:
    def panels(*empty: str) -> list[dict[str, Any]]:
        return [
            {"board": "HAProxy", "panel": name, "data": name not in empty} for name in ("Queue", "Up | for", "Bytes")
        ]

    captures = dashboards.shown(
        told(
            event(
                60,
                "prometheus",
                "dashboards.captured",
                "p",
                from_ns=ns(10),
                to_ns=ns(20),
                panels=panels("Queue", "Bytes"),
            ),
            event(90, "prometheus", "dashboards.captured", "p", from_ns=0, to_ns=ns(90), panels=panels("Queue")),
        )
    )
    assert "| HAProxy | 2 / 3 | Queue |" in dashboards.whole(captures, language("en"))
    [said] = dashboards.emptied(captures, language("en"))
    assert said.startswith("From 10.0\u00a0s to 20.0\u00a0s these had none so far: HAProxy: Bytes")


def test_a_panel_that_lost_its_data_is_told_from_one_that_had_none_yet() -> None:
    def captured(from_s: int, to_s: int, *empty: str) -> Any:
        panels = [{"board": "B", "panel": name, "data": name not in empty} for name in ("Lost", "Lag")]
        return event(to_s, "prometheus", "dashboards.captured", "p", from_ns=ns(from_s), to_ns=ns(to_s), panels=panels)

    spans = (captured(10, 20, "Lost"), captured(30, 40), captured(50, 60, "Lost", "Lag"), captured(0, 90))
    said = dashboards.emptied(dashboards.shown(told(*spans)), language("ru"))
    assert [text.split(" (")[0].replace("\u00a0", " ") for text in said] == [
        "С 10,0 с по 20,0 с были ещё пусты",
        "С 50,0 с по 60,0 с опустели: B: Lost, B: Lag",
    ]


def test_a_document_without_prometheus_says_that_panels_are_unknown() -> None:
    assert dashboards.shown(told(event(1, "etcd", "leader.seen", "a"))) == []


def test_a_proxy_is_full_from_the_look_that_saw_it_to_the_one_that_saw_room() -> None:
    [spell] = course.crowds_of(
        told(
            event(8, "haproxy", "proxy.full", "http://127.0.0.1:7001/", sessions=100, limit=100),
            event(30, "haproxy", "proxy.room", "http://127.0.0.1:7001/", sessions=4, limit=100),
        )
    )
    assert (spell["what"], spell["from_s"], spell["to_s"]) == ("100 / 100", 8.0, 30.0)


def test_a_proxy_that_was_never_full_has_no_such_spell() -> None:
    assert course.crowds_of(told(event(1, "etcd", "leader.seen", "a"))) == []
