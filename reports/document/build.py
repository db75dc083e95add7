"""Short ways to build blocks: sentences, tables, links to incidents, rows of the recording file."""

from collections.abc import Iterable, Sequence
from typing import Any

from observer.model.recording import SECOND_NS
from reports.document.blocks import (
    Block,
    Blocks,
    Cell,
    Code,
    Details,
    Inline,
    Link,
    Paragraph,
    Rows,
    RowTable,
    Sentence,
    Table,
    Value,
)


def say(key: str, **facts: Any) -> Sentence:
    """Return the phrase of a key, to be filled with facts."""
    return Sentence(key, facts)


def paragraph(*sentences: Inline | None) -> Blocks:
    """Return one paragraph of the sentences that are there; nothing if there are none."""
    present = tuple(one for one in sentences if one is not None)
    return (Paragraph(present),) if present else ()


def table(columns: str | tuple[Inline, ...], rows: Iterable[Sequence[Cell]]) -> Blocks:
    """Return a table; nothing without rows."""
    found = tuple(tuple(row) for row in rows)
    return (Table(columns, found),) if found else ()


def details(summary: Sentence, *blocks: Block) -> Blocks:
    """Return blocks that a click opens; nothing if there are none."""
    return (Details(summary, blocks),) if blocks else ()


def seconds(duration_ns: int | None) -> float | None:
    """Return nanoseconds as seconds, exact to the microsecond; None stays None."""
    return None if duration_ns is None else round(duration_ns / SECOND_NS, 6)


def code(value: Any) -> Value:
    """Return a name or a message as inline code."""
    return Value(value, "code")


def incident_link(number: int) -> Link:
    """Return the link to an incident by its number in the document, for a sentence: "incident 3"."""
    return Link(f"incident-{number}", say("link.incident", id=number))


def numbers(ids: Iterable[int]) -> tuple[Link, ...]:
    """Return links to incidents that show their numbers only, for a list or a cell."""
    return tuple(Link(f"incident-{number}", Value(number, "id")) for number in ids)


def events(*ids: int | None) -> Rows | None:
    """Return the rows of `events` that are known, None without any."""
    return rows_of("events", *ids)


def rows_of(name: RowTable, *ids: int | None) -> Rows | None:
    """Return the rows of a table that are known, None without any."""
    known = tuple(dict.fromkeys(one for one in ids if one is not None))
    return Rows(name, known) if known else None


def shown_by(*rows: Rows | None) -> Inline:
    """Return rows in brackets, for the end of a sentence; nothing without rows."""
    known = [one for one in rows if one is not None and one.ids]
    return say("recording_part.rows", rows=known) if known else Value("", "raw")


def query(sql: str) -> Code:
    """Return the command that asks the recording file."""
    return Code(f'observer query "{sql}"')
