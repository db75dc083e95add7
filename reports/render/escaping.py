"""Markdown that nothing from outside can break: escaping of text, inline code, tables and fenced blocks."""

import re
from collections.abc import Iterable, Sequence

# Entities replace the characters whose backslash escape differs inside and outside of a table, or in HTML.
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "&#124;", "`": "&#96;", "\\": "&#92;"}
_MARKS = frozenset("*_[]{}#~$!^=")
_PLAIN_CODE = re.compile(r"[^`|\\\s](?:[^`|\\]*[^`|\\\s])?")
_MARKER = re.compile(r"^([-+]|\d{1,9}[.)](?=\s|$))")

CELL_EMPTY = "—"


def one_line(text: object) -> str:
    """Return the text without line breaks and control characters, so that it stays within its line."""
    flat = "".join(" " if c.isspace() or not c.isprintable() else c for c in str(text))
    return re.sub(" +", " ", flat).strip()


def escape(text: object) -> str:
    """Return text that Markdown shows as it is, on one line, in a sentence or in a table's cell."""
    flat = one_line(text)
    marked = "".join(_ENTITIES.get(c) or (f"\\{c}" if c in _MARKS else c) for c in flat)
    return _MARKER.sub(lambda found: f"{found[1][:-1]}\\{found[1][-1]}", marked)


def code(text: object) -> str:
    """Return inline code; backticks, pipes and backslashes do not break it, in a sentence or in a cell."""
    flat = one_line(text)
    return f"`{flat}`" if _PLAIN_CODE.fullmatch(flat) else f"<code>{escape(flat)}</code>"


def runs(ids: Sequence[int]) -> str:
    """Return ids as runs of those that follow each other: "12–15, 20"."""
    found: list[list[int]] = []
    for row in sorted(set(ids)):
        if found and row == found[-1][-1] + 1:
            found[-1].append(row)
        else:
            found.append([row])
    return ", ".join(dashed(run) for run in found)


def dashed(numbers: Sequence[int]) -> str:
    """Return the first and the last of rising numbers, or the only one."""
    return f"{numbers[0]}–{numbers[-1]}" if len(numbers) > 1 else "".join(map(str, numbers))


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of cells that are Markdown already; an empty cell is a dash; numbers stand to the right."""
    filled = [[cell or CELL_EMPTY for cell in row] for row in rows]
    numeric = [bool(filled) and all(_is_number(row[i]) for row in filled) for i in range(len(columns))]
    rule = ["--:" if right else "---" for right in numeric]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in ([*columns], rule, *filled))


def fence(text: str, language: str = "") -> str:
    """Return a fenced block of the text without control characters, with a fence that the text does not hold."""
    text = "".join(c if c == "\n" or c.isprintable() else " " for c in text)
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    marks = "`" * max(3, longest + 1)
    return f"{marks}{language}\n{text}\n{marks}"


def _is_number(cell: str) -> bool:
    return cell == CELL_EMPTY or (cell.lstrip("*-−≥ ")[:1].isdigit() and ":" not in cell)
