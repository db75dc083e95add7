"""Scenarios: the files stack/scenarios/*.toml, read and checked. Nothing here touches a cluster."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stack.errors import StackError

FOLDER = Path(__file__).with_name("scenarios")

# Roles are assigned to members once, when a scenario begins: "leader" is the leader of that moment in every step.
ROLES = ("leader", "replica1", "replica2", "etcd_leader", "etcd_follower1", "etcd_follower2", "haproxy")

# Actions by component. The recording holds those of FAULTS as faults, those of REPAIRS as repairs.
FAULTS: Mapping[str, tuple[str, ...]] = {
    "patroni": ("kill", "stop", "pause", "kill_alone"),
    "postgres": ("kill", "stop", "pause", "restart", "reinit", "promote"),
    "etcd": ("kill", "stop", "pause", "elect"),
    "haproxy": ("kill", "stop", "pause", "reload"),
    "tables": ("lock",),
    "settings": ("read_only",),
    "cluster": ("switchover", "failover", "pause"),
    "replication": ("hold",),
    "replay": ("hold",),
    "observer": ("pause",),  # the drill does this itself, since it knows the process that records
    "network": ("disconnect", "cut_off", "cut_proxy"),
}
REPAIRS: Mapping[str, tuple[str, ...]] = {
    "patroni": ("start", "resume", "reboot"),
    "postgres": ("resume",),
    "etcd": ("start", "resume"),
    "haproxy": ("start", "resume"),
    "cluster": ("resume", "guard", "unguard"),
    "settings": ("writable",),
    "replication": ("release",),
    "replay": ("release",),
    "observer": ("resume",),
    "network": ("join",),
}
UNTIL = ("", "another leads")
_KEYS = ("action", "component", "targets", "until", "for_s")
_OLD_KEYS = {"do": "action", "what": "component", "who": "targets"}  # still read, for scenarios of users


@dataclass(frozen=True, slots=True)
class Step:
    """An action on some targets, one after the other; then a wait for `until`, and for `for_s` seconds more."""

    action: str
    component: str
    targets: tuple[str, ...]
    until: str = ""
    for_s: float = 0.0

    @property
    def is_fault(self) -> bool:
        """Whether the action is a fault; otherwise it is a repair or a wait."""
        return self.action in FAULTS.get(self.component, ())

    @property
    def is_wait(self) -> bool:
        """Whether the step does nothing but wait."""
        return self.action == "wait"


@dataclass(frozen=True, slots=True)
class Scenario:
    """A name, a description of one sentence, and the steps in order."""

    name: str
    about: str
    steps: tuple[Step, ...]


def names(folder: Path = FOLDER) -> tuple[str, ...]:
    """Return the names of all scenarios, including those that play others."""
    return tuple(sorted(path.stem for path in folder.glob("*.toml")))


def chosen(requested: Iterable[str], folder: Path = FOLDER) -> tuple[Scenario, ...]:
    """Return the scenarios of these names, in order; without names, every scenario that plays no others.

    Raise StackError if a name is unknown or a file is wrong.
    """
    requested = tuple(requested)
    known = names(folder)
    found: list[Scenario] = []
    for name in requested or known:
        if name not in known:
            raise StackError(f"There is no scenario {name}; the scenarios are: {', '.join(known)}.")
        text = (folder / f"{name}.toml").read_text(encoding="utf-8")
        values = _values(name, text)
        if "plays" in values:
            found += chosen(values["plays"], folder) if requested else ()
        else:
            found.append(scenario(name, text))
    return tuple(found)


def scenario(name: str, text: str) -> Scenario:
    """Parse a scenario; its first line, a comment, is its description. Raise StackError if it is wrong."""
    values = _values(name, text)
    about = text.splitlines()[0].lstrip("# ").strip() if text.startswith("#") else name
    unknown = set(values) - {"step"}
    if unknown or not isinstance(values.get("step"), list):
        raise StackError(f"The scenario {name} must hold [[step]] and nothing else; it holds {sorted(values)}.")
    return Scenario(name, about, tuple(_step(name, number, one) for number, one in enumerate(values["step"], 1)))


def _values(name: str, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise StackError(f"The scenario {name} is not TOML ({error}); fix its file.") from None


def _step(name: str, number: int, given: Mapping[str, Any]) -> Step:
    where = f"The scenario {name}, step {number},"
    values = {_OLD_KEYS.get(key, key): value for key, value in given.items()}
    unknown = set(values) - set(_KEYS)
    if unknown:
        raise StackError(f"{where} has the key {min(unknown)}; the keys are {', '.join(_KEYS)}.")
    step = Step(
        str(values.get("action", "")),
        str(values.get("component", "")),
        tuple(str(role) for role in values.get("targets", ())),
        str(values.get("until", "")),
        float(values.get("for_s", 0)),
    )
    actions = (*FAULTS.get(step.component, ()), *REPAIRS.get(step.component, ()), "wait")
    if step.component not in FAULTS:
        raise StackError(f"{where} has the component {step.component!r}; the components are {', '.join(FAULTS)}.")
    if step.action not in actions:
        raise StackError(
            f"{where} has the action {step.action!r}; the actions of {step.component} are {', '.join(actions)}."
        )
    for role in step.targets:
        if role not in ROLES:
            raise StackError(f"{where} has the target {role!r}; the targets are {', '.join(ROLES)}.")
    if not step.targets and not step.is_wait and step.component not in ("cluster", "observer"):
        raise StackError(f"{where} has no targets; choose from {', '.join(ROLES)}.")
    if step.until not in UNTIL:
        raise StackError(f"{where} waits until {step.until!r}; the only condition is {UNTIL[1]!r}.")
    return step
