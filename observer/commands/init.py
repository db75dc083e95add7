"""Run `observer init`."""

from pathlib import Path

import click

from observer.commands.options import option_path, say


@click.command()
@click.option("--etcd", "address", metavar="HOST:PORT", help="Any etcd member; default: search this machine.")
@option_path("-o", "output", default=Path("observer.toml"), help="File to write; default: observer.toml.")
def init(address: str | None, output: Path) -> None:
    """Write observer.toml for a cluster that is running.

    An existing file is never overwritten. Without --etcd, search for the local cluster of `observer stack up`, then for
    containers that publish etcd's port, then for etcd on this machine. If etcd holds several clusters, set
    OBSERVER_CLUSTER_SCOPE to the one to use.

    Example: observer init --etcd 10.0.0.5:2379
    """
    from observer.config import discovery
    from observer.config.template import text

    if output.exists():
        discovery.write(output, "")  # refuse now, not after the search
    found = discovery.find(address, say)
    discovery.write(output, text(found))
    say(f"Wrote {output} for {found.scope}, found through {found.where}. Check it with `observer doctor`.")
