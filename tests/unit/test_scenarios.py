"""Scenarios: what a file may say, and that those we ship say it."""

from __future__ import annotations

from pathlib import Path

import pytest

from stack.deeds import can
from stack.errors import StackError
from stack.scenario import BREAKS, MENDS, chosen, names, scenario

KILL = '# The leader dies.\n[[step]]\ndo = "kill"\nwhat = "patroni"\nwho = ["leader"]\nfor_s = 2\n'


def test_the_first_line_says_what_the_scenario_is() -> None:
    assert scenario("one", KILL).about == "The leader dies."


def test_a_step_that_breaks_is_a_fault_and_one_that_mends_is_not() -> None:
    mend = '[[step]]\ndo = "start"\nwhat = "patroni"\nwho = ["leader"]\n'
    assert [step.breaks for step in scenario("one", KILL + mend).steps] == [True, False]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ('do = "explode"\nwhat = "patroni"\nwho = ["leader"]', "explode"),
        ('do = "kill"\nwhat = "kafka"\nwho = ["leader"]', "kafka"),
        ('do = "kill"\nwhat = "patroni"\nwho = ["boss"]', "boss"),
        ('do = "kill"\nwhat = "patroni"', "nobody"),
        ('do = "kill"\nwhat = "patroni"\nwho = ["leader"]\nuntil = "dawn"', "dawn"),
        ('do = "kill"\nwhat = "patroni"\nwho = ["leader"]\nhow = "gently"', "how"),
        ("do = ", "not TOML"),
    ],
)
def test_a_mistake_in_a_file_is_named(wrong: str, says: str) -> None:
    with pytest.raises(StackError, match=says):
        scenario("one", f"[[step]]\n{wrong}\n")


def test_a_scenario_may_play_others_in_order(tmp_path: Path) -> None:
    (tmp_path / "one.toml").write_text(KILL)
    (tmp_path / "two.toml").write_text(KILL)
    (tmp_path / "all.toml").write_text('plays = ["two", "one", "two"]\n')
    assert [one.name for one in chosen(["all"], tmp_path)] == ["two", "one", "two"]


def test_a_name_may_be_asked_for_as_often_as_it_shall_be_played(tmp_path: Path) -> None:
    (tmp_path / "one.toml").write_text(KILL)
    (tmp_path / "two.toml").write_text(KILL)
    (tmp_path / "all.toml").write_text('plays = ["one", "two"]\n')
    assert [one.name for one in chosen(["all", "two", "two"], tmp_path)] == ["one", "two", "two", "two"]


def test_where_none_is_named_each_is_played_once(tmp_path: Path) -> None:
    (tmp_path / "one.toml").write_text(KILL)
    (tmp_path / "all.toml").write_text('plays = ["one", "one"]\n')
    assert [one.name for one in chosen([], tmp_path)] == ["one"]


def test_a_name_that_is_not_there_is_answered_with_those_that_are() -> None:
    with pytest.raises(StackError, match=r"no scenario leader-klled; .*leader-killed"):
        chosen(["leader-klled"])


@pytest.mark.parametrize("name", names())
def test_what_we_ship_can_be_read_and_done(name: str) -> None:
    for one in chosen([name]):
        assert one.about != one.name
        assert all(can(step) for step in one.steps)


def test_the_homework_holds_all_that_it_asks_for() -> None:
    played = {one.name for one in chosen(["homework"])}
    assert {"leader-stopped", "leader-killed", "replica-stopped", "etcd-one", "etcd-two", "etcd-three"} <= played


def test_all_that_may_be_written_can_be_done() -> None:
    for what, deeds in [*BREAKS.items(), *MENDS.items()]:
        for do in deeds:
            who = 'who = ["leader", "replica1"]'
            step = scenario("one", f'[[step]]\ndo = "{do}"\nwhat = "{what}"\n{who}\n').steps[0]
            assert can(step), f"{do} {what}"
