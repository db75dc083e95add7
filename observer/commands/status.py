"""Run `observer status`."""

from pathlib import Path

import click

from observer.commands.options import answer, option_config, option_format, settings_of


@click.command()
@option_config
@option_format("text", "json")
def status(config: Path | None, db: Path | None, form: str) -> None:
    """Show the leader, what is down, and whether writes and reads succeed.

    Show the newest recording of the file. The leader is taken from Patroni if etcd does not answer; "nobody" (no member
    holds the leader key) and "unknown" are different answers. The text ends with the last events.

    Example: observer status --format json
    """
    import json

    from observer.live.status import as_json, lines
    from observer.store import is_being_recorded
    from observer.store.packed import opened

    _, path = settings_of(config, db)
    alive = is_being_recorded(path)
    with opened(path) as reader, answer():
        if form == "text":
            click.echo("\n".join(lines(reader, alive)))
        else:
            click.echo(json.dumps(as_json(reader, alive), ensure_ascii=False, indent=2))
