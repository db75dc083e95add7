"""The homework's cluster in Docker: runs `docker compose` in hw3, and names what is missing."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from stack import containers
from stack.errors import StackError
from stack.settings import MEMBERS

FOLDER = Path(__file__).resolve().parents[1] / "hw3"
FILE = "compose.yaml"
IMAGE = "PATRONI_IMAGE"


@dataclass(frozen=True, slots=True)
class ComposeStatus:
    """Compose's table of the containers; `up`: whether the containers of all members run."""

    text: str
    up: bool


def up() -> None:
    """Start the containers with the data that they had. Raise StackError."""
    _must_be_ready()
    image = os.environ.get(IMAGE, "patroni")
    found = containers.run("image", "inspect", image)
    if found.returncode != 0:
        containers.docker("version")  # its error says so if the engine does not answer
        raise StackError(f"There is no image {image}; build it by `docker build -t {image} patroni-master`.")
    _show("up", "-d")


def down() -> None:
    """Remove the containers and keep their data. Raise StackError."""
    _must_be_ready()
    _show("down")


def status() -> ComposeStatus:
    """Return the state of the containers. Raise StackError."""
    _must_be_ready()
    running = containers.docker(*_compose("ps", "--services", "--status", "running")).split()
    return ComposeStatus(containers.docker(*_compose("ps", "--all")).rstrip("\n"), set(MEMBERS) <= set(running))


def _must_be_ready() -> None:
    if not (FOLDER / FILE).is_file():
        raise StackError(f"There is no {FOLDER / FILE}; use the observer of a clone of the repository, where it is.")
    if containers.run("compose", "version").returncode != 0:
        raise StackError("Docker has no Compose v2 (`docker compose version` fails); install its plugin for Compose.")


def _compose(*arguments: str) -> tuple[str, ...]:
    """Return the arguments of a Compose command for hw3; Compose reads the .env there, whatever the working folder."""
    return "compose", "--file", str(FOLDER / FILE), *arguments


def _show(*arguments: str) -> None:
    """Run a Compose command and show its progress on standard error."""
    if containers.show(*_compose(*arguments)) != 0:
        raise StackError(f"`docker compose {' '.join(arguments)}` in {FOLDER} failed; its message is above.")
