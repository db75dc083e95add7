"""The command line: parse, call, print, exit code; nothing else. Libraries are imported where they are needed."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import click

from observer.errors import ObserverError, UsageError

OK, UNEXPECTED = 0, 70
STACK_EXIT_CODE = 69

Command = TypeVar("Command", bound=Callable[..., Any])


def say(text: str) -> None:
    """A sentence to the person."""
    click.echo(text, err=True)


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
    except BrokenPipeError:  # `| head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except Exception as error:
        from observer.crash import keep

        say(keep(error))
        return UNEXPECTED


def option_config(command: Command) -> Command:
    """-c FILE and --db FILE."""
    command = click.option("--db", type=click.Path(path_type=Path), help="The timeline's file; default: [store] path.")(
        command
    )
    return click.option(
        "-c", "config", type=click.Path(path_type=Path), help="Configuration; default: observer.toml, if it is here."
    )(command)


option_format = click.option(
    "--format", "form", type=click.Choice(["table", "json", "csv"]), default="table", help="Default: table."
)
option_recording = click.option("--recording", type=int, help="The recording with this number; default: the newest.")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
def observer() -> None:
    """A flight recorder for PostgreSQL clusters run by Patroni.

    \b
    observer stack up          a cluster to break
    observer start             record, while you break it
    observer report            what broke, and what it cost
    """


@observer.command()
@click.option(
    "--etcd", "address", metavar="HOST:PORT", help="A member of etcd, anywhere; default: look on this machine."
)
@click.option("-o", "output", type=click.Path(path_type=Path), default=Path("observer.toml"), help="The file to write.")
def init(address: str | None, output: Path) -> None:
    """Write observer.toml for the cluster found: the local stack, containers, or etcd at an address.

    Example: observer init --etcd 10.0.0.5:2379
    """
    from observer import init as finder
    from observer.commented import text

    if output.exists():
        finder.write(output, "")
    found = finder.find(address, say)
    finder.write(output, text(found))
    say(f"Wrote {output} for {found.scope}, found by {found.where}. `observer doctor` checks it.")


@observer.command()
@click.option("-c", "config", type=click.Path(path_type=Path), help="Default: observer.toml, if it is here.")
@click.option("--db", type=click.Path(path_type=Path), help="The timeline's file; default: [store] path.")
def doctor(config: Path | None, db: Path | None) -> int:
    """Check every endpoint, role, permission and version; say what is wrong and how to mend it.

    Example: observer doctor -c observer.toml
    """
    from observer.doctor.examine import examine
    from observer.doctor.finding import exit_code, lines

    settings, path = _settings(config, db)
    findings = examine(settings, path)
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
    from observer import launch

    for_s = launch.seconds_of(for_text) if for_text is not None else None
    settings, path = _settings(config, db)
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
    from observer import launch

    _, path = _settings(config, db)
    say(launch.ask_to_stop(path))


@observer.command()
@option_config
def status(config: Path | None, db: Path | None) -> None:
    """Who leads, what is down, is the application writing, the last events.

    Example: observer status
    """
    from observer.status import lines
    from observer.store import Reader, is_being_recorded

    _, path = _settings(config, db)
    with Reader(path) as reader:
        for line in lines(reader, is_being_recorded(path)):
            click.echo(line)


@observer.command()
@click.argument("text")
@option_config
def mark(text: str, config: Path | None, db: Path | None) -> None:
    """Put a note into the running recording.

    Example: observer mark "pulling the plug of patroni1"
    """
    from observer.clock import boot_id
    from observer.store import tell

    _, path = _settings(config, db)
    event = tell(path, boot_id(), "note.told", "", {"text": text})
    say(f"Noted at {event.by_ns / 1e9:.3f} s.")


@observer.command()
@option_config
@option_recording
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
    """Say what broke and what it cost, of every recording in the file or of one.

    Example: observer report > hw3/HW_3_SOLUTION.md
    """
    from observer import reporting

    settings, path = _settings(config, db)
    if check or junit is not None:
        reporting.must_have_objectives(settings.objectives)
    facts = reporting.facts(path, recording, settings.objectives)
    lang, profile = lang or settings.report.language, profile or settings.report.profile
    drawn = None if pictures is None or form == "json" else reporting.draw(facts, lang, pictures, output)
    text = reporting.text(facts, form, lang, profile, drawn)
    if output is not None:
        reporting.write(output, text)
    else:
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
@option_recording
@click.option("--follow", is_flag=True, help="Go on while it records, until Ctrl-C.")
@click.option(
    "--source", help="Only what this source says: etcd, patroni, postgres, haproxy, traffic, operator, daemon."
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
    from observer.launch import seconds_of
    from observer.picking import COLUMNS, Pick, row
    from observer.printing import print_rows
    from observer.status import follow as followed
    from observer.store import Reader
    from observer.words import line

    from_s = seconds_of(from_text, "--from") if from_text is not None else None
    to_s = seconds_of(to_text, "--to") if to_text is not None else None
    pick = Pick(source, kind.rstrip(".") if kind else None, subject, from_s, to_s)
    _, path = _settings(config, db)
    with Reader(path) as reader, suppress(KeyboardInterrupt):
        chosen = reader.recording(recording)
        events = followed(reader, chosen.id) if follow else iter(reader.events(chosen.id))
        picked = (event for event in events if pick.takes(event))
        if form == "table":
            for event in picked:
                click.echo(line(event))
        else:
            print_rows(COLUMNS, (row(chosen, event, form) for event in picked), form, sys.stdout)


@observer.command()
@click.argument("sql")
@option_config
@option_format
def query(sql: str, config: Path | None, db: Path | None, form: str) -> None:
    """Ask the timeline by SQL; nothing is ever written. docs/timeline.md names the tables and views.

    Example: observer query "select * from leaders"
    """
    from observer.printing import print_rows
    from observer.store import Reader

    _, path = _settings(config, db)
    with Reader(path) as reader:
        columns, rows = reader.query(sql)
        print_rows(columns, rows, form, sys.stdout)


@observer.command("datasette-metadata")
@option_config
def datasette_metadata(config: Path | None, db: Path | None) -> None:
    """Print what Datasette shows beside the tables: titles, units, ready-made questions.

    Example: observer datasette-metadata > metadata.json && datasette observer.db -m metadata.json
    """
    import json

    from observer.datasette import NAMES, metadata
    from observer.store import Reader

    _, path = _settings(config, db)
    with Reader(path) as reader:
        there = [name for (name,) in reader.query(NAMES)[1]]
        columns = {name: reader.query(f"select * from {name} limit 0")[0] for name in there}
    click.echo(json.dumps(metadata(path, columns), indent=2))


@observer.group()
def stack() -> None:
    """A cluster to break: three etcd, three Patroni with PostgreSQL, HAProxy, as processes on loopback (Linux)."""


option_dir = click.option("--dir", "directory", type=click.Path(path_type=Path), help="Where it keeps its data.")
option_local = click.option("--local", is_flag=True, help="As processes; this is the default.")


@stack.command("up")
@option_dir
@option_local
@click.option("--port-shift", type=int, default=0, help="Added to every port, so that several can live side by side.")
@click.option("--ttl", type=int, default=30, help="Patroni's ttl, seconds; default 30.")
@click.option("--loop-wait", type=int, default=10, help="Patroni's loop_wait, seconds; default 10.")
@click.option("--retry-timeout", type=int, default=10, help="Patroni's retry_timeout, seconds; default 10.")
def stack_up(
    directory: Path | None, local: bool, port_shift: int, ttl: int, loop_wait: int, retry_timeout: int
) -> None:
    """Bring it up, fresh, and wait until it is whole.

    Example: observer stack up --ttl 20 --loop-wait 5 --retry-timeout 5
    """
    with _local_stack() as local_stack:
        where = directory or local_stack.default_directory()
        local_stack.up(local_stack.StackSettings(where, port_shift, ttl, loop_wait, retry_timeout), say)


@stack.command("down")
@option_dir
@option_local
def stack_down(directory: Path | None, local: bool) -> None:
    """Take it down and remove its data; the logs stay.

    Example: observer stack down
    """
    with _local_stack() as local_stack:
        local_stack.down(directory or local_stack.default_directory(), say)


@stack.command("status")
@option_dir
@option_local
def stack_status(directory: Path | None, local: bool) -> int:
    """Say how it is: 0 when it is whole, 69 otherwise.

    Example: observer stack status
    """
    with _local_stack() as local_stack:
        seen = local_stack.status(directory or local_stack.default_directory())
        click.echo("\n".join(local_stack.lines(seen)))
        return OK if seen.up else STACK_EXIT_CODE


@observer.command()
@click.argument("scenarios", nargs=-1, metavar="[SCENARIO ...]")
@option_config
@option_dir
@click.option("--repeat", type=click.IntRange(1), default=1, help="Play each so many times; default 1.")
@click.option("--local", is_flag=True, help="The cluster of processes; this is the default.")
@click.option("--docker", is_flag=True, help="The cluster in Docker.")
@click.option("--list", "listed", is_flag=True, help="Name the scenarios and play none.")
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
    """Break the cluster by script and record the truth of what was done; all scenarios where none is named.

    It records by itself where nothing records yet.

    Example: observer drill leader-killed proxy-frozen --repeat 3
    """
    if docker:
        raise UsageError("Drills in Docker are not built yet; use --local, on Linux.")
    with _local_stack() as local_stack:
        from observer.drill import drill as played
        from observer.scoreboard import spreads, table
        from stack.scenario import chosen

        chosen_ones = chosen(scenarios)
        if listed:
            for one in chosen_ones:
                click.echo(f"{one.name:<24} {one.about}")
            return OK
        _, path = _settings(config, db)
        found = played(chosen_ones, repeat, directory or local_stack.default_directory(), config, path, say)
    for line in (*table(found), *spreads(found)):
        click.echo(line)
    return OK


@contextmanager
def _local_stack() -> Iterator[Any]:
    """The module `stack.local`, with its errors as ours."""
    if sys.platform != "linux":
        raise UsageError("The local stack runs on Linux only; elsewhere use Docker, and the observer beside it.")
    import stack.local
    from stack.errors import StackError

    try:
        yield stack.local
    except StackError as error:
        wrapped = ObserverError(str(error))
        wrapped.exit_code = STACK_EXIT_CODE
        raise wrapped from None


def _settings(config: Path | None, db: Path | None) -> tuple[Any, Path]:
    from observer.config import load

    settings = load(config)
    return settings, db or settings.database


if __name__ == "__main__":
    main()
