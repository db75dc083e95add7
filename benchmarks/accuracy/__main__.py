"""`make accuracy`: play every scenario until each has enough runs, then score all stored runs.

`make accuracy ONLY="leader-killed etcd-two"` plays some. The runs accumulate in build/accuracy, one small file per run.
The score is computed again from these files each time, so that a new analysis is scored on all runs.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

import psycopg2

from benchmarks.accuracy.playing import play
from benchmarks.accuracy.scoring import markdown
from observer.model.errors import ObserverError
from stack import fault_actions, local
from stack.errors import StackError
from stack.local_cluster import local_cluster
from stack.scenario import Scenario, chosen
from stack.settings import StackSettings

RUNS = Path("build/accuracy")
BEGAN_S = time.monotonic()


def say(line: str) -> None:
    """Print a line of progress to standard error; only the score goes to standard output."""
    print(f"[{time.monotonic() - BEGAN_S:6.0f} s] {line}", file=sys.stderr, flush=True)


def main() -> int:
    """Play the missing runs and print the score. Return 69 if no cluster can be brought up."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy", description=__doc__)
    parser.add_argument("only", nargs="*", metavar="SCENARIO")
    parser.add_argument("--runs", type=Path, default=RUNS, help="directory of the stored runs")
    parser.add_argument("--repeat", type=int, default=3, help="number of runs of each scenario")
    parser.add_argument("--score", action="store_true", help="play nothing, score the stored runs")
    parser.add_argument("--dir", type=Path, default=Path("/var/tmp/observer-accuracy"), help="directory of the cluster")
    parser.add_argument("--port-shift", type=int, default=900)
    given = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell lets background processes ignore SIGINT
        signal.signal(number, signal.default_int_handler)
    try:
        if not given.score:
            # The shortest times that Patroni accepts, and a margin; the probe needs free connections in HAProxy.
            settings = StackSettings(given.dir, given.port_shift, 20, 5, 5, 1000)
            _play_missing(settings, chosen(given.only), given.repeat, given.runs)
    except StackError as error:
        say(str(error))
        return 69
    except KeyboardInterrupt:
        say("interrupted; the finished runs are stored")
    print(markdown(sorted(given.runs.glob("*.xz"))))
    return 0


def _play_missing(settings: StackSettings, scenarios: tuple[Scenario, ...], repeat: int, runs: Path) -> None:
    cluster = local_cluster(settings)
    for scenario in scenarios:
        if (why := fault_actions.unsupported(cluster, scenario)) is not None:
            say(f"{scenario.name} is skipped: {why}")
    missing = [
        (scenario, runs / f"{scenario.name}-{number}.json.xz")
        for number in range(1, repeat + 1)
        for scenario in scenarios
        if fault_actions.unsupported(cluster, scenario) is None
        if not (runs / f"{scenario.name}-{number}.json.xz").exists()
    ]
    if not missing:
        return
    local.up(settings, say)
    try:
        for scenario, path in missing:
            say(path.name)
            try:
                play(settings, scenario, path, say)
            except (StackError, ObserverError, psycopg2.Error) as error:
                say(f"not stored: {error}")
                with suppress(StackError):
                    fault_actions.repair(cluster)
    finally:
        local.down(settings.directory, say)


if __name__ == "__main__":
    sys.exit(main())
