"""Run `observer events`."""

from contextlib import suppress
from pathlib import Path

import click

from observer.commands.event_filter import SOURCES
from observer.commands.options import answer, option_config, option_format, option_recording, say, settings_of


@click.command()
@option_config
@option_recording("the newest")
@click.option("--follow", is_flag=True, help="Continue with new events until the recording ends or Ctrl-C.")
@click.option("--source", metavar="NAME", help=f"Only events of this source: {', '.join(SOURCES)}.")
@click.option("--kind", metavar="KIND", help="Only events of this kind or group of kinds: leader.lost, leader.")
@click.option("--subject", metavar="NAME", help="Only events about this member, endpoint or route.")
@click.option("--from", "from_text", metavar="TIME", help="Only events from this time after the start on: 90s, 10m.")
@click.option("--to", "to_text", metavar="TIME", help="Only events up to this time after the start.")
@option_format("table", "json", "csv")
def events(
    config: Path | None,
    db: Path | None,
    recording: int | None,
    follow: bool,
    source: str | None,
    kind: str | None,
    subject: str | None,
    from_text: str | None,
    to_text: str | None,
    form: str,
) -> None:
    """Print the events of a recording, one line per event.

    JSON and CSV contain every detail of an event. The recording file may be packed with xz.

    Example: observer events --follow --kind leader
    """
    from observer.commands import event_filter
    from observer.commands.launch import seconds_of
    from observer.commands.printing import print_rows
    from observer.live.status import follow as followed
    from observer.live.words import line
    from observer.store.packed import opened

    from_s = seconds_of(from_text, "--from") if from_text is not None else None
    to_s = seconds_of(to_text, "--to") if to_text is not None else None
    wanted = event_filter.EventFilter(source, kind.rstrip(".") if kind else None, subject, from_s, to_s)
    event_filter.check_times(wanted)
    _, path = settings_of(config, db)
    with opened(path) as reader, suppress(KeyboardInterrupt), answer() as output:
        header = reader.recording(recording)
        known = event_filter.known_names(reader, header.id)
        if follow and subject is not None and subject not in known["--subject"]:
            say(f"No event about {subject} yet; waiting for one.")
            known["--subject"].add(subject)
        event_filter.check_names(wanted, known)
        found = followed(reader, header.id) if follow else iter(reader.events(header.id))
        chosen = (event for event in found if wanted.takes(event))
        if form == "table":
            for event in chosen:
                click.echo(line(event))
        else:
            print_rows(event_filter.COLUMNS, (event_filter.row(header, one, form) for one in chosen), form, output)
