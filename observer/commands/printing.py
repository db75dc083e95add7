"""Print rows as a table, as JSON or as CSV."""

import csv
import json
import unicodedata
from collections.abc import Iterable, Sequence
from typing import IO, Any


def print_rows(columns: Sequence[str], rows: Iterable[Sequence[Any]], form: str, output: IO[str]) -> None:
    """Write rows in one of the forms table, json, csv. Write and flush each row of JSON and CSV as it comes."""
    if form == "csv":
        writer = csv.writer(output, lineterminator="\n")
        writer.writerow(columns)
        for row in rows:
            writer.writerow(row)
            output.flush()
    elif form == "json":
        _print_json(columns, rows, output)
    else:
        _print_table(columns, rows, output)


def _print_json(columns: Sequence[str], rows: Iterable[Sequence[Any]], output: IO[str]) -> None:
    before = "[\n"
    try:
        for row in rows:
            text = json.dumps(dict(zip(columns, row, strict=True)), ensure_ascii=False, default=str)
            output.write(f"{before}  {text}")
            output.flush()
            before = ",\n"
    finally:  # Ctrl-C ends `events --follow`, and the output must be valid JSON
        output.write("[]\n" if before == "[\n" else "\n]\n")


def _print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], output: IO[str]) -> None:
    found = list(rows)
    cells = [[_text(value) for value in row] for row in found]
    widths = [max(map(_width, column)) for column in zip(columns, *cells, strict=True)]
    numeric = [all(isinstance(row[i], int | float | None) for row in found) for i in range(len(columns))]
    output.write(_line(columns, widths, numeric))
    output.write("  ".join("-" * width for width in widths) + "\n")
    for row in cells:
        output.write(_line(row, widths, numeric))


def _line(cells: Sequence[str], widths: Sequence[int], numeric: Sequence[bool]) -> str:
    padded = [
        " " * (width - _width(cell)) + cell if right else cell + " " * (width - _width(cell))
        for cell, width, right in zip(cells, widths, numeric, strict=True)
    ]
    return "  ".join(padded).rstrip() + "\n"


def _text(value: Any) -> str:
    if value is None:
        return "-"
    return "".join(letter if letter.isprintable() else " " for letter in str(value))


def _width(text: str) -> int:
    """Return the columns on a terminal: wide characters take two, combining ones none."""
    return sum(
        0 if unicodedata.combining(letter) else 2 if unicodedata.east_asian_width(letter) in "WF" else 1
        for letter in text
    )
