"""The command line: parse, call, print, exit code; nothing else. Libraries are imported where they are needed."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path

import click

from observer.commands.cli_stack import drill, stack
from observer.commands.options import OK, answer, option_config, option_format, option_recording, say, settings_of
from observer.model.errors import ObserverError, UsageError

UNEXPECTED = 70


def main() -> None:
    """The entry point `observer`."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", newline="\n", errors="backslashreplace")
    sys.exit(run())


def run() -> int:
    """Every way in which a command can end, as an exit code and at most one sentence."""
    try:
        result = observer.main(standalone_mode=False)
        return result if isinstance(result, int) else OK
    except ObserverError as error:
        say(str(error))
        return error.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        say(error.format_message())
        return UsageError.exit_code
    except click.ClickException as error:
        hint = f" Try `{error.ctx.command_path} --help`." if isinstance(error, click.UsageError) and error.ctx else ""
        say(f"{error.format_message()}{hint}")
        return UsageError.exit_code
    except (click.Abort, KeyboardInterrupt):
        return 130
    except Exception as error:
        from observer.commands.crash import keep

        say(keep(error))
        return UNEXPECTED


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
def observer() -> None:
    """A flight recorder for PostgreSQL clusters run by Patroni.

    \b
    observer stack up          a cluster to break
    observer start             record, while you break it
    observer report            what broke, and what it cost
    """


observer.add_command(stack)
observer.add_command(drill)


@observer.command()
@click.option(
    "--etcd", "address", metavar="HOST:PORT", help="A member of etcd, anywhere; default: look on this machine."
)
@click.option("-o", "output", type=click.Path(path_type=Path), default=Path("observer.toml"), help="The file to write.")
def init(address: str | None, output: Path) -> None:
    """Write observer.toml for the cluster found: the local stack, containers, or etcd at an address.

    Example: observer init --etcd 10.0.0.5:2379
    """
    from observer.config import discovery as finder
    from observer.config.template import text

    if output.exists():
        finder.write(output, "")
    found = finder.find(address, say)
    finder.write(output, text(found))
    say(f"Wrote {output} for {found.scope}, found by {found.where}. `observer doctor` checks it.")


@observer.command()
@option_config
def doctor(config: Path | None, db: Path | None) -> int:
    """Check every endpoint, role, permission and version; say what is wrong and how to mend it.

    Example: observer doctor -c observer.toml
    """
    from observer.doctor.examine import examine
    from observer.doctor.finding import exit_code, lines

    settings, path = settings_of(config, db)
    findings = examine(settings, path)
    with answer():
        for line in lines(findings):
            click.echo(line)
    return exit_code(findings)


@observer.command()
@option_config
@click.option("--for", "for_text", metavar="TIME", help="End by itself after so long: 90s, 10m, 2h.")
@click.option("-d", "detached", is_flag=True, help="Record in the background; says where its log is.")
@click.option("--plain", is_flag=True, help="One line an event, without colours.")
def start(config: Path | None, db: Path | None, for_text: str | None, detached: bool, plain: bool) -> None:
    """Record until Ctrl-C or `observer stop`.

    Example: observer start --db today.db --for 10m
    """
    from observer.commands import launch

    for_s = launch.seconds_of(for_text) if for_text is not None else None
    settings, path = settings_of(config, db)
    if detached:
        say(launch.detach(path, config, for_text))
    else:
        launch.record(settings, path, for_s, plain, say)


@observer.command()
@option_config
def stop(config: Path | None, db: Path | None) -> None:
    """End the running recording in order, and wait until it has ended.

    Example: observer stop --db today.db
    """
    from observer.commands import launch

    _, path = settings_of(config, db)
    say(launch.ask_to_stop(path))


@observer.command()
@option_config
def status(config: Path | None, db: Path | None) -> None:
    """Who leads, what is down, is the application writing, the last events.

    Example: observer status
    """
    from observer.live.status import lines
    from observer.store import Reader, is_being_recorded

    _, path = settings_of(config, db)
    with Reader(path) as reader, answer():
        for line in lines(reader, is_being_recorded(path)):
            click.echo(line)


@observer.command()
@click.argument("text")
@option_config
def mark(text: str, config: Path | None, db: Path | None) -> None:
    """Put a note into the running recording.

    Example: observer mark "pulling the plug of patroni1"
    """
    from observer.model.clock import boot_id
    from observer.store import append_event

    _, path = settings_of(config, db)
    event = append_event(path, boot_id(), "note.told", "", {"text": text})
    say(f"Noted at {event.by_ns / 1e9:.3f} s.")


