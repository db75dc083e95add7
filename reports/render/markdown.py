"""Sections of blocks to Markdown for GitHub, in one language. The same sections give the same bytes."""

from collections.abc import Mapping, Sequence
from functools import cache
from types import MappingProxyType

import jinja2

from reports.document.blocks import Cell, Inline, Picture, Section, Table
from reports.render.escaping import escape, fence, table
from reports.render.language import Language

NONE: Mapping[str, str] = MappingProxyType({})


def markdown(sections: Sequence[Section], language: Language, pictures: Mapping[str, str] = NONE) -> str:
    """Return the document, ending in one line break.

    `pictures` maps the name of a picture to its path relative to the document.
    """

    def picture(block: Picture) -> str:
        path = pictures.get(block.name)
        return "" if path is None else f"![{escape(language.plain().written(block.title))}]({path})"

    text = _template().render(
        sections=sections,
        text=language.written,
        sentences=lambda parts: _sentences(parts, language),
        table=lambda block: _table(block, language),
        picture=picture,
        fence=fence,
    )
    return _tidy(text) + "\n"


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("reports", "render/templates"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # the output is Markdown: reports/render/escaping.py escapes
    )
    return environment.get_template("document.md.j2")


def _sentences(parts: Sequence[Inline], language: Language) -> str:
    """Return sentences in a row, each with a capital first letter."""
    written = (language.written(part) for part in parts)
    return " ".join(text[:1].upper() + text[1:] for text in written if text)


def _table(block: Table, language: Language) -> str:
    columns = language.columns(block.columns)
    shown = [n for n in range(len(columns)) if any(row[n] is not None for row in block.rows)]
    rows = [[_cell(row[n], language) for n in shown] for row in block.rows]
    return table([columns[n] for n in shown], rows)


def _cell(cell: Cell, language: Language) -> str:
    if cell is None:
        return ""
    parts = cell if isinstance(cell, tuple) else (cell,)
    return ", ".join(language.written(part) for part in parts)


def _tidy(text: str) -> str:
    """Return the text without blank lines in a row or at its ends, and without spaces at the ends of lines.

    Blocks of code keep their blank lines: a program's output is shown as it is.
    """
    lines: list[str] = []
    fenced = ""
    for line in text.strip().splitlines():
        bare = line.rstrip()
        marks = bare[: len(bare) - len(bare.lstrip("`"))]
        if len(marks) >= 3 and (not fenced or bare == fenced):
            fenced = "" if fenced else marks
        if bare or fenced or (lines and lines[-1]):
            lines.append(bare)
    return "\n".join(lines)
