"""The commands that bring up a cluster to break, and that break it by script."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from observer.commands.options import OK, answer, option_config, say, settings_of
from observer.model.errors import ObserverError, UsageError
from stack.cluster import Cluster
from stack.errors import StackError

STACK_EXIT_CODE = 69


@click.group()
def stack() -> None:
    """A cluster to break: three etcd, three Patroni with PostgreSQL, HAProxy; as processes (Linux) or in Docker."""


option_dir = click.option(
    "--dir", "directory", type=click.Path(path_type=Path), help="Where that of processes keeps its data."
)
option_local = click.option("--local", is_flag=True, help="As processes on loopback; this is the default.")
option_docker = click.option("--docker", is_flag=True, help="The homework's, by `docker compose` in hw3 of the clone.")


@stack.command("up")
@option_dir
@option_local
@option_docker
@click.option("--port-shift", type=int, help="Added to every port, so that several can live side by side.")
@click.option("--ttl", "ttl_s", type=int, help="Patroni's ttl, seconds; default 30.")
@click.option("--loop-wait", "loop_wait_s", type=int, help="Patroni's loop_wait, seconds; default 10.")
@click.option("--retry-timeout", "retry_timeout_s", type=int, help="Patroni's retry_timeout, seconds; default 10.")
def stack_up(directory: Path | None, local: bool, docker: bool, **settings: int | None) -> None:
    """Bring it up: of processes fresh, until it is whole; in Docker with the data that it had.

    Example: observer stack up --ttl 20 --loop-wait 5 --retry-timeout 5
    """
    told = {name: value for name, value in settings.items() if value is not None}
    if _is_in_docker(local, docker, directory=directory, **told):
        with _errors_of_the_stack():
            from stack import compose

            compose.up()
        return
    with _local_stack() as local_stack:
        local_stack.up(local_stack.StackSettings(directory or local_stack.default_directory(), **told), say)


@stack.command("down")
@option_dir
@option_local
@option_docker
def stack_down(directory: Path | None, local: bool, docker: bool) -> None:
    """Take it down: of processes the data goes and the logs stay, in Docker the data stays.

    Example: observer stack down
    """
    if _is_in_docker(local, docker, directory=directory):
        with _errors_of_the_stack():
            from stack import compose

            compose.down()
        return
    with _local_stack() as local_stack:
        local_stack.down(directory or local_stack.default_directory(), say)


@stack.command("status")
@option_dir
@option_local
@option_docker
def stack_status(directory: Path | None, local: bool, docker: bool) -> int:
    """Say how it is: 0 when it is whole, in Docker when all of it runs; 69 otherwise.

    Example: observer stack status
    """
    if _is_in_docker(local, docker, directory=directory):
        with _errors_of_the_stack(), answer():
            from stack import compose

            shown = compose.status()
            click.echo(shown.text)
        return OK if shown.up else STACK_EXIT_CODE
    with _local_stack() as local_stack:
        seen = local_stack.status(directory or local_stack.default_directory())
        with answer():
            click.echo("\n".join(local_stack.lines(seen)))
        return OK if seen.up else STACK_EXIT_CODE


@click.command()
@click.argument("scenarios", nargs=-1, metavar="[SCENARIO ...]")
@option_config
@option_dir
@click.option("--repeat", type=click.IntRange(1), default=1, help="Play each so many times; default 1.")
@click.option("--local", is_flag=True, help="The cluster of processes; this is the default.")
@click.option("--docker", is_flag=True, help="The cluster in Docker.")
@click.option("--list", "listed", is_flag=True, help="Name the scenarios and play none.")
def drill(
    scenarios: tuple[str, ...],
    config: Path | None,
    db: Path | None,
    directory: Path | None,
    repeat: int,
    local: bool,
    docker: bool,
    listed: bool,
) -> int:
    """Break the cluster by script and record the truth of what was done; all scenarios where none is named.

    It records by itself where nothing records yet. In Docker: the containers that hw3/compose.yaml brought up.

    Example: observer drill homework --docker
    """
    _is_in_docker(local, docker)
    with _errors_of_the_stack():
        from observer.commands.drill import drill as played
        from observer.commands.scoreboard import spreads, table
        from stack.scenario import chosen

        chosen_ones = chosen(scenarios)
        if listed:
            with answer():
                for one in chosen_ones:
                    click.echo(f"{one.name:<24} {one.about}")
            return OK
        cluster = _in_docker() if docker else _of_processes(directory)
        _, path = settings_of(config, db)
        found = played(chosen_ones, repeat, cluster, config or _config_here(), path, say)
    with answer():
        for line in (*table(found), *spreads(found)):
            click.echo(line)
    return OK


def _is_in_docker(local: bool, docker: bool, **of_processes: object) -> bool:
    """Which of the two clusters is meant. Raises UsageError where that is not clear."""
    if local and docker:
        raise UsageError("--local and --docker: name one of the two clusters.")
    told = [name for name, value in of_processes.items() if value is not None]
    if docker and told:
        option = "--dir" if told[0] == "directory" else f"--{told[0].removesuffix('_s').replace('_', '-')}"
        raise UsageError(f"{option} is of the cluster of processes; leave it out with --docker.")
    return docker


def _in_docker() -> Cluster:
    from stack.containers import find
    from stack.docker_cluster import docker_cluster

    return docker_cluster(find())


def _of_processes(directory: Path | None) -> Cluster:
    from stack.local_cluster import local_cluster
    from stack.settings import read

    with _local_stack() as local_stack:
        where = directory or local_stack.default_directory()
        settings = read(where)
    if settings is None:
        raise StackError(f"There is no cluster in {where} to break; bring one up with `observer stack up`.")
    return local_cluster(settings)


def _config_here() -> Path | None:
    path = Path("observer.toml")
    return path if path.exists() else None


@contextmanager
def _local_stack() -> Iterator[Any]:
    """The module `stack.local`, with its errors as ours."""
    if sys.platform != "linux":
        raise UsageError("The local stack runs on Linux only; elsewhere use Docker, and the observer beside it.")
    import stack.local

    with _errors_of_the_stack():
        yield stack.local


@contextmanager
def _errors_of_the_stack() -> Iterator[None]:
    try:
        yield
    except StackError as error:
        wrapped = ObserverError(str(error))
        wrapped.exit_code = STACK_EXIT_CODE
        raise wrapped from None
