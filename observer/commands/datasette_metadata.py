"""Run `observer datasette-metadata`: describe the tables of a recording file, with ready-made questions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from observer.commands.event_filter import SOURCES
from observer.commands.options import answer, option_config, settings_of

NAMES = "select name from sqlite_master where type in ('table', 'view') order by name"

TABLES: Mapping[str, str] = {
    "recordings": "One row per run of the daemon. Times in ns count from its start, on a monotonic clock.",
    "events": "What a source observed. It happened within the window (after_ns, by_ns].",
    "operations": "One row per read or write: when it was due, its outcome, and the server that answered.",
    "audits": "Tokens read back through the primary: all from the first to the last are present, or none is.",
    "counted_seconds": "Operations counted per second while recording, so that a long recording is read quickly.",
    "counted_servers": "Acknowledged operations counted per server while recording.",
    "incidents": "What happened, its cause and its cost, as the analysis found them.",
    "phases": "The parts of an incident, with the bounds of their length and what the settings imply.",
    "evidence": "The rows that show a cause or a phase, and the causes that were rejected.",
    "judged_outages": "Outages of writes and reads, from the last acknowledgement to the next.",
    "judged_outages_alone": "The same for persistent and for new connections separately, by their own rates.",
    "judged_losses": "Acknowledged writes that were absent when they were read back.",
}

COLUMNS: Mapping[str, str] = {
    "recording_id": "the recording that the row belongs to",
    "utc": "wall clock, for display",
    "source": f"where it was observed: {', '.join(SOURCES)}",
    "kind": "what happened; observer/model/recording.py lists the kinds",
    "subject": "what it is about: a member, an endpoint, a route",
    "detail": "the raw evidence, JSON",
    "after_ns": "the last moment at which it had certainly not happened",
    "by_ns": "the first moment at which it certainly had",
    "outcome": "ok; fail: certainly without effect; unknown: it may have taken effect",
    "probe": "kept: on a persistent connection; fresh: on a new one",
    "stage": "how far it came: slot, resolve, connect, send, answer, done",
    "token": "unique name of the write, used to find it later",
    "due_ns": "when the schedule wanted it to begin",
    "server": "the member that served it",
    "address": "host:port as the server reports it",
    "in_recovery": "1: served by a replica",
    "timeline": "PostgreSQL's timeline",
    "ended": "stop, signal, for, failed; null: it is running, or was cut off",
    "confidence": "high, medium, low",
    "shortest_s": "lower bound, from the windows",
    "longest_s": "upper bound, from the windows",
    "bound_min_s": "lower bound, from the cluster's settings",
    "bound_max_s": "upper bound, from the cluster's settings",
    "present": "1: all of them are present; 0: none is",
}

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
    """Print titles, units and ready-made questions for Datasette.

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
    """Return the questions of questions.toml, which docs/reference/sqlite.md shows in the same order."""
    import tomllib

    text = Path(__file__).with_name("questions.toml").read_text(encoding="utf-8")
    return [Question(one["asks"], one["sql"].strip()) for one in tomllib.loads(text)["question"]]


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

    return {**TABLES, **{name: view.description for name, view in VIEWS.items()}}


def _table(name: str, columns: list[str]) -> dict[str, Any]:
    units = {column: UNITS[column.rpartition("_")[2]] for column in columns if column.rpartition("_")[2] in UNITS}
    described = {column: COLUMNS[column] for column in columns if column in COLUMNS}
    return {"description": descriptions()[name], "columns": described, **({"units": units} if units else {})}
