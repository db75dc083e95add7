"""hw3/HW_3_SOLUTION.md is what `observer report` makes of the recording beside it, picture for picture."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import pytest

from observer.commands import reporting
from observer.config.settings import load
from reports.text.old_facts import Facts

HW3 = Path(__file__).parents[2] / "hw3"
SOLUTION, RECORDING, PICTURES = HW3 / "HW_3_SOLUTION.md", HW3 / "observer.db.xz", HW3 / "pictures"


@lru_cache
def facts() -> Facts:
    return reporting.facts(RECORDING, None, load(HW3 / "observer.toml").objectives)


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A folder with the document and its pictures, made anew."""
    settings = load(HW3 / "observer.toml").report
    output = tmp_path / SOLUTION.name
    drawn = reporting.draw(facts(), settings.language, tmp_path / "pictures", output)
    reporting.write(output, reporting.text(facts(), "md", settings.language, settings.profile, drawn))
    return tmp_path


def test_the_document_is_made_again_to_the_byte(made: Path) -> None:
    assert (made / SOLUTION.name).read_bytes() == SOLUTION.read_bytes()


def test_so_are_its_pictures_and_there_are_no_others(made: Path) -> None:
    assert {p.name: p.read_bytes() for p in (made / "pictures").iterdir()} == {
        p.name: p.read_bytes() for p in PICTURES.iterdir()
    }


def test_it_is_of_the_whole_homework_with_the_leaders_faults_three_times_each() -> None:
    causes = [incident["cause"] for incident in facts()["incidents"]]
    assert {c: causes.count(c) for c in ("leader.stopped", "leader.killed", "leader.frozen")} == {
        "leader.stopped": 3,
        "leader.killed": 3,
        "leader.frozen": 3,
    }
    assert {"replica.stopped", "etcd.member_down", "etcd.quorum_lost", "proxy.down"} <= set(causes)
    assert all(answer["incidents"] for answer in facts()["answers"] if answer["commands"])


def test_it_holds_all_of_its_own_checks() -> None:
    assert facts()["warnings"] == []
