"""One iptables chain for each cut of the network: all of its rules are in place before the first packet meets them."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterable, Sequence

from stack.errors import StackError

PATH = "/usr/sbin:/sbin:/usr/bin:/bin"
Run = Callable[[str], subprocess.CompletedProcess[str]]  # runs iptables with these arguments


def run(arguments: str, prefix: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
    """Run iptables, as the argument of another command if there is a `prefix`."""
    return subprocess.run(
        [*prefix, "iptables", "-w", *arguments.split()],
        env={"PATH": PATH, "LANG": "C"},
        capture_output=True,
        encoding="utf-8",
        timeout=30,
        check=False,
    )


def fill_chain(run: Run, chain: str, rules: Iterable[str]) -> None:
    """Create a chain with these rules; no packet passes through it yet. Raise StackError."""
    for rule in (f"-N {chain}", *(f"-A {chain} {rule}" for rule in rules)):
        must(run, rule)


def remove_chain(run: Run, chain: str, hooks: Iterable[str]) -> None:
    """Detach a chain from these hooks and remove it, if it exists."""
    if run(f"-S {chain}").returncode == 0:
        for rule in (*(f"-D {hook} -j {chain}" for hook in hooks), f"-F {chain}", f"-X {chain}"):
            run(rule)


def must(run: Run, rule: str) -> None:
    """Run iptables. Raise StackError with its message if it refuses."""
    done = run(rule)
    if done.returncode != 0:
        message = [line for line in done.stderr.splitlines() if not line.startswith("#")]
        raise StackError(
            f"iptables refused `{rule}` ({message[0] if message else 'no message'}); the network cannot be cut here."
        )
