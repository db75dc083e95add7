"""Define the options, messages and suggestions that the commands share."""

from __future__ import annotations

import difflib
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

import click

from observer.model.errors import CannotWrite

if TYPE_CHECKING:
    from observer.config.settings import Settings

OK = 0
HELP_WIDTH = max(100, min(shutil.get_terminal_size().columns, 120))
FEW = 12  # names that fit into one message

Command = TypeVar("Command", bound=Callable[..., Any])


def say(text: str) -> None:
    """Write a message for the person to standard error."""
    click.echo(text, err=True)


@contextmanager
def progress() -> Iterator[Callable[[str], None]]:
    """Return a function that shows what a long command is doing: one line on a terminal, cleared at the end."""

    def show(text: str) -> None:
        if sys.stderr.isatty():
            click.echo(f"\r\033[K{text}", nl=False, err=True)

    try:
        yield show
    finally:
        show("")


@contextmanager
def answer() -> Iterator[TextIO]:
    """Return standard output, for the answer of a command. Ignore a reader that stops early (`| head`).

    Raise CannotWrite for any other error, such as a full disk.
    """
    try:
        yield sys.stdout
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # a second flush at exit would fail again
        if not isinstance(error, BrokenPipeError):
            wrong = error.strerror or error
            raise CannotWrite(f"Standard output cannot be written ({wrong}); send it elsewhere.") from None


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return the end of an error message: the known name that is closest to `word`, or the known names if few."""
    names = sorted(known)
    close = difflib.get_close_matches(word, names, n=1)
    if close:
        return f"; did you mean {close[0]}?"
    return f"; known are: {', '.join(names)}." if 0 < len(names) <= FEW else "."


def _before_the_command(name: str) -> Callable[[], Any]:
    """Return a default for an option: its value among the options of `observer` itself."""

    def default() -> Any:
        context = click.get_current_context(silent=True)
        return context.find_root().params.get(name) if context is not None else None

    return default


def option_path(*names: str, help: str, metavar: str = "FILE", default: Any = None) -> Callable[[Command], Command]:
    """Return an option that takes the path of a file or of a folder."""
    return click.option(*names, metavar=metavar, type=click.Path(path_type=Path), default=default, help=help)


def option_config(command: Command) -> Command:
    """Add the options -c FILE and --db FILE, which every command takes that reads a recording or the cluster."""
    config = "Configuration file; default: ./observer.toml if it exists."
    command = option_path("--db", help="Recording file; default: [store] path.")(command)
    return option_path("-c", "config", default=_before_the_command("config"), help=config)(command)


def option_format(*forms: str) -> Callable[[Command], Command]:
    """Return an option --format; the first form is the default."""
    return click.option(
        "--format", "form", type=click.Choice(forms), default=forms[0], help=f"Form of the output; default: {forms[0]}."
    )


def option_recording(otherwise: str) -> Callable[[Command], Command]:
    """Return an option --recording N; `otherwise` names the default."""
    return click.option("--recording", metavar="N", type=int, help=f"Number of the recording; default: {otherwise}.")


def settings_of(config: Path | None, db: Path | None) -> tuple[Settings, Path]:
    """Return the settings and the path of the recording file. Raise ConfigError if the settings cannot be used."""
    from observer.config.loading import load

    settings = load(config)
    return settings, db or settings.database
