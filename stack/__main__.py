"""Start, stop and break the local cluster: `python -m stack up|down|status|config`, `python -m stack kill patroni1`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import NoReturn

from stack import configs, faults, local
from stack.cluster import Service
from stack.errors import StackError
from stack.settings import MEMBERS, NODES, StackSettings, read

USAGE, FAILED, INTERRUPTED = 64, 69, 130
_SIGNALS = {"stop": faults.stop, "kill": faults.kill, "pause": faults.pause, "resume": faults.resume}


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """End with the exit code that `observer` has for wrong usage."""
        self.exit(USAGE, f"{message[0].upper()}{message[1:]}. Try `{self.prog} --help`.\n")


def main() -> int:
    """Parse, call, print; return 0, 69 after an error message, 130 after Ctrl-C. Exit with 64 if usage is wrong."""
    parser = _Parser(prog="python -m stack", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("up", "down", "status", "config", "start", "switchover", *_SIGNALS):
        command = commands.add_parser(name)
        command.add_argument("--dir", type=Path, default=local.default_directory())
        if name == "up":
            command.add_argument("--port-shift", type=int, default=0)
            command.add_argument("--ttl", type=int, default=30)
            command.add_argument("--loop-wait", type=int, default=10)
            command.add_argument("--retry-timeout", type=int, default=10)
        if name in ("start", "switchover", *_SIGNALS):
            command.add_argument("target", choices=MEMBERS)
        if name == "switchover":
            command.add_argument("candidate", choices=NODES)
        if name in _SIGNALS:
            command.add_argument("--only", choices=["patroni", "postgres"])
    try:
        return _run(parser.parse_args())
    except StackError as error:
        print(error, file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED


def inject(directory: Path, action: str, target: str, candidate: str | None, only: str | None) -> None:
    """Inject one fault into the cluster of a directory, or repair it. Raise StackError if that fails."""
    settings = _settings(directory)
    if action == "start":
        faults.start(settings, target)
    elif action == "switchover":
        faults.switchover(settings, target, candidate or "")
    else:
        part: Service | None = "patroni" if only == "patroni" else "postgres" if only == "postgres" else None
        _SIGNALS[action](settings, target, part)


def _run(options: argparse.Namespace) -> int:
    match options.command:
        case "up":
            timing = (options.ttl, options.loop_wait, options.retry_timeout)
            local.up(StackSettings(options.dir, options.port_shift, *timing), _say)
        case "down":
            local.down(options.dir, _say)
        case "status":
            found = local.status(options.dir)
            print("\n".join(local.lines(found)))
            return 0 if found.up else FAILED
        case "config":
            print(configs.observer_toml(_settings(options.dir)), end="")
        case action:
            candidate, only = getattr(options, "candidate", None), getattr(options, "only", None)
            inject(options.dir, action, options.target, candidate, only)
    return 0


def _settings(directory: Path) -> StackSettings:
    settings = read(directory)
    if settings is None:
        raise StackError(f"There is no cluster in {directory}; start one with `observer stack up`.")
    return settings


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
