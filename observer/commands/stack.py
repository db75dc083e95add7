"""Run `observer stack up`, `down` and `status`."""

from pathlib import Path

import click

from observer.commands.fault import ACTIONS
from observer.commands.options import OK, answer, say
from observer.commands.stack_options import docker_stack, local_stack, option_stack, wants_docker
from observer.model.errors import NothingAnswers, UsageError


class StackCommands(click.Group):
    """Name `observer fault` if a fault is asked of `observer stack`."""

    def resolve_command(
        self, context: click.Context, arguments: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Raise UsageError if the subcommand is an action of `observer fault`."""
        if arguments[0] in ACTIONS:
            raise UsageError(f"Faults have their own command; write: observer fault {' '.join(arguments)}")
        return super().resolve_command(context, arguments)


@click.group(cls=StackCommands)
def stack() -> None:
    """Start, stop or show a cluster for tests.

    Three etcd members, three Patroni members with PostgreSQL, and HAProxy: as processes (Linux) or in Docker.
    """


@stack.command("up")
@option_stack
@click.option("--port-shift", metavar="N", type=int, help="Add N to every port, to run a second cluster; default: 0.")
@click.option("--ttl", "ttl_s", metavar="SECONDS", type=int, help="Patroni's ttl; default: 30.")
@click.option("--loop-wait", "loop_wait_s", metavar="SECONDS", type=int, help="Patroni's loop_wait; default: 10.")
@click.option(
    "--retry-timeout", "retry_timeout_s", metavar="SECONDS", type=int, help="Patroni's retry_timeout; default: 10."
)
def stack_up(directory: Path | None, local: bool, docker: bool, **settings: int | None) -> None:
    """Start the cluster and wait until it is healthy.

    As processes it starts empty; in Docker it keeps its data.

    Example: observer stack up --ttl 20 --loop-wait 5 --retry-timeout 5
    """
    given = {name: value for name, value in settings.items() if value is not None}
    if wants_docker(local, docker, directory=directory, **given):
        with docker_stack() as compose:
            compose.up()
        return
    with local_stack() as cluster:
        cluster.up(cluster.StackSettings(directory or cluster.default_directory(), **given), say)


@stack.command("down")
@option_stack
def stack_down(directory: Path | None, local: bool, docker: bool) -> None:
    """Stop the cluster.

    As processes its data is removed and its logs stay; in Docker the data stays.

    Example: observer stack down
    """
    if wants_docker(local, docker, directory=directory):
        with docker_stack() as compose:
            compose.down()
        return
    with local_stack() as cluster:
        cluster.down(directory or cluster.default_directory(), say)


@stack.command("status")
@option_stack
def stack_status(directory: Path | None, local: bool, docker: bool) -> int:
    """Show the state of the cluster. Exit code 0: healthy; 69: not.

    In Docker, a cluster is healthy if all of its containers run.

    Example: observer stack status
    """
    if wants_docker(local, docker, directory=directory):
        with docker_stack() as compose:
            shown = compose.status()
        text, healthy = shown.text, shown.up
    else:
        with local_stack() as cluster:
            found = cluster.status(directory or cluster.default_directory())
            text, healthy = "\n".join(cluster.lines(found)), found.up
    with answer():
        click.echo(text)
    return OK if healthy else NothingAnswers.exit_code
