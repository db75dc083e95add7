"""Write the questions of docs/reference/sqlite.md with their answers into the page: `python -m tests.answers`."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

from observer.commands.datasette_metadata import questions
from observer.commands.printing import print_rows
from observer.store import Reader
from tests.recorded import FAILOVER, database

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "sqlite.md"
BEGIN, END = "<!-- answers begin -->\n", "<!-- answers end -->\n"
MOST = 6  # rows of an answer


def rendered(reader: Reader) -> str:
    """Return the part of the page between the two marks."""
    return "".join(f"\n### {one.asks}\n\n```sql\n{one.sql}\n```\n\n{answer(reader, one.sql)}" for one in questions())


def answer(reader: Reader, sql: str) -> str:
    """Return the first rows as text."""
    columns, rows = reader.query(sql)
    found = list(rows)
    if not found:
        return "No rows.\n"
    output = io.StringIO()
    print_rows(columns, [[_short(value) for value in row] for row in found[:MOST]], "table", output)
    more = f"... {len(found) - MOST} more\n" if len(found) > MOST else ""
    return f"```text\n{output.getvalue()}{more}```\n"


def _short(value: object) -> object:
    return f"{value[:47]}..." if isinstance(value, str) and len(value) > 50 else value


def parts() -> tuple[str, str, str]:
    """Return the page before the answers, the answers, and the page after them."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    answers, _, after = rest.partition(END)
    return before, answers, after


def main() -> None:
    """Write the answers into the page."""
    before, _, after = parts()
    with tempfile.TemporaryDirectory() as folder, Reader(database(FAILOVER, Path(folder) / "observer.db")) as reader:
        PAGE.write_text(f"{before}{BEGIN}{rendered(reader)}\n{END}{after}", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
