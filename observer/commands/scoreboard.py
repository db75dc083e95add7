"""The table that a drill ends with: what was told of each scenario, what was found, what it cost. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Row:
    """What the drill's table says of one scenario: seconds, None for what was not observed."""

    scenario: str
    told: tuple[str, ...]
    found: tuple[str, ...]
    write_s: float | None
    read_s: float | None
    lost: int | None
    right: bool


def table(found: Sequence[Row]) -> list[str]:
    """The rows as a person reads them."""
    head = ("scenario", "told", "found", "write s", "read s", "lost", "verdict")
    body = [
        (
            row.scenario,
            ", ".join(row.told) or "-",
            ", ".join(row.found) or "-",
            _seconds(row.write_s),
            _seconds(row.read_s),
            "-" if row.lost is None else str(row.lost),
            "right" if row.right else "WRONG",
        )
        for row in found
    ]
    widths = [max(len(line[column]) for line in (head, *body)) for column in range(len(head))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in (head, *body)]


def spreads(found: Sequence[Row]) -> list[str]:
    """The write outage of each scenario that was played more than once: least, median, most."""
    lines = []
    for name in dict.fromkeys(row.scenario for row in found):
        own = [row.write_s for row in found if row.scenario == name and row.write_s is not None]
        if len(own) > 1:
            spread = f"{min(own):.2f}, {median(own):.2f}, {max(own):.2f}"
            lines.append(f"{name}: writes were out for {spread} s (least, median, most; n = {len(own)})")
    return lines


def _seconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:.2f}"
