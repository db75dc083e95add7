"""Show the whole program in about two minutes: start a cluster, kill its leader, report what that cost.

Run it with `make demo`. The cluster is stopped at the end, whatever happens.
"""

import argparse
import os
import sys
import time
from pathlib import Path

import stack.local
from observer.commands import drill_run, reporting
from observer.commands.report import language_of_locale
from observer.model.errors import NothingAnswers, ObserverError
from observer.store import is_being_recorded
from stack.errors import StackError
from stack.local_cluster import local_cluster
from stack.scenario import chosen
from stack.settings import StackSettings

BUILD = Path("build")
BEGAN_S = time.monotonic()


def say(text: str) -> None:
    """Print a line of progress with the time since the start."""
    print(f"[{time.monotonic() - BEGAN_S:5.0f} s] {text}", flush=True)


def main() -> int:
    """Run the demo and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m observer.commands.demo", description=__doc__)
    parser.add_argument("--dir", type=Path, default=stack.local.default_directory(), help="directory of the cluster")
    parser.add_argument("--port-shift", type=int, default=0, help="number to add to every port")
    options = parser.parse_args()
    try:
        run(StackSettings(options.dir, options.port_shift))
    except (StackError, ObserverError) as error:
        say(str(error))
        return error.exit_code if isinstance(error, ObserverError) else NothingAnswers.exit_code
    except KeyboardInterrupt:
        say("interrupted")
        return 130
    return 0


def run(settings: StackSettings) -> None:
    """Start the cluster, run the scenario leader-killed, stop, report. Raise StackError or ObserverError."""
    database, config = BUILD / "demo.db", BUILD / "demo.toml"
    BUILD.mkdir(exist_ok=True)
    if is_being_recorded(database):
        raise NothingAnswers(f"{database}: another demo is recording; wait until it ends, or stop it.")
    database.unlink(missing_ok=True)
    say("starting a cluster: three etcd, three Patroni with PostgreSQL, HAProxy")
    stack.local.up(settings, lambda line: say(f"  {line}"))
    try:
        cluster = local_cluster(settings)
        config.write_text(cluster.observer_toml, encoding="utf-8")
        drill_run.drill(chosen(["leader-killed"]), 1, cluster, config, database, say)
    except (Exception, KeyboardInterrupt):
        say(f"the demo failed; see the logs: {database.with_suffix('.log')}, {settings.directory / 'logs'}")
        raise
    finally:
        say("stopping the cluster")
        stack.local.down(settings.directory, lambda _: None)
    _report(database)


def _report(database: Path) -> None:
    results = reporting.results(database, None)
    russian, english = BUILD / "report.md", BUILD / "report.en.md"
    reporting.write(russian, reporting.text(results, "md", "ru", "homework"))
    reporting.write(english, reporting.text(results, "md", "en", "homework"))
    print()
    for line in reporting.summary(results, language_of_locale(os.environ)):
        print(line)
    print(f"\nFull report: {russian} (Russian), {english} (English).")
    print(f'Query the recording yourself: observer query "select * from leaders" --db {database}')


if __name__ == "__main__":
    sys.exit(main())
