"""`observer --help`; the peer is a Python interpreter that imports click."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from benchmarks.row import Row, percentile

RUNS = 15


def measure() -> list[Row]:
    """Measure the median of some runs of each, in turns, so that a noisy machine disturbs both equally."""
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
            met=median <= 0.3,
        )
    ]


def _seconds(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began
