"""The table of contents of the report: one tuple. A new section is a template and its phrases."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from reports.text.old_facts import Facts

Profile = Literal["homework", "drill"]


def _always(_: Facts, __: Profile) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Section:
    """One section: `templates/<name>.md.j2`, phrases under `<name>`; `shown`: whether it has anything to say.

    `first`: it stands open in a drill, where the rest is folded.
    """

    name: str
    shown: Callable[[Facts, Profile], bool] = _always
    first: bool = False


def _homework(_: Facts, profile: Profile) -> bool:
    return profile == "homework"


SECTIONS: tuple[Section, ...] = (
    Section("summary", first=True),
    Section("objectives", lambda facts, profile: profile == "drill" or bool(facts["objectives"]), first=True),
    Section("glossary", _homework),
    Section("answers", _homework),
    Section("cluster"),
    Section("proxy"),
    Section("load"),
    Section("incident", lambda facts, _: bool(facts["incidents"])),
    Section("comparison", lambda facts, _: bool(facts["incidents"])),
    Section("durability", lambda facts, _: any(recording["totals"] for recording in facts["recordings"])),
    Section("consistency"),
    Section("leadership"),
    Section("resilience"),
    Section("grafana", _homework),
    Section("notes", lambda facts, _: any(recording["notes"] for recording in facts["recordings"])),
    Section("blindness"),
    Section("repeat"),
)
