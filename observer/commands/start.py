"""Run `observer start`."""

from pathlib import Path

import click

from observer.commands.options import option_config, say, settings_of


@click.command()
@option_config
@click.option("--for", "for_text", metavar="TIME", help="Stop after this time: 90s, 10m, 2h.")
@click.option("-d", "detached", is_flag=True, help="Record in the background; the log is next to the recording file.")
@click.option("--plain", is_flag=True, help="Print one line per event without colours instead of the live view.")
def start(config: Path | None, db: Path | None, for_text: str | None, detached: bool, plain: bool) -> None:
    """Record the cluster until Ctrl-C or `observer stop`.

    Show a live view on a terminal, else print one line per event. A second recording is added to the same file.

    Example: observer start --db today.db --for 10m
    """
    from observer.commands import launch

    for_s = launch.seconds_of(for_text) if for_text is not None else None
    settings, path = settings_of(config, db)
    if detached:
        say(launch.detach(path, config, for_text))
    else:
        launch.record(settings, path, for_s, plain, say)
