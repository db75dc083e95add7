"""The documents keep their word: pages made from recordings are as they would be made now, links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click import Command, Context, Group

from observer import cli
from observer.store import Reader
from tests.failover_page import PAGE, rendered
from tests.recorded import FAILOVER, database

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "README.ru.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]


def commands(group: Group, path: str = "observer") -> dict[str, Command]:
    found: dict[str, Command] = {}
    for name, command in group.commands.items():
        found |= commands(command, f"{path} {name}") if isinstance(command, Group) else {f"{path} {name}": command}
    return found


COMMANDS = commands(cli.observer)


def test_the_page_about_a_failover_is_what_its_recording_tells(tmp_path: Path) -> None:
    with Reader(database(FAILOVER, tmp_path / "observer.db")) as reader:
        assert PAGE.read_text(encoding="utf-8") == rendered(reader), "write it anew by: python -m tests.failover_page"


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_no_link_leads_nowhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    links = [link for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_each_command_has_an_example(name: str) -> None:
    text = COMMANDS[name].get_help(Context(COMMANDS[name], info_name=name, help_option_names=["-h", "--help"]))
    assert f"Example: {name}" in text


def test_each_command_is_in_the_table_of_commands() -> None:
    table = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    for name in COMMANDS:
        group, _, leaf = name.rpartition(" ")
        assert f"`{name}" in table or (f"`{group} " in table and f"`{leaf}`" in table), name


def test_options_that_the_recipes_name_are_there() -> None:
    text = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
    for command, rest in re.findall(r"^observer (\w+)(.*?)(?: {2,}#.*)?$", text, re.MULTILINE):
        known = {
            option
            for name, made in COMMANDS.items()
            if name.split()[1] == command
            for p in made.params
            for option in p.opts
        }
        asked = set(re.findall(r"(?<!\S)--?[a-z][\w-]*", rest))
        assert asked <= known, f"observer {command}{rest}"


def test_every_query_that_a_page_shows_has_an_answer(tmp_path: Path) -> None:
    asked = {sql for page in PAGES for sql in re.findall(r'observer query "(select [^"]+)"', page.read_text("utf-8"))}
    assert asked
    with Reader(database(FAILOVER, tmp_path / "observer.db")) as reader:
        for sql in sorted(asked):
            assert list(reader.query(sql)[1]), sql
