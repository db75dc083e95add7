"""The glossary explains every public name that does not use the standard terms."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import pytest

from observer.model.causes import CAUSES
from observer.model.recording import KINDS
from reports.analysis.keys import PHASES
from reports.render.json import KEYS
from tests.recorded import FAILOVER, database

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "glossary.md"
TERMS, _, OLD = PAGE.read_text(encoding="utf-8").partition("## Old public names")
EXPLAINED = set(
    re.findall(r"`([^`]+)`", " ".join(row.split("|")[1] for row in OLD.splitlines() if row.startswith("|")))
)
# Words of public names that the standard terms replaced.
REPLACED = {
    "told",
    "kept",
    "fresh",
    "blind",
    "blindness",
    "sees",
    "seen",
    "saw",
    "slept",
    "asked",
    "learned",
    "proved",
    "full",
    "room",
    "taken",
    "judged",
    "quorumless",
    "absence",
    "relapse",
    "protection",
}


def old(names: set[str]) -> set[str]:
    """Return the names with a replaced word in them."""
    return {name for name in names if REPLACED & set(re.split(r"[._]", name))}


def columns(path: Path) -> set[str]:
    """Return the names of all tables and views of a recording file, and of their columns."""
    connection = sqlite3.connect(path)
    names = [name for (name,) in connection.execute("select name from sqlite_master where type in ('table', 'view')")]
    own = {column for name in names for (_, column, *_) in connection.execute(f"pragma table_info({name})")}
    connection.close()
    return {*names, *own} - {"reads_seen"}  # a view that is named for what it shows


def test_every_table_view_and_column_with_an_old_name_is_explained(tmp_path: Path) -> None:
    assert old(columns(database(FAILOVER, tmp_path / "observer.db"))) - EXPLAINED == set()


@pytest.mark.parametrize("names", [KINDS, CAUSES, PHASES], ids=["kinds of event", "causes", "phases"])
def test_every_other_old_name_is_explained(names: dict[str, object]) -> None:
    assert old(set(names)) - EXPLAINED == set()


def test_every_json_key_with_another_name_in_the_code_is_explained() -> None:
    assert set(KEYS.values()) - EXPLAINED == set()


def test_every_option_with_an_old_name_is_explained() -> None:
    page = PAGE.with_name("configuration.md").read_text(encoding="utf-8")  # a test holds it to the settings
    assert old(set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))) - EXPLAINED == set()


def test_a_name_without_an_explanation_is_noticed() -> None:
    assert old({"lease.told", "leader.lost"}) == {"lease.told"}
    assert "lease.told" not in EXPLAINED


def test_every_name_in_the_table_is_public(tmp_path: Path) -> None:
    known = columns(database(FAILOVER, tmp_path / "observer.db")) | set(KEYS.values()) | {*KINDS, *CAUSES, *PHASES}
    known |= {"kept", "fresh", "fresh_per_s", "nobody"}
    assert EXPLAINED - known == set()


def test_the_terms_are_in_alphabetical_order() -> None:
    terms = re.findall(r"^\| \*\*([^*]+)\*\*", TERMS, re.MULTILINE)
    assert terms == sorted(terms)
