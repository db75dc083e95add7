"""Run `observer mark`."""

from pathlib import Path

import click

from observer.commands.options import option_config, say, settings_of


@click.command()
@click.argument("text")
@option_config
def mark(text: str, config: Path | None, db: Path | None) -> None:
    """Add a note to the running recording.

    Example: observer mark "pulling the plug of patroni1"
    """
    from observer.model.clock import boot_id
    from observer.store import append_event

    _, path = settings_of(config, db)
    event = append_event(path, boot_id(), "note.told", "", {"text": text})
    say(f"Noted at {event.by_ns / 1e9:.3f} s.")
