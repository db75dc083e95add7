"""What Datasette shows beside a recording's tables: titles, descriptions, units, and ready-made questions."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from observer.store import VIEWS

NAMES = "select name from sqlite_master where type in ('table', 'view') order by name"

TABLES: Mapping[str, str] = {
    "recordings": "One run of the daemon each. All times in ns count from its beginning, on a monotonic clock.",
    "events": "What one source saw, in the window (after_ns, by_ns]: a poll knows no more than that.",
    "operations": "One read or write each, scheduled by the clock, with its outcome and who served it.",
    "audits": "Tokens read back through the primary: all from first to last are there, or none is.",
    "counted_seconds": "Operations counted by second, kept up as they are written, so that a day is read quickly.",
    "counted_servers": "Acknowledged operations counted by server, kept up as they are written.",
    "incidents": "What happened, why, and what it cost, as the judge found it.",
    "phases": "The parts of an incident, with what is certain of their length and what the settings imply.",
    "evidence": "The rows that show a cause or a phase, and the causes that were rejected.",
    "judged_outages": "Outages of writes and reads, from the last acknowledgement to the next.",
    "judged_outages_alone": "The same of kept and of new connections, each alone, by its own rate.",
    "judged_losses": "Acknowledged writes that were not there when they were read back.",
    **{name: view.description for name, view in VIEWS.items()},
}

COLUMNS: Mapping[str, str] = {
    "recording_id": "which recording it belongs to",
    "utc": "the wall clock, for display",
    "source": "who says it: etcd, patroni, postgres, haproxy, docker, log, prometheus, traffic, daemon, operator",
    "kind": "what it means; observer/model/recording.py lists them",
    "subject": "about whom: a member, an endpoint, a route",
    "detail": "the raw evidence, JSON",
    "after_ns": "the last moment at which it had certainly not happened",
    "by_ns": "the first moment at which it certainly had",
    "outcome": "ok; fail: certainly without effect; unknown: it may have taken effect",
    "probe": "kept: on a kept connection; fresh: on a new one",
    "stage": "how far it came: slot, resolve, connect, send, answer, done",
    "token": "the write's own name, by which it is looked for afterwards",
    "due_ns": "when it was to begin, by the schedule",
    "server": "the member that served it",
    "address": "host:port as the server itself says",
    "in_recovery": "1: served by a replica",
    "timeline": "PostgreSQL's timeline",
    "ended": "stop, signal, for, failed; null: it runs, or was cut off",
    "confidence": "high, medium, low",
    "shortest_s": "what the windows leave at the least",
    "longest_s": "what the windows leave at the most",
    "bound_min_s": "the least that the cluster's settings imply",
    "bound_max_s": "the most that the cluster's settings imply",
    "present": "1: all of them are there; 0: none is",
}

UNITS: Mapping[str, str] = {"ns": "ns", "s": "s", "ms": "ms", "seconds": "s"}


@dataclass(frozen=True, slots=True)
class Question:
    """Something that people ask of a recording, and the SQL that answers it."""

    asks: str
    sql: str

    @property
    def name(self) -> str:
        """A name for an address."""
        return re.sub(r"\W+", "-", self.asks.lower()).strip("-")[:60].rstrip("-")


def questions() -> list[Question]:
    """Those of docs/sqlite.md, in its order."""
    text = (files("observer.commands") / "questions.toml").read_text(encoding="utf-8")
    return [Question(one["asks"], one["sql"].strip()) for one in tomllib.loads(text)["question"]]


def metadata(path: Path, columns: Mapping[str, list[str]]) -> dict[str, Any]:
    """For `datasette FILE -m metadata.json`; `columns` are those of each table and view of the file."""
    return {
        "title": "observer",
        "description": "Recordings of PostgreSQL clusters run by Patroni: who led, what broke, what it cost.",
        "databases": {
            path.stem: {
                "tables": {name: _table(name, found) for name, found in columns.items() if name in TABLES},
                "queries": {
                    one.name: {"title": one.asks, "sql": one.sql, "hide_sql": len(one.sql) > 400} for one in questions()
                },
            }
        },
    }


def _table(name: str, columns: list[str]) -> dict[str, Any]:
    units = {column: UNITS[column.rpartition("_")[2]] for column in columns if column.rpartition("_")[2] in UNITS}
    told = {column: COLUMNS[column] for column in columns if column in COLUMNS}
    return {"description": TABLES[name], "columns": told, **({"units": units} if units else {})}
