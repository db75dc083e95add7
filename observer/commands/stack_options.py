"""Define what the commands `stack`, `fault` and `drill` share: their options, and the errors of the package stack."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from observer.commands.options import Command, option_path
from observer.model.errors import NothingAnswers, UsageError

option_dir = option_path(
    "--dir",
    "directory",
    metavar="DIR",
    help="Data directory of the local cluster; default: OBSERVER_STACK_DIR, else one in /var/tmp.",
)


def option_stack(command: Command) -> Command:
    """Add the options --dir DIR, --local and --docker, which choose a cluster."""
    docker = "Use the homework's containers (`docker compose` in hw3)."
    local = "Use the local cluster of processes; this is the default."
    command = click.option("--docker", is_flag=True, help=docker)(command)
    return option_dir(click.option("--local", is_flag=True, help=local)(command))


def wants_docker(local: bool, docker: bool, **local_only: object) -> bool:
    """Return whether the cluster in Docker is meant. Raise UsageError if the options contradict each other."""
    if local and docker:
        raise UsageError("--local and --docker exclude each other; choose one.")
    given = [name for name, value in local_only.items() if value is not None]
    if docker and given:
        option = "--dir" if given[0] == "directory" else f"--{given[0].removesuffix('_s').replace('_', '-')}"
        raise UsageError(f"{option} applies to the local cluster only; leave it out with --docker.")
    return docker


@contextmanager
def local_stack() -> Iterator[Any]:
    """Return the module `stack.local`. Raise its errors as ours, and UsageError if this is not Linux."""
    if sys.platform != "linux":
        raise UsageError("The local cluster runs on Linux only; elsewhere use --docker.")
    with stack_errors():
        import stack.local

        yield stack.local


@contextmanager
def docker_stack() -> Iterator[Any]:
    """Return the module `stack.compose`. Raise its errors as ours."""
    with stack_errors():
        import stack.compose

        yield stack.compose


@contextmanager
def stack_errors() -> Iterator[None]:
    """Turn StackError into NothingAnswers, which has the exit code 69."""
    from stack.errors import StackError

    try:
        yield
    except StackError as error:
        raise NothingAnswers(str(error)) from None
