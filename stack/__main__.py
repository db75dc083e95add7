"""The stack by itself: `python -m stack up|down|status|config`, and faults: `python -m stack kill patroni1`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from stack import configs, faults, local
from stack.errors import StackError
from stack.settings import StackSettings, read

_FAULTS = {"stop": faults.stop, "kill": faults.kill, "pause": faults.pause, "resume": faults.resume}


def main() -> int:
    """Parse, call, print; 0, or 1 after a sentence on standard error."""
    parser = argparse.ArgumentParser(prog="python -m stack", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("up", "down", "status", "config", "start", "switchover", *_FAULTS):
        command = commands.add_parser(name)
        command.add_argument("--dir", type=Path, default=local.default_directory())
        if name == "up":
            command.add_argument("--port-shift", type=int, default=0)
            command.add_argument("--ttl", type=int, default=30)
            command.add_argument("--loop-wait", type=int, default=10)
            command.add_argument("--retry-timeout", type=int, default=10)
        if name in ("start", "switchover", *_FAULTS):
            command.add_argument("member")
        if name == "switchover":
            command.add_argument("candidate")
        if name in _FAULTS:
            command.add_argument("--only", choices=["patroni", "postgres"])
    try:
        return _run(parser.parse_args())
    except StackError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 1


def _run(told: argparse.Namespace) -> int:
    if told.command == "up":
        local.up(StackSettings(told.dir, told.port_shift, told.ttl, told.loop_wait, told.retry_timeout), _say)
    elif told.command == "down":
        local.down(told.dir, _say)
    elif told.command == "status":
        seen = local.status(told.dir)
        print("\n".join(local.lines(seen)))
        return 0 if seen.up else 1
    else:
        settings = read(told.dir)
        if settings is None:
            raise StackError(f"no cluster in {told.dir}; bring one up first.")
        if told.command == "config":
            print(configs.observer_toml(settings), end="")
        elif told.command == "start":
            faults.start(settings, told.member)
        elif told.command == "switchover":
            faults.switchover(settings, told.member, told.candidate)
        else:
            _FAULTS[told.command](settings, told.member, told.only)
    return 0


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
