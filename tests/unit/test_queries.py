"""The verification queries of the report, run on the homework's recording: each gives the numbers it stands beneath."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from observer.commands.reporting import facts
from observer.store import Reader
from observer.store.packed import unpacked
from reports.facts.shape import Facts, RecordingFact
from reports.report import render
from reports.text import queries

RECORDING = Path(__file__).parents[2] / "hw3" / "observer.db.xz"
ONE_LINE = 110
Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def document() -> Facts:
    return facts(RECORDING, None)


@pytest.fixture(scope="module")
def recording(document: Facts) -> RecordingFact:
    return document["recordings"][0]


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    with unpacked(RECORDING) as plain, Reader(plain) as opened:
        yield opened


def rows(reader: Reader, command: str) -> Rows:
    """What the shell would hand to `observer query`."""
    assert command.startswith('observer query "') and command.endswith('"')
    columns, found = reader.query(command.removeprefix('observer query "')[:-1])
    return [dict(zip(columns, row, strict=True)) for row in found]


def summed(rows: Rows, keys: tuple[str, ...], number: str = "operations") -> dict[tuple[Any, ...], int]:
    found: dict[tuple[Any, ...], int] = {}
    for row in rows:
        key = tuple(row[name] for name in keys)
        found[key] = found.get(key, 0) + row[number]
    return found


def test_every_query_of_the_document_fits_one_line_and_gives_an_answer(reader: Reader, document: Facts) -> None:
    text = render(document, "en", "homework")
    commands = {found for found in re.findall(r'observer query "[^"]*"', text) if "..." not in found}
    # Lists of rows may be as long as the evidence, and reads that were due in a period are named to the nanosecond.
    listed = {command for command in commands if " id in (" in command or "due_ns" in command}
    assert len(commands) > 40
    assert [command for command in commands - listed if len(command) > ONE_LINE] == []
    for command in commands:
        rows(reader, command)


def test_operations_and_their_failures_add_up(reader: Reader, recording: RecordingFact) -> None:
    totals, failed, *_ = (rows(reader, command) for command in queries.load(recording))
    told = {total["action"]: (total["ok"], total["failed"], total["unknown"]) for total in recording["totals"]}
    counts = {(row["action"], row["outcome"]): row["count(*)"] for row in totals}
    for action, expected in told.items():
        assert tuple(counts.get((action, outcome), 0) for outcome in ("ok", "fail", "unknown")) == expected
    keys = ("action", "outcome", "stage", "sqlstate", "message", "server")
    facts = {tuple(fact[key] for key in keys): fact["operations"] for fact in recording["failures"]}  # type: ignore[literal-required]
    assert summed(failed, keys) == facts
    assert sum(facts.values()) == sum(failed + unknown for _, failed, unknown in told.values())


def test_lags_are_those_of_the_samples(reader: Reader, recording: RecordingFact) -> None:
    sampled = rows(reader, queries.load(recording)[3])
    for lag in recording["lags"]:
        column = "lag_s" if lag["unit"] == "seconds" else "lag_bytes"
        own = [row for row in sampled if row["member"] == lag["member"] and row["at_s"] >= lag["from_s"]]
        own = [row for row in own if column == "lag_bytes" or row["id"] not in recording["lags_apart"]]
        values = [row[column] for row in own if row[column] is not None]
        assert (len(values), max(values)) == (lag["samples"], lag["worst"])


def test_servers_and_read_only_writes_are_counted(reader: Reader, recording: RecordingFact) -> None:
    served, refused, *_ = (rows(reader, command) for command in queries.proxy(recording))
    by_server: dict[tuple[Any, ...], dict[str, int]] = {}
    for one in recording["served"]:
        own = by_server.setdefault((one["action"], one["server"], one["in_recovery"]), {"kept": 0, "fresh": 0})
        own[one["probe"]] += one["operations"]
    found = {(row["action"], row["server"], bool(row["in_recovery"])): row for row in served}
    assert {key: {probe: row[probe] for probe in ("kept", "fresh")} for key, row in found.items()} == by_server
    assert all(row["operations"] == row["kept"] + row["fresh"] for row in served)
    told = {(fact["incident"],): fact["operations"] for fact in recording["read_only"]}
    assert summed([row for row in refused if row["action"] == "write"], ("incident",)) == told


def test_pauses_between_checks_are_measured(reader: Reader, recording: RecordingFact) -> None:
    pauses = recording["checks"]["pauses"]
    assert pauses is not None
    measured = sorted(rows(reader, queries.proxy(recording)[2]), key=lambda row: row["pause_ms"])
    assert len(measured) == pauses["count"]
    for at, key in ((0, "shortest"), (len(measured) // 2, "median"), (-1, "longest")):
        moment, row = pauses[key], measured[at]  # type: ignore[literal-required]
        assert (row["pause_ms"], [row["before_id"], row["id"]]) == (moment["ms"], moment["event_ids"])


def test_the_rows_of_hidden_changes_and_forks_are_listed(reader: Reader, document: Facts) -> None:
    fact = document["consistency"]
    told = {row["id"] for command in queries.consistency(fact) for row in rows(reader, command)}
    assert told >= {row for one in fact["hidden"] for row in one["event_ids"]}
    assert told >= {one["event_id"] for one in fact["forks"]}


def test_durability_is_counted(reader: Reader, recording: RecordingFact, document: Facts) -> None:
    [command] = queries.durability([recording])
    counts = {row["outcome"]: row for row in rows(reader, command)}
    fact, ok = document["durability"], counts["ok"]
    expected = (fact["acknowledged"], fact["audited"], fact["lost"], fact["unaudited"])
    assert (ok["writes"], ok["present"], ok["absent"], ok["not_read_back"]) == expected
    unknown = counts["unknown"]
    assert (unknown["writes"], unknown["present"]) == (fact["unknown"], fact["unknown_took_effect"])
    assert counts["fail"]["present"] == fact["failed_but_present"]


def test_what_reads_returned_is_counted(reader: Reader, document: Facts) -> None:
    [seen] = document["consistency"]["reads"]
    by_server, behind, back, lost = (rows(reader, command) for command in queries.reads(seen["recording"]))
    told = {
        (int(one["role"] == "replica"), one["server"]): one["behind"]
        for one in seen["staleness"]
        if one["server"] is not None
    }
    assert {(row["in_recovery"], row["server"]): row["sum(behind)"] for row in by_server} == told
    worst = max(one["writes"]["max"] for one in seen["staleness"])
    worst_s = max(one["behind_s"]["max"] for one in seen["staleness"])
    assert max(row["writes_behind"] for row in behind) == worst
    assert max(row["seconds_behind"] for row in behind) == pytest.approx(worst_s, abs=1e-6)
    counts = [0 if one is None else one["count"] for one in (seen["back_same_server"], seen["back_other_server"])]
    assert (len(back), len(lost)) == (sum(counts), sum(one["reads"] for one in seen["read_then_lost"] or ()))


def test_the_operations_of_every_incident_are_counted(reader: Reader, document: Facts) -> None:
    [command] = queries.outcomes(document["recordings"])
    counted = summed(rows(reader, command), ("incident", "action", "outcome"))
    keys = (("ok", "ok"), ("fail", "failed"), ("unknown", "unknown"))
    told = {
        (incident["number"], action, outcome): incident[action][key]  # type: ignore[literal-required]
        for incident in document["incidents"]
        for action in ("write", "read")
        for outcome, key in keys
    }
    assert counted == {key: n for key, n in told.items() if n}


def test_reads_on_new_connections_of_an_incident_are_counted(reader: Reader, document: Facts) -> None:
    checked = 0
    for incident in document["incidents"]:
        unlucky = incident["testimony"]["unlucky_reads"]
        if unlucky is not None:
            found = rows(reader, queries.incident_operations(1, incident["number"]))
            own = [row for row in found if row["action"] == "read"]
            failed = sum(row["fresh"] for row in own if row["outcome"] != "ok")
            assert (failed, sum(row["fresh"] for row in own)) == (unlucky["fresh"], unlucky["tried"])
            checked += 1
    assert checked > 3


def test_the_operations_while_an_endpoint_of_etcd_was_away_are_counted(reader: Reader, document: Facts) -> None:
    away = [one for incident in document["incidents"] for one in incident["testimony"]["etcd_away"]]
    assert away
    for one in away:
        assert one["blind_id"] is not None
        [row] = rows(reader, queries.meanwhile(one["blind_id"]))
        assert {key: row[key] for key in ("sees_id", "writes", "reads", "failed")} == {
            key: one[key]  # type: ignore[literal-required]
            for key in ("sees_id", "writes", "reads", "failed")
        }


def test_unreachable_periods_are_those_of_the_report(reader: Reader, recording: RecordingFact) -> None:
    found = rows(reader, queries.unreachable(recording))
    told = sorted((one["source"], one["subject"], one["from_s"], one["to_s"]) for one in recording["blindness"])
    at = [[None if row[key] is None else round(row[key] / 1e9, 6) for key in ("from_ns", "to_ns")] for row in found]
    assert sorted((row["source"], row["subject"], *pair) for row, pair in zip(found, at, strict=True)) == told


def test_the_comparison_of_incidents_is_that_of_the_tables(reader: Reader, document: Facts) -> None:
    found, on_new = (rows(reader, command) for command in queries.compared(document["recordings"]))
    assert len(found) == len(document["incidents"])
    for row, incident in zip(found, document["incidents"], strict=True):
        assert (row["number"], row["cause"], row["lost_writes"]) == tuple(
            incident[key]  # type: ignore[literal-required]
            for key in ("number", "cause", "lost_writes")
        )
        for action in ("write", "read"):
            cost = incident[action]  # type: ignore[literal-required]
            assert row[f"{action}_outage_s"] == pytest.approx(cost["outage_s"], abs=0.001)
            assert row[f"{action}_open"] == cost["open"]
            own = [one for one in on_new if (one["incident"], one["action"]) == (row["number"], action)]
            assert sum(one["seconds"] for one in own) == pytest.approx(cost["fresh_outage_s"], abs=0.001)


def test_the_last_read_that_a_new_leader_served_has_both_of_its_rows(reader: Reader, recording: RecordingFact) -> None:
    turned = recording["turned"]
    assert turned is not None
    [[event], [operation]] = (rows(reader, command) for command in queries.proxy(recording) if "where id = " in command)
    late_s = (operation["finished_ns"] - event["by_ns"]) / 1e9
    assert (operation["probe"], operation["in_recovery"], late_s) == ("fresh", 0, pytest.approx(turned["seconds"]))


def test_a_leader_that_began_to_serve_persistent_reads_is_a_switch(reader: Reader, recording: RecordingFact) -> None:
    found = {(row["before_id"], row["id"]): row for row in rows(reader, queries.proxy(recording)[-1])}
    assert recording["kept_led"]
    for pair in map(tuple, recording["kept_led"]):
        assert (found[pair]["server_before"], found[pair]["in_recovery"]) == (found[pair]["server"], 0)


def test_panels_and_their_series_are_counted(reader: Reader, recording: RecordingFact) -> None:
    whole = recording["dashboards"][0]["boards"]
    told = {board["board"]: (board["panels"] - len(board["empty"]), board["panels"]) for board in whole}
    found = rows(reader, queries.panels(recording))
    assert {row["board"]: (row["sum(data)"], row["count(*)"]) for row in found} == told
    series = {(row["id"], row["board"], row["panel"]): row["series"] for row in rows(reader, queries.series(recording))}
    for capture in recording["dashboards"]:
        for board in capture["boards"]:
            for panel, n in board["series"].items():
                assert series[capture["event_id"], board["board"], panel] == n


def test_no_line_of_a_log_reports_a_copy_that_the_report_denies(reader: Reader, recording: RecordingFact) -> None:
    text = render(facts(RECORDING, None), "en", "homework")
    denied = re.findall(r'observer query "[^"]*rebuilt_members[^"]*"', text)
    assert denied and all(rows(reader, command) == [] for command in denied)


def test_the_other_queries_answer(reader: Reader, recording: RecordingFact) -> None:
    for command in (queries.of_recording(recording), queries.leaders(recording), *queries.roles([recording])):
        assert rows(reader, command)
    assert len(rows(reader, queries.notes(recording))) == len(recording["notes"])
