"""Run `observer drill`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from observer.commands.options import OK, answer, option_config, say, settings_of, suggestion
from observer.commands.stack_options import local_stack, option_dir, stack_errors, wants_docker
from observer.model.errors import NothingAnswers, UsageError

if TYPE_CHECKING:
    from stack.cluster import Cluster


def complete(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    """Return the scenarios that begin like this, for the completion of the shell."""
    from stack.scenario import names

    return [name for name in names() if name.startswith(incomplete)]


@click.command()
@click.argument("scenarios", nargs=-1, metavar="[SCENARIO ...]", shell_complete=complete)
@option_config
@option_dir
@click.option("--repeat", metavar="N", type=click.IntRange(1), default=1, help="Run each scenario N times; default: 1.")
@click.option("--local", is_flag=True, help="Break the local cluster of processes; this is the default.")
@click.option("--docker", is_flag=True, help="Break the homework's containers, started from hw3/compose.yaml.")
@click.option("--list", "listed", is_flag=True, help="List the scenarios and run none.")
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
    """Run scripted faults and compare the report with what was really done.

    Without SCENARIO, run all of them. The faults are written into the running recording, or into a new one if none is
    running. Afterwards a table shows the faults injected, the causes reported, and what each fault cost.

    Example: observer drill homework --docker
    """
    in_docker = wants_docker(local, docker, directory=directory)
    with stack_errors():
        from stack.scenario import chosen, names

        for name in scenarios:
            if name not in (known := names()):
                close = suggestion(name, known)
                raise UsageError(f"There is no scenario {name}{close} To see all: observer drill --list")
        chosen_ones = chosen(scenarios)
        if listed:
            with answer():
                for one in chosen_ones:
                    click.echo(f"{one.name:<24} {one.about}")
            return OK
        from observer.commands import drill_run
        from observer.commands.scoreboard import spreads, table

        cluster = _docker_cluster() if in_docker else _local_cluster(directory)
        _, path = settings_of(config, db)
        here = Path("observer.toml")
        own = config or (here if here.exists() else None)
        rows = drill_run.drill(chosen_ones, repeat, cluster, own, path, say)
    with answer():
        click.echo("\n".join([*table(rows), *spreads(rows)]))
    return OK


def _docker_cluster() -> Cluster:
    from stack.containers import find
    from stack.docker_cluster import docker_cluster

    return docker_cluster(find())


def _local_cluster(directory: Path | None) -> Cluster:
    from stack.local_cluster import local_cluster
    from stack.settings import read

    with local_stack() as cluster:
        where = directory or cluster.default_directory()
        settings = read(where)
    if settings is None:
        raise NothingAnswers(f"There is no cluster in {where} to break; start one with `observer stack up`.")
    return local_cluster(settings)
