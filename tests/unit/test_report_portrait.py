"""What a recording tells of the cluster and of its course, from literal timelines."""

from __future__ import annotations

from typing import Any

import pytest

from observer.model.recording import Recording
from reports.analysis.analyze import analyze
from reports.facts import checking, course, dashboards, lagging, loaded, portrait, recorded
from reports.facts.returns import ReturnFact, returns_of
from reports.render.language import language
from reports.text import boards, queries
from tests.unit.recordings import event, fail, ns, ok, recording_of, unknown

B = [{"application_name": "b", "state": "streaming"}]


def told(*events: Any, until_s: float = 120) -> Recording:
    return recording_of(events, until_s=until_s)


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


def check(at_s: float, status: str, check_status: str, ms: int | None, subject: str = "primary/a", **more: Any) -> Any:
    detail = {"status": status, "check_status": check_status, "check_duration_ms": ms, "page": "p", **more}
    kind = "route.down" if status == "DOWN" else "route.changed"
    return event(at_s, "haproxy", kind, subject, **detail)


def frozen() -> list[Any]:
    """The checks of a frozen server: the first connects and hangs, the others do not connect."""
    return [
        check(20, "UP 2/3", "L7TOUT", 5001),
        check(26, "UP 1/3", "L4TOUT", 3001),
        check(32.1, "DOWN", "L4TOUT", 3000),
    ]


def test_the_longest_check_of_each_kind_of_timeout_is_told_with_its_row() -> None:
    found = checking.timeouts_of(told(*frozen(), check(40, "DOWN", "L4CON", 0)))
    assert {status: (moment["ms"], moment["event_ids"]) for status, moment in found.items()} == {
        "L7TOUT": (5001, [1]),
        "L4TOUT": (3001, [2]),
    }


def test_the_pause_between_two_checks_in_a_row_is_the_time_between_them_without_the_second_check() -> None:
    found = checking.pauses_of(told(*frozen()))
    assert found is not None and found["count"] == 2
    assert (found["shortest"]["ms"], found["shortest"]["event_ids"]) == (2999, [1, 2])
    assert (found["longest"]["ms"], found["longest"]["event_ids"]) == (3100, [2, 3])


def test_checks_that_may_not_be_neighbours_tell_no_pause() -> None:
    first, second, _ = frozen()
    started = check(20, "UP 1/3", "INI", None)
    assert checking.pauses_of(told(started, check(20.5, "DOWN", "L7STS", 2))) is None  # no check was before that one
    assert checking.pauses_of(told(first, event(23, "haproxy", "source.blind", "p", how="refused"), second)) is None
    assert checking.pauses_of(told(first, check(26, "UP", "L7OK", 2))) is None


def test_a_server_lingers_from_the_first_look_that_it_did_not_answer() -> None:
    silent = event(14.5, "postgres", "source.blind", "a", how="silent", since_ns=ns(13.5))
    up = event(1, "haproxy", "route.up", "primary/a", status="UP", page="p")
    answered = event(1, "postgres", "member.changed", "a", in_recovery=False)
    [found] = checking.lingering_of(told(answered, up, silent, *frozen()))
    assert (found["subject"], found["seconds"]) == ("primary/a", pytest.approx(32.1 - 13.5))
    page_away = event(30, "haproxy", "source.blind", "p", how="refused")
    assert checking.lingering_of(told(answered, up, silent, page_away, *frozen())) == []


def test_a_dead_server_stays_up_for_fall_pauses_and_fall_checks() -> None:
    assert checking.longest_up_s(3, 3000, [5000, 3000]) == 20
    assert checking.longest_up_s(3, 3000, [3000]) == 18


def test_lag_is_told_in_bytes_by_the_primary_and_in_seconds_by_the_replica_from_the_first_operation_on() -> None:
    samples = [
        event(at_s, "postgres", "replication.sampled", "a", lag_bytes={"b": lag})
        for at_s, lag in ((1, 5000), (2, 900), (3, 0), (4, -5))
    ]
    own = [event(at_s, "postgres", "replication.sampled", "b", lag_s=lag) for at_s, lag in ((2, 0.0), (3, 1.5))]
    streams = event(0.5, "patroni", "member.changed", "a", role="primary", timeline=1, state="running", replication=B)
    given = recording_of([streams, *samples, *own], [ok(1.5), ok(2.5)], until_s=9)
    in_bytes, in_seconds = lagging.lags_of(given)
    assert (in_bytes["member"], in_bytes["samples"], in_bytes["worst"], in_bytes["worst_at_s"]) == ("b", 3, 900, 2.0)
    assert (in_seconds["unit"], in_seconds["samples"], in_seconds["worst"]) == ("seconds", 2, 1.5)


