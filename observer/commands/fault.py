"""Run `observer fault`."""

from pathlib import Path

import click

from observer.commands.stack_options import local_stack, option_dir
from observer.model.errors import UsageError
from stack.settings import MEMBERS, NODES

ACTIONS = ("kill", "stop", "pause", "resume", "start", "switchover")


@click.command()
@click.argument("action", type=click.Choice(ACTIONS), metavar="ACTION")
@click.argument("target", type=click.Choice(MEMBERS), metavar="TARGET")
@click.argument("candidate", type=click.Choice(NODES), metavar="[CANDIDATE]", required=False)
@click.option(
    "--only", type=click.Choice(["patroni", "postgres"]), help="Act on one of the two processes of a Patroni member."
)
@option_dir
def fault(action: str, target: str, candidate: str | None, only: str | None, directory: Path | None) -> None:
    """Inject a fault into the local cluster, or repair it.

    \b
    kill        SIGKILL to every process of the member
    stop        stop it cleanly (SIGTERM) and wait
    pause       freeze it (SIGSTOP); connections stay open
    resume      let a frozen member continue (SIGCONT)
    start       start a member that was killed or stopped
    switchover  move leadership from TARGET to CANDIDATE

    TARGET is etcd1 to etcd3, patroni1 to patroni3 (with its PostgreSQL) or haproxy. `python -m stack` takes the same
    arguments.

    Example: observer fault kill patroni1
    """
    if (action == "switchover") != (candidate is not None):
        raise UsageError("A switchover, and no other action, needs TARGET (the leader) and CANDIDATE.")
    if only is not None and (action in ("start", "switchover") or target not in NODES):
        raise UsageError(f"--only applies to kill, stop, pause and resume of {', '.join(NODES)}.")
    with local_stack() as cluster:
        from stack.__main__ import inject

        inject(directory or cluster.default_directory(), action, target, candidate, only)
