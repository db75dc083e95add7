"""The pages agree with the code: generated parts are up to date, links lead somewhere, commands and queries exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click import Command

from observer.model.causes import CAUSES
from observer.store import Reader
from tests import architecture_page, help_texts
from tests.failover_page import PAGE, rendered
from tests.recorded import FAILOVER, database

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [
    *(ROOT / name for name in ("README.md", "README.ru.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")),
    *sorted(DOCS.rglob("*.md")),
]
COMMANDS: dict[str, Command] = dict(help_texts.commands())


def without_code(page: Path) -> str:
    return re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub gives to the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", without_code(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_failover_page_is_what_its_recording_gives(tmp_path: Path) -> None:
    with Reader(database(FAILOVER, tmp_path / "observer.db")) as reader:
        assert PAGE.read_text(encoding="utf-8") == rendered(reader), "write it again: python -m tests.failover_page"


def test_the_diagrams_of_the_architecture_are_what_the_source_gives() -> None:
    page = architecture_page.PAGE.read_text(encoding="utf-8")
    assert page == architecture_page.rendered(page), "write them again: python -m tests.architecture_page"


def test_every_step_of_a_diagram_is_used_by_the_daemon_or_the_report() -> None:
    used: set[architecture_page.Definition] = set()
    for start in architecture_page.STARTS:
        own = architecture_page.module(start)
        assert own is not None
        used |= architecture_page.reached({(start, name) for name in own.definitions}, set())
    boxes = {architecture_page.box(step) for steps in architecture_page.DIAGRAMS.values() for step in steps}
    assert boxes - used == set()


def test_a_step_that_gives_nothing_to_the_next_one_is_refused() -> None:
    json = architecture_page.Box("reports.render.json", "document", "the report as JSON")
    source = architecture_page.Box("observer.traffic.generator", "Generator", "reads and writes")
    with pytest.raises(LookupError, match="nothing goes from document to Generator"):
        architecture_page.arrow(json, source)


def test_every_cause_has_a_row_in_the_page_on_the_analysis() -> None:
    page = (DOCS / "explanation" / "analysis.md").read_text(encoding="utf-8")
    explained: set[str] = set()
    for cell in re.findall(r"^\| (`[^|]+) \|", page, re.MULTILINE):
        first, *others = re.findall(r"`([^`]+)`", cell)  # `replica.killed`, `.stopped`
        explained |= {first, *(first.partition(".")[0] + other for other in others)}
    assert CAUSES.keys() - explained == set(), "describe the cause in the table of docs/explanation/analysis.md"


def test_the_architecture_page_names_every_package() -> None:
    text = (DOCS / "explanation" / "architecture.md").read_text(encoding="utf-8")
    packages = [init.parent.name for top in ("observer", "reports") for init in (ROOT / top).glob("*/__init__.py")]
    assert [name for name in packages if f"  {name}/" not in text] == []


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_every_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    links = [link for link in re.findall(r"\]\(([^)\s]+)\)", without_code(page)) if "://" not in link]
    targets = [(link, *link.partition("#")[::2]) for link in links]
    assert [link for link, path, _ in targets if path and not (page.parent / path).exists()] == []
    headings = [(link, page.parent / path if path else page, anchor) for link, path, anchor in targets if anchor]
    assert [link for link, target, anchor in headings if anchor not in anchors(target)] == []


def test_the_index_of_the_pages_lists_every_page() -> None:
    index = (DOCS / "README.md").read_text(encoding="utf-8")
    pages = [page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md") if page != DOCS / "README.md"]
    assert [page for page in pages if f"({page})" not in index] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_each_command_has_an_example(name: str) -> None:
    assert f"Example: {name}" in help_texts.help_text(name, COMMANDS[name])


def test_every_command_is_on_the_page_of_commands() -> None:
    text = (DOCS / "reference" / "commands.md").read_text(encoding="utf-8")
    assert [name for name in COMMANDS if f"### `{name}`" not in text] == []


def test_every_option_in_the_recipes_for_ci_exists() -> None:
    text = (DOCS / "how-to" / "ci.md").read_text(encoding="utf-8")
    for command, rest in re.findall(r"^observer (\w+)(.*?)(?: {2,}#.*)?$", text, re.MULTILINE):
        known = {
            option
            for name, made in COMMANDS.items()
            if name.split()[1] == command
            for p in made.params
            for option in p.opts
        }
        used = set(re.findall(r"(?<!\S)--?[a-z][\w-]*", rest))
        assert used <= known, f"observer {command}{rest}"


def test_every_query_on_a_page_has_an_answer(tmp_path: Path) -> None:
    queries = {sql for page in PAGES for sql in re.findall(r'observer query "(select [^"]+)"', page.read_text("utf-8"))}
    assert queries
    with Reader(database(FAILOVER, tmp_path / "observer.db")) as reader:
        for sql in sorted(queries):
            assert list(reader.query(sql)[1]), sql
