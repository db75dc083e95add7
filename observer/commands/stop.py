"""Run `observer stop`."""

from pathlib import Path

import click

from observer.commands.options import option_config, say, settings_of


@click.command()
@option_config
def stop(config: Path | None, db: Path | None) -> None:
    """Stop the running recording cleanly, and wait until it has stopped.

    Example: observer stop --db today.db
    """
    from observer.commands import launch

    _, path = settings_of(config, db)
    say(launch.ask_to_stop(path))
