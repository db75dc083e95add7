"""What a section is made of: sentences by key, tables, lists, commands. No text of any language, no Markdown.

A section chooses and orders facts; the renderers (`reports/render/`) turn its blocks into bytes in one language.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from observer.model.recording import SECOND_NS

Profile = Literal["homework", "drill"]


@dataclass(frozen=True, slots=True)
class Sentence:
    """A phrase by its key, and what it is filled with: values, other inline parts, or lists of them."""

    key: str
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Value:
    """A value, and the form in which a language writes it (`reports/render/language.py`): "s", "code", "@role"."""

    value: Any
    form: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """A text that leads to an anchor of the document, such as "incident-3"."""

    anchor: str
    text: Sentence | Value


@dataclass(frozen=True, slots=True)
class Anchor:
    """A text that links lead to, such as the number of an incident in its row of a table."""

    name: str
    text: Sentence | Value


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of a table of the recording file by their ids, as a reader looks them up: "events 12–15, 20"."""

    table: Literal["events", "operations", "audits"]
    ids: tuple[int, ...]


Inline = Sentence | Value | Link | Anchor | Rows
Cell = Inline | tuple[Inline, ...] | None
"""A cell of a table; several parts are joined by ", "; None: nothing to say (a dash)."""


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading below the section's own (level 3 or 4), with the anchor that links lead to."""

    title: Sentence
    level: int = 3
    anchor: str | None = None


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Sentences in a row."""

    sentences: tuple[Inline, ...]


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list; each item is one or more sentences. `ordered`: numbered."""

    items: tuple[tuple[Inline, ...], ...]
    ordered: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under columns. A column without a single cell is left out.

    `columns` is the key of a list phrase, or the columns themselves if their number depends on the recording.
    """

    columns: str | tuple[Inline, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True, slots=True)
class Code:
    """Text as it is: a command, SQL, the output of a program. `syntax` is the name that GitHub highlights by."""

    text: str
    syntax: str = ""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture by its name; it is left out where the document has no pictures."""

    name: str
    title: Sentence


@dataclass(frozen=True, slots=True)
class Details:
    """Blocks that a click opens."""

    summary: Sentence
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Keep:
    """A marked place for the reader's own text, which writing the file again leaves alone."""

    name: str
    hint: Sentence


Block = Heading | Paragraph | Bullets | Table | Code | Picture | Details | Keep


@dataclass(frozen=True, slots=True)
class Section:
    """One section of the document; `title` None: it stands under the document's own title."""

    name: str
    title: Sentence | None
    blocks: tuple[Block, ...]


def say(key: str, **facts: Any) -> Sentence:
    """Return the phrase of a key, to be filled with facts."""
    return Sentence(key, facts)


def paragraph(*sentences: Inline | None) -> tuple[Block, ...]:
    """Return one paragraph of the sentences that are there; nothing if there are none."""
    present = tuple(one for one in sentences if one is not None)
    return (Paragraph(present),) if present else ()


def table(columns: str | tuple[Inline, ...], rows: Sequence[Sequence[Cell]]) -> tuple[Block, ...]:
    """Return a table; nothing without rows."""
    return (Table(columns, tuple(tuple(row) for row in rows)),) if rows else ()


def details(summary: Sentence, *blocks: Block) -> tuple[Block, ...]:
    """Return blocks that a click opens; nothing if there are none."""
    return (Details(summary, blocks),) if blocks else ()


def seconds(duration_ns: int | None) -> float | None:
    """Return nanoseconds as seconds, exact to the microsecond; None stays None."""
    return None if duration_ns is None else round(duration_ns / SECOND_NS, 6)


def incident_link(number: int) -> Link:
    """Return the link to an incident by its number in the document."""
    return Link(f"incident-{number}", Sentence("link.incident", {"id": number}))