def test_the_age_of_the_last_transaction_of_a_replica_that_does_not_follow_the_leader_is_no_lag() -> None:
    def sample(at_s: float, lag: float) -> Any:
        return event(at_s, "postgres", "replication.sampled", "b", in_recovery=True, lag_s=lag)

    given = recording_of(
        [
            event(1, "postgres", "member.changed", "b", in_recovery=False, timeline=3),
            event(9, "postgres", "member.changed", "a", in_recovery=False, timeline=4),
            event(20, "postgres", "member.changed", "b", in_recovery=True, timeline=3),
            sample(20, 1.5),  # on the history that it had as a leader
            event(22, "postgres", "member.changed", "b", in_recovery=True, timeline=4),
            sample(30, 0.1),
            event(31, "postgres", "member.changed", "b", in_recovery=True, timeline=None),
            sample(40, 7.0),  # it receives nothing
        ],
        [ok(1.5)],
        until_s=50,
    )
    [fact] = lagging.lags_of(given)
    assert (fact["samples"], fact["worst"]) == (1, 0.1)
    assert lagging.apart_of(given) == [e.id for e in given.events if e.detail.get("lag_s") in (1.5, 7.0)]


def test_a_replica_that_is_not_told_its_timeline_follows_by_the_word_of_its_primary() -> None:
    waits = event(1, "patroni", "member.changed", "a", role="primary", state="running", timeline=1, replication=[])
    streams = event(5, "patroni", "member.changed", "a", role="primary", state="running", timeline=1, replication=B)
    own = [event(at_s, "postgres", "replication.sampled", "b", lag_s=float(at_s)) for at_s in (3, 6)]
    assert [fact["worst"] for fact in lagging.lags_of(told(waits, streams, *own))] == [6.0]


def test_why_operations_failed_is_counted_by_what_they_met_and_where() -> None:
    met = {"stage": "answer", "sqlstate": "25006", "message": "read-only"}
    given = recording_of([], [ok(1), fail(2, **met), fail(3, **met), unknown(5, server="a")])
    assert [(f["outcome"], f["sqlstate"], f["server"], f["operations"]) for f in loaded.failures_of(given)] == [
        ("fail", "25006", None, 2),
        ("unknown", None, "a", 1),
    ]
    [fact] = loaded.read_only_of(given, ())
    nobody: dict[str, Any] = {"replicas": [], "beside": [], "sole": {}, "set_so": 0, "event_ids": []}
    assert fact == {"incident": None, "operations": 2, **nobody}


def test_a_read_only_server_is_named_where_the_leaders_pool_showed_it_up_as_a_replica() -> None:
    leads = event(1, "postgres", "member.changed", "a", in_recovery=False)
    demoted = event(10, "postgres", "member.changed", "a", in_recovery=True)
    up = event(1, "haproxy", "route.up", "primary/a", pool="primary", server="a", status="UP")
    met = [fail(at_s, stage="answer", sqlstate="25006") for at_s in (9, 11)]
    given = recording_of([event(0.5, "etcd", "leader.seen", "a"), leads, up, demoted], met)
    [fact] = loaded.read_only_of(given, ())
    assert (fact["operations"], fact["replicas"]) == (2, ["a"])
    assert fact["event_ids"] == [e.id for e in given.events if e.kind == "route.up" or e.by_ns == ns(10)]


def refused_beside(*others: Any) -> loaded.ReadOnlyFact:
    """A write met a server that takes none, 5 s after the looks saw that server a, UP for writes, was a replica."""
    made = [
        event(0.5, "etcd", "leader.seen", "a"),
        event(1, "postgres", "member.changed", "a", in_recovery=False),
        event(1, "haproxy", "route.up", "primary/a", pool="primary", server="a", status="UP"),
        event(10, "postgres", "member.changed", "a", in_recovery=True),
        *others,
    ]
    met = [fail(15, stage="answer", sqlstate="25006")]
    [fact] = loaded.read_only_of(recording_of(made, met, settings={"haproxy": {"primary": "primary"}}), ())
    return fact


def test_a_refused_write_is_a_servers_only_where_it_alone_was_up_and_the_page_was_seen() -> None:
    assert refused_beside()["sole"] == {"a": 1}
    beside = event(12, "haproxy", "route.up", "primary/b", pool="primary", server="b", status="UP")
    assert (refused_beside(beside)["sole"], refused_beside(beside)["beside"]) == ({}, ["b"])
    blind = event(12, "haproxy", "source.blind", "p", how="refused")
    assert refused_beside(blind)["sole"] == {}


