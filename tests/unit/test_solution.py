"""hw3/HW_3_SOLUTION.md is what `observer report` makes of the recording beside it, picture for picture."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import pytest

from observer.commands import reporting
from observer.config.loading import load
from reports.analysis.results.whole import Results

HW3 = Path(__file__).parents[2] / "hw3"
SOLUTION, RECORDING, PICTURES = HW3 / "HW_3_SOLUTION.md", HW3 / "observer.db.xz", HW3 / "pictures"


@lru_cache
def results() -> Results:
    return reporting.results(RECORDING, None, load(HW3 / "observer.toml").objectives)


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A folder with the document and its pictures, made again."""
    settings = load(HW3 / "observer.toml").report
    assert settings.language is not None
    output = tmp_path / SOLUTION.name
    drawn = reporting.draw(results(), settings.language, tmp_path / "pictures", output)
    reporting.write(output, reporting.text(results(), "md", settings.language, settings.profile, drawn))
    return tmp_path


def test_the_document_is_made_again_to_the_byte(made: Path) -> None:
    assert (made / SOLUTION.name).read_bytes() == SOLUTION.read_bytes()


def test_its_pictures_are_made_again_and_there_are_no_others(made: Path) -> None:
    assert {p.name: p.read_bytes() for p in (made / "pictures").iterdir()} == {
        p.name: p.read_bytes() for p in PICTURES.iterdir()
    }


def test_it_covers_the_whole_homework_with_each_fault_of_the_leader_three_times() -> None:
    causes = [incident.cause for incident in results().incidents]
    assert {c: causes.count(c) for c in ("leader.stopped", "leader.killed", "leader.frozen")} == {
        "leader.stopped": 3,
        "leader.killed": 3,
        "leader.frozen": 3,
    }
    assert {"replica.stopped", "etcd.member_down", "etcd.quorum_lost", "proxy.down"} <= set(causes)
    assert all(answer.incidents for answer in results().answers if answer.commands)


def test_all_of_its_self_checks_hold() -> None:
    assert results().warnings == ()
