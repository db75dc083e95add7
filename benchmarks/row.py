"""One row of the table: a measurement, its bar, and the same measurement of a peer in the same run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import quantiles


@dataclass(frozen=True, slots=True)
class Row:
    """`ours` and `peers` are in `unit`; `bar` is the objective; `met` is None if it was not measured (see `note`)."""

    what: str
    bar: str
    unit: str = ""
    ours: float | None = None
    peer: str = ""
    peers: float | None = None
    met: bool | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """Ours over the peer's."""
        if self.ours is None or not self.peers:
            return None
        return self.ours / self.peers


def percentile(values: Sequence[float], percent: int) -> float:
    """Return the value below which `percent` of the values are (inclusive method of the standard library)."""
    if len(values) == 1:
        return values[0]
    return quantiles(values, n=100, method="inclusive")[percent - 1]


def table(rows: Sequence[Row]) -> str:
    """Return the rows as a Markdown table."""
    lines = ["| what | bar | ours | peer | ratio | met |", "|---|---|---:|---|---:|---|"]
    for row in rows:
        ours = "-" if row.ours is None else f"{row.ours:.4g} {row.unit}".strip()
        peer = row.peer if row.peers is None else f"{row.peer}: {row.peers:.4g} {row.unit}".strip()
        ratio = "-" if row.ratio is None else f"{row.ratio:.2f}"
        met = {True: "yes", False: "**no**", None: "not measured"}[row.met]
        lines.append(f"| {row.what} | {row.bar} | {ours} | {peer} | {ratio} | {met} |")
    notes = [f"- {row.what}: {row.note}" for row in rows if row.note]
    return "\n".join([*lines, "", *notes]) + "\n"
