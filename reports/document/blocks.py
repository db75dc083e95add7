"""What a section is made of: sentences by key, tables, lists, commands. No text of any language, no Markdown.

A section chooses and orders facts; the renderers (`reports/render/`) turn its blocks into bytes in one language.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Profile = Literal["homework", "drill"]
RowTable = Literal["events", "operations", "audits"]


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

    table: RowTable
    ids: tuple[int, ...]


Inline = Sentence | Value | Link | Anchor | Rows
Cell = Inline | tuple[Inline, ...] | None
"""A cell of a table; several parts are joined by ", "; None: nothing to say (a dash)."""
Row = tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading below the section's own."""

    title: Sentence


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Sentences in a row."""

    sentences: tuple[Inline, ...]


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list; each item is one or more sentences."""

    items: tuple[tuple[Inline, ...], ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under columns. A column without a single cell is left out.

    `columns` is the key of a list phrase, or the columns themselves if their number depends on the recording.
    """

    columns: str | tuple[Inline, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Code:
    """Text as it is: a command, SQL, the output of a program. `highlight` is the name that GitHub highlights by."""

    text: str
    highlight: str = "sh"


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture by its name; it is left out if it was not drawn."""

    name: str
    title: Sentence


@dataclass(frozen=True, slots=True)
class Details:
    """Blocks that a click opens."""

    summary: Sentence
    blocks: Blocks


Block = Heading | Paragraph | Bullets | Table | Code | Picture | Details
Blocks = tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """One section of the document; `title` None: it stands under the document's own title."""

    name: str
    title: Sentence | None
    blocks: Blocks
