"""Run `observer datasette-metadata`: describe the tables of a recording file, with ready-made questions."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from observer.commands.options import answer, option_config, settings_of

NAMES = "select name from sqlite_master where type in ('table', 'view') order by name"
TEXTS = tomllib.loads(Path(__file__).with_name("datasette.toml").read_text(encoding="utf-8"))
UNITS: Mapping[str, str] = {"ns": "ns", "s": "s", "ms": "ms", "seconds": "s"}


@dataclass(frozen=True, slots=True)
class Question:
    """A question that people ask about a recording, and the SQL that answers it."""

    asks: str
    sql: str

    @property
    def name(self) -> str:
        """Return a name for a URL."""
        return re.sub(r"\W+", "-", self.asks.lower()).strip("-")[:60].rstrip("-")


@click.command("datasette-metadata")
@option_config
def datasette_metadata(config: Path | None, db: Path | None) -> None:
    """Print titles, units and ready-made queries for Datasette.

    The recording file may be packed with xz; Datasette itself needs it unpacked.

    Example: observer datasette-metadata > metadata.json && datasette observer.db -m metadata.json
    """
    import json

    from observer.store.packed import SUFFIX, opened

    _, path = settings_of(config, db)
    with opened(path) as reader:
        there = [name for (name,) in reader.query(NAMES)[1]]
        columns = {name: reader.query(f"select * from {name} limit 0")[0] for name in there}
    with answer():
        click.echo(json.dumps(metadata(path.with_suffix("") if path.suffix == SUFFIX else path, columns), indent=2))


def questions() -> list[Question]:
    """Return the questions of datasette.toml, which docs/reference/sqlite.md shows in the same order."""
    return [Question(one["asks"], one["sql"].strip()) for one in TEXTS["question"]]


def metadata(path: Path, columns: Mapping[str, list[str]]) -> dict[str, Any]:
    """Return the metadata for `datasette FILE -m metadata.json`; `columns` holds the columns of each table and view."""
    return {
        "title": "observer",
        "description": "Recordings of PostgreSQL clusters run by Patroni: who led, what failed, what it cost.",
        "databases": {
            path.stem: {
                "tables": {name: _table(name, found) for name, found in columns.items() if name in descriptions()},
                "queries": {
                    one.name: {"title": one.asks, "sql": one.sql, "hide_sql": len(one.sql) > 400} for one in questions()
                },
            }
        },
    }


def descriptions() -> Mapping[str, str]:
    """Return what each table and view of a recording file holds."""
    from observer.store import VIEWS  # loads sqlite_utils, which `observer --help` does not need

    return {**TEXTS["tables"], **{name: view.description for name, view in VIEWS.items()}}


def _table(name: str, columns: list[str]) -> dict[str, Any]:
    units = {column: UNITS[column.rpartition("_")[2]] for column in columns if column.rpartition("_")[2] in UNITS}
    described = {column: TEXTS["columns"][column] for column in columns if column in TEXTS["columns"]}
    return {"description": descriptions()[name], "columns": described, **({"units": units} if units else {})}
