"""What the commands share: options, the settings they lead to, and how a sentence is said."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO, TypeVar

import click

from observer.model.errors import CannotWrite

OK = 0

Command = TypeVar("Command", bound=Callable[..., Any])


def say(text: str) -> None:
    """A sentence to the person."""
    click.echo(text, err=True)


@contextmanager
def answer() -> Iterator[TextIO]:
    """Standard output, for the answer. A reader that has seen enough (`| head`) is no error; a full disk is.

    Raises CannotWrite.
    """
    try:
        yield sys.stdout
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left of it would fail at the exit
        if not isinstance(error, BrokenPipeError):
            wrong = error.strerror or error
            raise CannotWrite(f"Standard output cannot be written ({wrong}); send it elsewhere.") from None


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


def option_recording(otherwise: str) -> Callable[[Command], Command]:
    """--recording N; `otherwise` says what is meant without it."""
    return click.option("--recording", type=int, help=f"The recording with this number; default: {otherwise}.")


def settings_of(config: Path | None, db: Path | None) -> tuple[Any, Path]:
    """The settings and the timeline's file. Raises ConfigError."""
    from observer.config.loading import load

    settings = load(config)
    return settings, db or settings.database