def test_a_write_that_a_primary_refused_was_forbidden_by_its_own_setting() -> None:
    back = event(11, "postgres", "member.changed", "a", in_recovery=False)
    assert (refused_beside()["set_so"], refused_beside(back)["set_so"]) == (0, 1)
    soon = event(14.5, "postgres", "member.changed", "a", in_recovery=False)
    assert refused_beside(soon)["set_so"] == 0  # a look may be late


def test_the_etcd_member_that_led_is_marked_and_what_watches_is_listed_beside_the_parts() -> None:
    settings = {
        "etcd": {"endpoints": ["127.0.0.1:1", "127.0.0.1:2"]},
        "prometheus": {"url": "http://127.0.0.1:9090"},
        "metrics": {"listen": "0.0.0.0:9464"},
    }
    seen = [
        event(1, "etcd", "versions.captured", f"127.0.0.1:{n}", name=f"etcd{n}", leads=n == 2, etcd="3.5")
        for n in (1, 2)
    ]
    given = recording_of(seen, settings=settings)
    assert [(part["name"], part["led_utc"] is not None) for part in portrait.parts_of(given)] == [
        ("etcd1", False),
        ("etcd2", True),
    ]
    assert [(part["kind"], part["outside"]) for part in portrait.watchers_of(given)] == [
        ("prometheus", ["127.0.0.1:9090"]),
        ("observer", ["0.0.0.0:9464"]),
    ]


def test_settings_and_versions_name_the_rows_that_told_them() -> None:
    config = {"ttl": 30, "loop_wait": 10}
    given = told(
        event(1, "etcd", "config.changed", "demo", config=config),
        event(2, "haproxy", "versions.captured", "p", haproxy="3.0"),
        event(3, "haproxy", "versions.captured", "p", haproxy="3.0"),
    )
    fact = recorded.recording_facts(given, analyze(given))
    assert (fact["live_id"], fact["versions"]["haproxy"], fact["version_ids"]["haproxy"]) == (1, "3.0", [2])


def test_a_port_is_asked_by_the_command_of_its_own_connection_string() -> None:
    for dsn in ("host=db port=5001 user=app dbname=shop", "postgresql://app:***@db:5001/shop"):
        command = portrait.psql_of({"traffic": {"write": dsn}}, "write", "select 1")
        assert command == 'psql -h db -p 5001 -U app -d shop -c "select 1"'
    assert portrait.psql_of({}, "write", "select 1") is None


def test_a_ready_query_is_one_argument_of_the_shell() -> None:
    fact = recorded.recording_facts(told(event(1, "etcd", "leader.seen", "a")), analyze(told()))
    commands = [*queries.load(fact), *queries.reads(1), *queries.durability([fact]), queries.blindness(fact)]
    assert all(command.count('"') == 2 and "\n" not in command for command in commands)


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


def killed(*more: Any) -> Recording:
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


def returned(made: Recording) -> ReturnFact:
    found = analyze(made)
    [fact] = returns_of(made, found.incidents[0], ns(120))
    return fact


def test_a_node_is_back_when_it_answers_and_streams_when_its_primary_says_so() -> None:
    fact = returned(killed())
    began_s = analyze(killed()).incidents[0].began_ns / 1e9
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
    [incident] = analyze(made).incidents
    assert incident.cause == "etcd.member_down"
    assert course.led_etcd(made, incident) is led


def recorded_with(captures: Any, *silent: Any) -> Any:
    etcd: Any = [{"name": f"etcd{n}", "kind": "etcd", "outside": [f"h:{n}"]} for n in (1, 2, 3)]
    return {"dashboards": captures, "blindness": list(silent), "parts": etcd}


@pytest.mark.parametrize(("silent", "said"), [((1, 2), True), ((1,), False), ((1, 9), False)])
def test_why_a_panel_was_empty_is_said_where_the_recording_tells(silent: tuple[int, ...], said: bool) -> None:
    def shown(row: int, from_s: int, to_s: int, *empty: str) -> Any:
        names = ("Round trip between members, 99th percentile", "Bytes")
        panels = [{"board": "HAProxy and etcd", "panel": name, "data": name not in empty} for name in names]
        return event(row, "prometheus", "dashboards.captured", "p", from_ns=ns(from_s), to_ns=ns(to_s), panels=panels)

    empty = "Round trip between members, 99th percentile"
    captures = dashboards.shown(told(shown(60, 10, 20), shown(61, 30, 40, empty), shown(90, 0, 90)))
    spells = [
        {"source": "etcd", "subject": f"h:{n}", "from_s": 30.4, "to_s": None, "how": "refused", "event_id": n}
        for n in silent
    ]
    [text] = boards.emptied(recorded_with(captures, *spells), language("en"))
    assert ("no two members of etcd answered (`events` 1, 2)" in text) is said


