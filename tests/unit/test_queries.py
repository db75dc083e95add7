"""The ready queries of the report, asked of the homework's recording: each gives the numbers it stands beneath."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from observer.commands.reporting import facts
from observer.store import Reader
from observer.store.packed import unpacked
from reports.text import queries, recounts
from reports.text.old_facts import Facts, RecordingFact

RECORDING = Path(__file__).parents[2] / "hw3" / "observer.db.xz"


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


def rows(reader: Reader, command: str) -> list[tuple[Any, ...]]:
    """What the shell would hand to `observer query`."""
    assert command.startswith('observer query "') and command.endswith('"')
    return [tuple(row) for row in reader.query(command.removeprefix('observer query "')[:-1])[1]]


def test_operations_and_their_failures_add_up(reader: Reader, recording: RecordingFact) -> None:
    by_outcome, by_message, by_server, *_ = (rows(reader, command) for command in queries.load(recording))
    told = {total["action"]: (total["ok"], total["failed"], total["unknown"]) for total in recording["totals"]}
    counts = {(action, outcome): n for action, outcome, n in by_outcome}
    for action, expected in told.items():
        assert tuple(counts.get((action, outcome), 0) for outcome in ("ok", "fail", "unknown")) == expected
    failures = sum(fact["operations"] for fact in recording["failures"])
    assert failures == sum(row[-1] for row in by_message) == sum(row[-1] for row in by_server)
    assert failures == sum(failed + unknown for _, failed, unknown in told.values())


def test_the_baseline_is_counted_anew(reader: Reader, recording: RecordingFact) -> None:
    asked = {row[:2]: row[3:] for row in rows(reader, queries.load(recording)[4]) if row[2] == "ok"}
    for calm in recording["baseline"]:
        expected = tuple(calm[key] for key in ("operations", "rate_per_s", "p50_ms", "p95_ms", "p99_ms", "max_ms"))  # type: ignore[literal-required]
        assert asked[calm["action"], calm["probe"]] == pytest.approx(expected, abs=0.001)


def test_lags_are_counted_anew(reader: Reader, recording: RecordingFact) -> None:
    sampled = [
        (member, lag_s) for _, _, member, _, lag_s in rows(reader, queries.load(recording)[5]) if lag_s is not None
    ]
    for lag in (lag for lag in recording["lags"] if lag["unit"] == "seconds"):
        own = [lag_s for member, lag_s in sampled if member == lag["member"]]
        assert (len(own), max(own)) == (lag["samples"], lag["worst"])


def test_ports_and_read_only_writes_are_counted_anew(reader: Reader, recording: RecordingFact) -> None:
    served = sum(one["operations"] for one in recording["served"])
    assert served == sum(row[-1] for row in rows(reader, queries.ports(recording)))
    told = [(fact["incident"], fact["operations"]) for fact in recording["read_only"]]
    assert rows(reader, queries.read_only(recording)) == told


def test_reads_by_role_and_pauses_of_checks_are_counted_anew(reader: Reader, recording: RecordingFact) -> None:
    told: dict[tuple[str, int], int] = {}
    for one in (one for one in recording["served"] if one["action"] == "read"):
        key = (one["probe"], int(bool(one["in_recovery"])))
        told[key] = told.get(key, 0) + one["operations"]
    assert {row[:2]: row[2] for row in rows(reader, queries.reads_by_role(recording))} == told
    pauses = recording["checks"]["pauses"]
    assert pauses is not None
    measured = [(row[3], [row[1], row[2]]) for row in rows(reader, queries.pauses(recording))]
    assert len(measured) == pauses["count"]
    for at, key in ((0, "shortest"), (len(measured) // 2, "median"), (-1, "longest")):
        moment = pauses[key]  # type: ignore[literal-required]
        assert (round(measured[at][0], 3), measured[at][1]) == (moment["ms"], moment["event_ids"])


def test_what_looks_could_not_see_has_its_rows(reader: Reader, document: Facts) -> None:
    fact = document["consistency"]
    told = {row[0] for command in queries.consistency(fact) for row in rows(reader, command)}
    assert told >= {row for one in fact["hidden"] for row in one["event_ids"]}
    assert told >= {one["event_id"] for one in fact["forks"]}


def test_durability_is_counted_anew(reader: Reader, recording: RecordingFact, document: Facts) -> None:
    [command] = queries.durability([recording])
    counts = {outcome: (n, present, absent, rest) for outcome, n, present, absent, rest in rows(reader, command)}
    fact = document["durability"]
    assert counts["ok"] == (fact["acknowledged"], fact["audited"], fact["lost"], fact["unaudited"])
    assert counts["unknown"][:2] == (fact["unknown"], fact["unknown_took_effect"])
    assert counts["fail"][1] == fact["failed_but_present"]


def test_what_reads_saw_is_counted_anew(reader: Reader, document: Facts) -> None:
    [seen] = document["consistency"]["reads"]
    by_server, behind, back, lost = (rows(reader, command) for command in queries.reads(seen["recording"]))
    told = {
        (int(one["role"] == "replica"), one["server"]): (one["reads"], one["behind"])
        for one in seen["staleness"]
        if one["server"] is not None
    }
    assert {row[:2]: row[2:] for row in by_server} == told
    worst = max(one["writes"]["max"] for one in seen["staleness"])
    worst_s = max(one["behind_s"]["max"] for one in seen["staleness"])
    assert (max(row[2] for row in behind), max(row[3] for row in behind)) == (worst, pytest.approx(worst_s, abs=1e-6))
    counts = [0 if one is None else one["count"] for one in (seen["back_same_server"], seen["back_other_server"])]
    assert (len(back), len(lost)) == (sum(counts), sum(one["reads"] for one in seen["read_then_lost"] or ()))


def test_the_counts_of_every_incident_are_counted_anew(reader: Reader, document: Facts) -> None:
    [command] = recounts.outcomes(document["recordings"])
    counted = {row[:3]: row[3] for row in rows(reader, command)}
    keys = (("ok", "ok"), ("fail", "failed"), ("unknown", "unknown"))
    told = {
        (incident["number"], action, outcome): incident[action][key]  # type: ignore[literal-required]
        for incident in document["incidents"]
        for action in ("write", "read")
        for outcome, key in keys
    }
    assert counted == {key: n for key, n in told.items() if n}


def test_the_comparison_is_counted_anew(reader: Reader, document: Facts) -> None:
    [command] = recounts.compared(document["recordings"])
    found = rows(reader, command)
    assert {(n, lost) for n, _, _, lost, *_ in found} == {
        (incident["number"], incident["lost_writes"]) for incident in document["incidents"]
    }
    assert {probe for *_, probe, _, _ in found} >= {"all", "fresh"}
    for number, cause, _, _, action, probe, seconds, is_open in found:
        incident = document["incidents"][number - 1]
        cost = incident["read" if action == "read" else "write"]
        told = (cost["fresh_outage_s"], cost["fresh_open"]) if probe == "fresh" else (cost["outage_s"], cost["open"])
        assert (incident["cause"], *told) == (cause, pytest.approx(seconds or 0.0, abs=0.001), bool(is_open))


def test_reads_of_leaders_are_timed_anew(reader: Reader, recording: RecordingFact) -> None:
    [command] = recounts.turned(recording)
    late = rows(reader, command)
    turned = recording["turned"]
    assert turned is not None
    read, _, event, seconds = late[0]
    assert (read, event, seconds) == (turned["operation_id"], turned["event_id"], pytest.approx(turned["seconds"]))
    fresh = [s for s in recording["served"] if (s["action"], s["probe"], s["in_recovery"]) == ("read", "fresh", False)]
    assert len(late) == sum(s["operations"] for s in fresh)


def test_where_leaders_began_to_serve_kept_reads_is_found_anew(reader: Reader, recording: RecordingFact) -> None:
    [command] = recounts.kept(recording)
    found = {(before, row): (was, server, role) for row, _, server, role, before, was, _ in rows(reader, command)}
    assert recording["kept_led"]
    for pair in map(tuple, recording["kept_led"]):
        was, server, in_recovery = found[pair]
        assert (was, in_recovery) == (server, 0)


def test_panels_and_their_curves_are_counted_anew(reader: Reader, recording: RecordingFact) -> None:
    whole = recording["dashboards"][0]["boards"]
    [command] = recounts.boards(recording)
    told = {board["board"]: (board["panels"] - len(board["empty"]), board["panels"]) for board in whole}
    assert {board: (with_data, n) for board, with_data, n in rows(reader, command)} == told
    [command] = recounts.curves(recording)
    found = {(row, board, panel): n for row, _, _, board, panel, n in rows(reader, command)}
    for capture in recording["dashboards"]:
        for board in capture["boards"]:
            for panel, n in board["series"].items():
                assert found[capture["event_id"], board["board"], panel] == n


def test_the_other_queries_answer(reader: Reader, recording: RecordingFact) -> None:
    others = [queries.of_recording, queries.leaders, queries.blindness]
    for command in (*(query(recording) for query in others), *queries.roles([recording]), *queries.proxy(recording)):
        assert rows(reader, command)
    assert len(rows(reader, queries.notes(recording))) == len(recording["notes"])
