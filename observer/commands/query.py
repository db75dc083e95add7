"""Run `observer query`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from observer.commands.options import answer, option_config, option_format, settings_of, suggestion
from observer.model.errors import UsageError

if TYPE_CHECKING:
    from observer.store import Reader

TABLES = """
select m.name, m.type, group_concat(c.name, ', ') as columns
from sqlite_master m join pragma_table_info(m.name) c
where m.type in ('table', 'view') and m.name not like 'sqlite\\_%' escape '\\'
group by m.name, m.type order by m.type, m.name
"""
HINT = "list tables and columns with `observer query --tables`"


@click.command()
@click.argument("sql", required=False)
@click.option("--tables", "list_tables", is_flag=True, help="List the tables and views with their columns.")
@option_config
@option_format("table", "json", "csv")
def query(sql: str | None, list_tables: bool, config: Path | None, db: Path | None, form: str) -> None:
    """Run an SQL query on a recording file.

    SQL is one statement that only reads; the file is never changed. The file may be packed with xz.
    docs/reference/sqlite.md describes the tables and views.

    Example: observer query --db observer.db.xz "select * from leaders"
    """
    from observer.commands.printing import print_rows
    from observer.store.packed import opened

    if list_tables and sql is not None:
        raise UsageError("--tables takes no SQL; leave out one of them.")
    if not list_tables and not (sql or "").strip(" \t\r\n;"):
        raise UsageError(f"The query is empty; write one SELECT statement, or {HINT}.")
    _, path = settings_of(config, db)
    with opened(path) as reader, answer() as output:
        columns, rows = _answer(reader, TABLES if list_tables or sql is None else sql)
        print_rows(columns, rows, form, output)


def _answer(reader: Reader, sql: str) -> tuple[list[str], Iterator[Sequence[Any]]]:
    """Return columns and rows. Raise UsageError with a suggestion if SQLite does not accept the statement."""
    try:
        columns, rows = reader.query(sql)
    except UsageError as error:
        raise UsageError(_with_suggestion(reader, sql, str(error))) from None
    if not columns:
        raise UsageError(f"The statement returns no columns; write one SELECT statement, or {HINT}.")
    return columns, rows


def _with_suggestion(reader: Reader, sql: str, message: str) -> str:
    """Return the error message with the closest table or column, and how to list them."""
    columns = {name: known.split(", ") for name, _, known in reader.query(TABLES)[1]}
    word = sql.strip(" \t\r\n;")
    if word in columns:
        return f'"{word}" is not a statement; write: observer query "select * from {word}"'
    if word.startswith("."):
        return f'"{word}" is a command of the sqlite3 shell; {HINT}.'
    unknown = re.search(r"no such (table|column): (?:\w+\.)?(\w+)", message)
    if unknown is None:
        return message
    known = set(columns) if unknown[1] == "table" else {name for names in columns.values() for name in names}
    return f"{message.rstrip('.')}{suggestion(unknown[2], known)} (Or {HINT}.)"
