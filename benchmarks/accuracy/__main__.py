"""`make accuracy`: plays every scenario until each was played so many times, then scores all runs that were kept.

`make accuracy ONLY="leader-killed etcd-two"` plays some; results add up in build/accuracy, one small file for each run.
The score is computed anew from those files each time, so that a better judge is scored on all runs there are.
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
from benchmarks.accuracy.scoring import printed
from observer.model.errors import ObserverError
from stack import fault_actions, local
from stack.errors import StackError
from stack.local_cluster import local_cluster
from stack.scenario import Scenario, chosen
from stack.settings import StackSettings

RUNS = Path("build/accuracy")
BEGAN_S = time.monotonic()


def say(line: str) -> None:
    """A line of progress on standard error; the score alone goes to standard output."""
    print(f"[{time.monotonic() - BEGAN_S:6.0f} s] {line}", file=sys.stderr, flush=True)


def main() -> int:
    """Plays what is missing, and prints the score; 69 where there is no cluster to be had."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy", description=__doc__)
    parser.add_argument("only", nargs="*", metavar="SCENARIO")
    parser.add_argument("--runs", type=Path, default=RUNS, help="where the runs are kept")
    parser.add_argument("--repeat", type=int, default=3, help="how often each shall have been played")
    parser.add_argument("--score", action="store_true", help="play nothing, score what is kept")
    parser.add_argument("--dir", type=Path, default=Path("/var/tmp/observer-accuracy"), help="where the cluster lives")
    parser.add_argument("--port-shift", type=int, default=900)
    told = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM):  # in the background the first is ignored unless it is asked for
        signal.signal(number, signal.default_int_handler)
    try:
        if not told.score:
            # The shortest times that Patroni takes with a margin; the probe needs room in HAProxy.
            _fill(StackSettings(told.dir, told.port_shift, 20, 5, 5, 1000), chosen(told.only), told.repeat, told.runs)
    except StackError as error:
        say(str(error))
        return 69
    except KeyboardInterrupt:
        say("stopped by hand; what was played is kept")
    print(printed(sorted(told.runs.glob("*.xz"))))
    return 0


def _fill(settings: StackSettings, scenarios: tuple[Scenario, ...], repeat: int, runs: Path) -> None:
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
                say(f"not kept: {error}")
                with suppress(StackError):
                    fault_actions.repair(cluster)
    finally:
        local.down(settings.directory, say)


if __name__ == "__main__":
    sys.exit(main())
