"""Format the table at the end of a drill: the faults injected, the causes reported, what they cost. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Row:
    """One run of a scenario. Outages in seconds; None if the value was not observed."""

    scenario: str
    injected: tuple[str, ...]
    reported: tuple[str, ...]
    write_s: float | None
    read_s: float | None
    lost: int | None
    right: bool


def table(rows: Sequence[Row]) -> list[str]:
    """Return the lines of the table, the column names first."""
    head = ("scenario", "injected", "reported", "write outage, s", "read outage, s", "lost writes", "verdict")
    body = [
        (
            row.scenario,
            ", ".join(row.injected) or "-",
            ", ".join(row.reported) or "-",
            _seconds(row.write_s),
            _seconds(row.read_s),
            "-" if row.lost is None else str(row.lost),
            "right" if row.right else "WRONG",
        )
        for row in rows
    ]
    widths = [max(len(line[column]) for line in (head, *body)) for column in range(len(head))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in (head, *body)]


def spreads(rows: Sequence[Row]) -> list[str]:
    """Return minimum, median and maximum of the write outage for each scenario that was run more than once."""
    lines = []
    for name in dict.fromkeys(row.scenario for row in rows):
        own = [row.write_s for row in rows if row.scenario == name and row.write_s is not None]
        if len(own) > 1:
            spread = f"{min(own):.2f}, {median(own):.2f}, {max(own):.2f}"
            lines.append(f"{name}: write outage {spread} s (minimum, median, maximum; n = {len(own)})")
    return lines


def _seconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:.2f}"
