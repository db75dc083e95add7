"""The homework's cluster in Docker: `docker compose` in hw3, said plainly where something that it needs is missing."""

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
class Shown:
    """What Compose says of the containers; `up`: those of every member run."""

    text: str
    up: bool


def up() -> None:
    """Brings it up, with the data that it had. Raises StackError."""
    _must_be_ready()
    image = os.environ.get(IMAGE, "patroni")
    found = containers.run("image", "inspect", image)
    if found.returncode != 0:
        containers.docker("version")  # says so where the engine does not answer
        raise StackError(f"There is no image {image}; build it by `docker build -t {image} patroni-master`.")
    _do("up", "-d")


def down() -> None:
    """Takes it down; its data stays. Raises StackError."""
    _must_be_ready()
    _do("down")


def status() -> Shown:
    """How its containers are. Raises StackError."""
    _must_be_ready()
    running = containers.docker(*_compose("ps", "--services", "--status", "running")).split()
    return Shown(containers.docker(*_compose("ps", "--all")).rstrip("\n"), set(MEMBERS) <= set(running))


def _must_be_ready() -> None:
    if not (FOLDER / FILE).is_file():
        raise StackError(f"There is no {FOLDER / FILE}; use the observer of a clone of the repository, where it is.")
    if containers.run("compose", "version").returncode != 0:
        raise StackError("Docker has no Compose v2 (`docker compose version` fails); install its plugin for Compose.")


def _compose(*arguments: str) -> tuple[str, ...]:
    """A command of Compose for hw3, whose .env it reads, wherever it is given."""
    return "compose", "--file", str(FOLDER / FILE), *arguments


def _do(*arguments: str) -> None:
    """A command whose progress the person reads on standard error."""
    if containers.show(*_compose(*arguments)) != 0:
        raise StackError(f"`docker compose {' '.join(arguments)}` in {FOLDER} failed; why is said above.")
