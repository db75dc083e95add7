"""`observer --help` beside a bare Python interpreter."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from benchmarks.row import Row, percentile

RUNS = 15


def measure() -> list[Row]:
    """The median of some runs of each, taken in turns so that a noisy machine disturbs both alike."""
    ours = [str(Path(sys.executable).with_name("observer")), "--help"]
    peer = [sys.executable, "-c", "import click"]
    took: dict[str, list[float]] = {"ours": [], "peer": []}
    for _ in range(RUNS):
        took["ours"].append(_seconds(ours))
        took["peer"].append(_seconds(peer))
    median = percentile(took["ours"], 50)
    return [
        Row(
            what="`observer --help`",
            bar="0.3 s",
            unit="s",
            ours=median,
            peer="python -c 'import click'",
            peers=percentile(took["peer"], 50),
            held=median <= 0.3,
        )
    ]


def _seconds(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began