def test_panels_of_what_the_judge_says_are_empty_until_it_spoke() -> None:
    def shown(row: int, from_s: int, to_s: int, data: bool) -> Any:
        panels = [{"board": "Observer", "panel": "Writes lost", "data": data}]
        return event(row, "prometheus", "dashboards.captured", "p", from_ns=ns(from_s), to_ns=ns(to_s), panels=panels)

    captures = dashboards.shown(told(shown(60, 10, 20, False), shown(90, 0, 90, True)))
    [text] = boards.emptied(recorded_with(captures), language("en"))
    assert text.endswith("observer counts an incident, and what it lost, only once it has judged it (Writes lost).")


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
    assert "| HAProxy | 2 / 3 | Queue |" in boards.whole(captures, language("en"))
    [said] = boards.emptied(recorded_with(captures), language("en"))
    assert said.startswith("From 10.0\u00a0s to 20.0\u00a0s these panels had no data yet: HAProxy: Bytes")


def test_a_panel_that_lost_its_data_is_told_from_one_that_had_none_yet() -> None:
    def captured(from_s: int, to_s: int, *empty: str) -> Any:
        panels = [{"board": "B", "panel": name, "data": name not in empty} for name in ("Lost", "Lag")]
        return event(to_s, "prometheus", "dashboards.captured", "p", from_ns=ns(from_s), to_ns=ns(to_s), panels=panels)

    spans = (captured(10, 20, "Lost"), captured(30, 40), captured(50, 60, "Lost", "Lag"), captured(0, 90))
    said = boards.emptied(recorded_with(dashboards.shown(told(*spans))), language("ru"))
    assert [text.split(" (")[0].replace("\u00a0", " ") for text in said] == [
        "С 10,0 с по 20,0 с данных ещё не было: B: Lost",
        "С 50,0 с по 60,0 с данных больше не было: B: Lost, B: Lag",
    ]


def test_of_an_incident_that_was_asked_for_again_the_later_capture_stands() -> None:
    def captured(row: int, from_s: float, to_s: float) -> Any:
        return event(row, "prometheus", "dashboards.captured", "p", from_ns=ns(from_s), to_ns=ns(to_s), panels=[])

    found = dashboards.shown(told(captured(61, 10, 20), captured(62, 10.2, 55), captured(63, 0, 90)))
    assert [(capture["from_s"], capture["to_s"]) for capture in found] == [(0.0, 90.0), (10.2, 55.0)]


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


def test_a_node_has_caught_up_when_it_replayed_all_and_when_its_primary_finds_it_no_byte_behind() -> None:
    def sampled(at_s: float, subject: str, **detail: Any) -> Any:
        return event(at_s, "postgres", "replication.sampled", subject, **detail)

    made = killed()
    later = [
        sampled(53, "a", in_recovery=True, lsn=9, replay_lsn=8, lag_s=0.1),
        sampled(54, "a", in_recovery=True, lsn=9, replay_lsn=9, lag_s=0.0),
        sampled(55, "b", in_recovery=False, lsn=9, lag_bytes={"a": 8}),
        sampled(56, "b", in_recovery=False, lsn=9, lag_bytes={"a": 0}),
    ]
    fact = returned(told(*made.events, *later))
    began_s = analyze(made).incidents[0].began_ns / 1e9
    assert fact["replayed"] is not None and fact["replayed"]["seconds"] == pytest.approx(54 - began_s)
    assert fact["level"] is not None and fact["level"]["seconds"] == pytest.approx(56 - began_s)
    assert (returned(made)["replayed"], returned(made)["level"]) == (None, None)


def test_a_history_that_went_past_the_fork_is_quoted_from_the_nodes_log() -> None:
    line = event(44, "log", "log.told", "a", says="diverged", text="new timeline 2 forked off", code="0")
    fact = returned(killed(line, event(45, "log", "log.told", "a", says="rewind_ended", code="0")))
    assert fact["diverged"] is not None and fact["diverged"]["text"] == "new timeline 2 forked off"
