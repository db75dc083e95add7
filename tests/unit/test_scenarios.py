"""Scenarios: what a file may hold, and that every scenario of the project can be read and run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from stack.errors import StackError
from stack.fault_actions import is_known
from stack.scenario import FAULTS, FOLDER, REPAIRS, ROLES, Step, chosen, names, scenario

KILL = '# The leader dies.\n[[step]]\naction = "kill"\ncomponent = "patroni"\ntargets = ["leader"]\nfor_s = 2\n'
PAGE = Path(__file__).parents[2] / "docs" / "reference" / "scenarios.md"


def test_the_first_line_is_the_description() -> None:
    assert scenario("one", KILL).about == "The leader dies."


def test_a_step_is_a_fault_or_a_repair() -> None:
    repair = '[[step]]\naction = "start"\ncomponent = "patroni"\ntargets = ["leader"]\n'
    assert [step.is_fault for step in scenario("one", KILL + repair).steps] == [True, False]


def test_the_old_keys_of_a_step_are_still_read() -> None:
    old = '[[step]]\ndo = "kill"\nwhat = "patroni"\nwho = ["leader"]\nfor_s = 2\n'
    assert scenario("one", old).steps == scenario("one", KILL).steps == (Step("kill", "patroni", ("leader",), "", 2),)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ('action = "explode"\ncomponent = "patroni"\ntargets = ["leader"]', "explode"),
        ('action = "kill"\ncomponent = "kafka"\ntargets = ["leader"]', "kafka"),
        ('action = "kill"\ncomponent = "patroni"\ntargets = ["boss"]', "boss"),
        ('action = "kill"\ncomponent = "patroni"', "no targets"),
        ('action = "kill"\ncomponent = "patroni"\ntargets = ["leader"]\nuntil = "dawn"', "dawn"),
        ('action = "kill"\ncomponent = "patroni"\ntargets = ["leader"]\nhow = "gently"', "how"),
        ("action = ", "not TOML"),
    ],
)
def test_the_error_names_the_mistake_in_a_file(wrong: str, message: str) -> None:
    with pytest.raises(StackError, match=message):
        scenario("one", f"[[step]]\n{wrong}\n")


def test_a_scenario_may_play_others_in_order(tmp_path: Path) -> None:
    (tmp_path / "one.toml").write_text(KILL)
    (tmp_path / "two.toml").write_text(KILL)
    (tmp_path / "all.toml").write_text('plays = ["two", "one", "two"]\n')
    assert [one.name for one in chosen(["all"], tmp_path)] == ["two", "one", "two"]


def test_a_repeated_name_is_played_again(tmp_path: Path) -> None:
    (tmp_path / "one.toml").write_text(KILL)
    (tmp_path / "two.toml").write_text(KILL)
    (tmp_path / "all.toml").write_text('plays = ["one", "two"]\n')
    assert [one.name for one in chosen(["all", "two", "two"], tmp_path)] == ["one", "two", "two", "two"]


def test_without_a_name_each_scenario_is_played_once(tmp_path: Path) -> None:
    (tmp_path / "one.toml").write_text(KILL)
    (tmp_path / "all.toml").write_text('plays = ["one", "one"]\n')
    assert [one.name for one in chosen([], tmp_path)] == ["one"]


def test_the_error_for_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(StackError, match=r"no scenario leader-klled; .*leader-killed"):
        chosen(["leader-klled"])


@pytest.mark.parametrize("name", names())
def test_every_scenario_of_the_project_can_be_read_and_run(name: str) -> None:
    for one in chosen([name]):
        assert one.about != one.name
        assert all(is_known(step) for step in one.steps)


def test_the_homework_scenario_plays_every_fault_that_the_homework_names() -> None:
    played = {one.name for one in chosen(["homework"])}
    assert {"leader-stopped", "leader-killed", "replica-stopped", "etcd-one", "etcd-two", "etcd-three"} <= played


def test_every_allowed_action_can_be_run() -> None:
    for component, actions in [*FAULTS.items(), *REPAIRS.items()]:
        for action in actions:
            assert is_known(Step(action, component, ("leader", "replica1"))), f"{action} {component}"


def test_the_page_lists_every_action_role_and_scenario() -> None:
    text = PAGE.read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    for component in FAULTS:
        row = next(line for line in rows if f"`{component}`" in line.split("|")[1])
        words = set(re.findall(r"`(\w+)`", row))
        missing = {*FAULTS[component], *REPAIRS.get(component, ())} - words
        assert not missing, f"{component}: {missing}"
    assert not [role for role in ROLES if f"`{role}`" not in text]
    first_lines = {name: (FOLDER / f"{name}.toml").read_text(encoding="utf-8").splitlines()[0] for name in names()}
    listed = [f"| `{name}` | {line.removeprefix('# ')} |" for name, line in first_lines.items()]
    assert not [row for row in listed if row not in rows]
