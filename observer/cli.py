"""The command line: list the commands, run one, and turn every end into an exit code and at most one message."""

import sys
from pathlib import Path

import click

from observer.commands.analyze import analyze
from observer.commands.datasette_metadata import datasette_metadata
from observer.commands.doctor import doctor
from observer.commands.drill import drill
from observer.commands.events import events
from observer.commands.fault import fault
from observer.commands.init import init
from observer.commands.mark import mark
from observer.commands.options import HELP_WIDTH, OK, option_path, say
from observer.commands.query import query
from observer.commands.report import report
from observer.commands.stack import stack
from observer.commands.start import start
from observer.commands.status import status
from observer.commands.stop import stop
from observer.model.errors import ObserverError, UsageError

COMMANDS: tuple[click.Command, ...] = (
    init,
    doctor,
    start,
    stop,
    status,
    mark,
    report,
    events,
    query,
    analyze,
    datasette_metadata,
    stack,
    fault,
    drill,
)
FORMER_NAMES = {"timeline": "events", "judge": "analyze"}
UNEXPECTED = 70


class Commands(click.Group):
    """List commands in the order above; accept former names and `observer version`."""

    def list_commands(self, _: click.Context) -> list[str]:
        """Return the names in the order above."""
        return list(self.commands)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """Return the command of this name or former name."""
        return super().get_command(context, FORMER_NAMES.get(name, name))

    def parse_args(self, context: click.Context, arguments: list[str]) -> list[str]:
        """Take `version` for `--version`."""
        return super().parse_args(context, ["--version"] if arguments == ["version"] else arguments)


def print_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    """Print the version and exit if the option is given."""
    if wanted:
        from observer.model.version import observer_version

        click.echo(f"observer {observer_version()}")
        context.exit()


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "terminal_width": HELP_WIDTH})
@option_path("-c", "config", help="Configuration file; also after the command.")
@click.option(
    "-V", "--version", is_flag=True, is_eager=True, expose_value=False, callback=print_version, help="Show the version."
)
@click.pass_context
def observer(context: click.Context, config: Path | None) -> None:
    """Record PostgreSQL clusters run by Patroni, and report what failed.

    \b
    observer stack up          start a cluster to break
    observer start             record it while you break it
    observer report            report what failed and what it cost
    """
    command = observer.get_command(context, context.invoked_subcommand or "")
    if config is not None and command is not None and all(one.name != "config" for one in command.params):
        raise UsageError(f"{command.name} takes no -c; leave it out.")


for one in COMMANDS:
    observer.add_command(one)


# click before 8.2, as in Debian 13, has no such error.
_NO_ARGUMENTS = getattr(click.exceptions, "NoArgsIsHelpError", ())


def main() -> None:
    """Run the entry point `observer`: UTF-8 and LF on every system, exit code of the command."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", newline="\n", errors="backslashreplace")
    sys.exit(run())


def run() -> int:
    """Run the command of sys.argv and return its exit code, after at most one message on standard error."""
    try:
        result = observer.main(standalone_mode=False)
        return result if isinstance(result, int) else OK
    except ObserverError as error:
        say(str(error))
        return error.exit_code
    except _NO_ARGUMENTS as error:
        say(error.format_message())
        return UsageError.exit_code
    except click.ClickException as error:
        hint = f" Try `{error.ctx.command_path} --help`." if isinstance(error, click.UsageError) and error.ctx else ""
        say(f"{error.format_message()}{hint}")
        return UsageError.exit_code
    except (click.Abort, KeyboardInterrupt):
        return 130
    except Exception as error:  # noqa: BLE001 (the last resort: keeps the traceback in a file)
        say(_crashed(error))
        return UNEXPECTED


def _crashed(error: BaseException) -> str:
    """Write the traceback to a file and return a sentence that names it."""
    import tempfile
    import traceback
    from datetime import UTC, datetime

    path = Path(tempfile.gettempdir()) / f"observer-error-{datetime.now(UTC):%Y%m%dT%H%M%S}.log"
    try:
        path.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
    except OSError:
        return f"Unexpected {type(error).__name__}: {error}; the details could not be written to {path}."
    return f"Unexpected {type(error).__name__}: {error}; the details are in {path}, please report them."


if __name__ == "__main__":
    main()
