"""What a drill does: the scenarios in stack/scenarios/*.toml, read and checked. Nothing here touches a cluster."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stack.errors import StackError

FOLDER = Path(__file__).with_name("scenarios")

# The parts of a scenario. Who plays them is settled once, when it begins: "leader" is who led then, to the end.
PARTS = ("leader", "replica1", "replica2", "etcd_leader", "etcd_follower1", "etcd_follower2", "haproxy")

# What may be done to what. Those of BREAKS are told as faults, those of MENDS as repairs.
BREAKS: Mapping[str, tuple[str, ...]] = {
    "patroni": ("kill", "stop", "pause", "kill_alone"),
    "postgres": ("kill", "stop", "pause", "restart", "reinit", "promote"),
    "etcd": ("kill", "stop", "pause", "elect"),
    "haproxy": ("kill", "stop", "pause", "reload"),
    "tables": ("lock",),
    "settings": ("read_only",),
    "cluster": ("switchover", "failover", "pause"),
    "replication": ("hold",),
    "replay": ("hold",),
    "observer": ("pause",),  # done by the drill itself, which knows who records
    "network": ("disconnect", "cut_off", "cut_proxy"),
}
MENDS: Mapping[str, tuple[str, ...]] = {
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


@dataclass(frozen=True, slots=True)
class Step:
    """Something done to some parts, one after the other; then a wait for `until`, and for `for_s` seconds more."""

    do: str
    what: str
    who: tuple[str, ...]
    until: str = ""
    for_s: float = 0.0

    @property
    def breaks(self) -> bool:
        """Whether it is a fault; else it is a repair, or nothing."""
        return self.do in BREAKS.get(self.what, ())

    @property
    def waits(self) -> bool:
        """Whether nothing is done."""
        return self.do == "wait"


@dataclass(frozen=True, slots=True)
class Scenario:
    """A name, what it is in a sentence, and what is done, in order."""

    name: str
    about: str
    steps: tuple[Step, ...]


def names(folder: Path = FOLDER) -> tuple[str, ...]:
    """All scenarios there are, those that play others included."""
    return tuple(sorted(path.stem for path in folder.glob("*.toml")))


def chosen(asked: Iterable[str], folder: Path = FOLDER) -> tuple[Scenario, ...]:
    """The scenarios of these names, in order; all single ones where none is named. Raises StackError."""
    asked = tuple(asked)
    known = names(folder)
    found: list[Scenario] = []
    for name in asked or known:
        if name not in known:
            raise StackError(f"There is no scenario {name}; there are: {', '.join(known)}.")
        values = _values(folder / f"{name}.toml")
        if "plays" in values:
            found += chosen(values["plays"], folder) if asked else ()
        else:
            found.append(scenario(name, (folder / f"{name}.toml").read_text(encoding="utf-8")))
    return tuple(found)


def scenario(name: str, text: str) -> Scenario:
    """A scenario from its text; its first line, a comment, says what it is. Raises StackError."""
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise StackError(f"The scenario {name} is not TOML ({error}); mend its file.") from None
    about = text.splitlines()[0].lstrip("# ").strip() if text.startswith("#") else name
    unknown = set(values) - {"step"}
    if unknown or not isinstance(values.get("step"), list):
        raise StackError(f"The scenario {name} must hold [[step]] and nothing else; it holds {sorted(values)}.")
    return Scenario(name, about, tuple(_step(name, number, one) for number, one in enumerate(values["step"], 1)))


def _values(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise StackError(f"The scenario {path.stem} is not TOML ({error}); mend its file.") from None


def _step(name: str, number: int, values: Mapping[str, Any]) -> Step:
    where = f"The scenario {name}, step {number},"
    unknown = set(values) - {"do", "what", "who", "until", "for_s"}
    if unknown:
        raise StackError(f"{where} has {sorted(unknown)[0]}; it may have do, what, who, until, for_s.")
    step = Step(
        str(values.get("do", "")),
        str(values.get("what", "")),
        tuple(str(part) for part in values.get("who", ())),
        str(values.get("until", "")),
        float(values.get("for_s", 0)),
    )
    able = (*BREAKS.get(step.what, ()), *MENDS.get(step.what, ()), "wait")
    if step.what not in BREAKS:
        raise StackError(f"{where} is about {step.what!r}; it may be about {', '.join(BREAKS)}.")
    if step.do not in able:
        raise StackError(f"{where} does {step.do!r}; to {step.what} one may do {', '.join(able)}.")
    for part in step.who:
        if part not in PARTS:
            raise StackError(f"{where} names {part!r}; the parts are {', '.join(PARTS)}.")
    if not step.who and not step.waits and step.what not in ("cluster", "observer"):
        raise StackError(f"{where} names nobody; name some of {', '.join(PARTS)} as who.")
    if step.until not in UNTIL:
        raise StackError(f"{where} waits until {step.until!r}; it may wait until {UNTIL[1]!r}.")
    return step