@observer.command()
@option_config
@option_recording("all of them")
@click.option("--lang", type=click.Choice(["ru", "en"]), help="Language; default: [report] language.")
@click.option("--profile", type=click.Choice(["homework", "drill"]), help="For whom; default: [report] profile.")
@click.option("--format", "form", type=click.Choice(["md", "json"]), default="md", help="Default: md.")
@click.option("-o", "output", type=click.Path(path_type=Path), help="Write to a file, at once or not at all.")
@click.option("--pictures", type=click.Path(path_type=Path), help="Draw SVG into a folder, and link them.")
@click.option("--check", is_flag=True, help="Hold [objectives]: exit 1 where one is broken, 2 where one is unknown.")
@click.option("--junit", type=click.Path(path_type=Path), help="Write the verdicts on [objectives] as JUnit XML.")
def report(
    config: Path | None,
    db: Path | None,
    recording: int | None,
    lang: str | None,
    profile: str | None,
    form: str,
    output: Path | None,
    pictures: Path | None,
    check: bool,
    junit: Path | None,
) -> int:
    """Report what broke and what it cost, for one recording or all of them.

    Example: observer report > hw3/HW_3_SOLUTION.md
    """
    from observer.commands import reporting

    settings, path = settings_of(config, db)
    if check or junit is not None:
        reporting.must_have_objectives(settings.objectives)
    facts = reporting.facts(path, recording, settings.objectives)
    lang, profile = lang or settings.report.language, profile or settings.report.profile
    drawn = None if pictures is None or form == "json" else reporting.draw(facts, lang, pictures, output)
    text = reporting.text(facts, form, lang, profile, drawn)
    if output is not None:
        reporting.write(output, text)
    else:
        with answer():
            click.echo(text, nl=not text.endswith("\n"))
    if not check and junit is None:
        return OK
    verdicts = reporting.verdicts(facts, settings.objectives)
    if junit is not None:
        reporting.write(junit, reporting.junit(verdicts))
    if not check:
        return OK
    for verdict in verdicts:
        say(verdict.sentence)
    return reporting.exit_code(verdicts)


@observer.command()
@option_config
@option_recording("the newest")
@click.option("--follow", is_flag=True, help="Go on while it records, until Ctrl-C.")
@click.option(
    "--source",
    help="Only of this source: etcd, patroni, postgres, haproxy, docker, log, prometheus, traffic, daemon, operator.",
)
@click.option("--kind", help="Only events of this kind, or group of kinds: leader.lost, route.")
@click.option("--subject", help="Only events about this member, endpoint or route.")
@click.option("--from", "from_text", metavar="TIME", help="From so long after the beginning on: 90s, 10m.")
@click.option("--to", "to_text", metavar="TIME", help="Up to so long after the beginning.")
@option_format
def timeline(
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
    """Print the events of a recording, one line each, or as JSON or CSV.

    Example: observer timeline --follow --kind leader
    """
    from observer.commands.event_filter import COLUMNS, Pick, row
    from observer.commands.launch import seconds_of
    from observer.commands.printing import print_rows
    from observer.live.status import follow as followed
    from observer.live.words import line
    from observer.store.packed import opened

    from_s = seconds_of(from_text, "--from") if from_text is not None else None
    to_s = seconds_of(to_text, "--to") if to_text is not None else None
    pick = Pick(source, kind.rstrip(".") if kind else None, subject, from_s, to_s)
    _, path = settings_of(config, db)
    with opened(path) as reader, suppress(KeyboardInterrupt), answer() as output:
        chosen = reader.recording(recording)
        events = followed(reader, chosen.id) if follow else iter(reader.events(chosen.id))
        picked = (event for event in events if pick.takes(event))
        if form == "table":
            for event in picked:
                click.echo(line(event))
        else:
            print_rows(COLUMNS, (row(chosen, event, form) for event in picked), form, output)


@observer.command()
@click.argument("sql")
@option_config
@option_format
def query(sql: str, config: Path | None, db: Path | None, form: str) -> None:
    """Ask the timeline by SQL; nothing is ever written. docs/sqlite.md names the tables and views.

    A recording that is packed with xz is read as it is.

    Example: observer query --db observer.db.xz "select * from leaders"
    """
    from observer.commands.printing import print_rows
    from observer.store.packed import opened

    _, path = settings_of(config, db)
    with opened(path) as reader, answer() as output:
        columns, rows = reader.query(sql)
        print_rows(columns, rows, form, output)


@observer.command("judge")
@option_config
def judge_command(config: Path | None, db: Path | None) -> None:
    """Judge every recording of a file anew, by today's rules, and keep in its tables what they find.

    A report always judges anew; this is for the tables, of a file that an older observer or a daemon cut off left.

    Example: observer judge --db observer.db
    """
    from observer.commands.analysis import judge_anew

    _, path = settings_of(config, db)
    for number, incidents in judge_anew(path):
        click.echo(f"recording {number}: {incidents} incident{'' if incidents == 1 else 's'}")


@observer.command("datasette-metadata")
@option_config
def datasette_metadata(config: Path | None, db: Path | None) -> None:
    """Print what Datasette shows beside the tables: titles, units, ready-made questions.

    Example: observer datasette-metadata > metadata.json && datasette observer.db -m metadata.json
    """
    import json

    from observer.commands.datasette import NAMES, metadata
    from observer.store import Reader

    _, path = settings_of(config, db)
    with Reader(path) as reader:
        there = [name for (name,) in reader.query(NAMES)[1]]
        columns = {name: reader.query(f"select * from {name} limit 0")[0] for name in there}
    with answer():
        click.echo(json.dumps(metadata(path, columns), indent=2))


if __name__ == "__main__":
    main()
