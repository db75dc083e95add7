"""Phrases of one language, and how that language writes numbers, durations, times and plurals.

A phrase is a line of `phrases/<language>.toml` with placeholders: `{name}` text from outside, escaped, or a number;
`{name:code}` inline code; `{name:s}` seconds to 0.1, `{name:fine}` to 0.01; `{name:tenths}` and
`{name:hundredths}` a number so rounded, without a unit; `{name:span}` a long duration;
`{name:ms}` milliseconds; `{name:percent}` a share of 1; `{name:clock}` and `{name:day}` a moment of ISO 8601;
`{name:raw}` Markdown made by us; `{name:id}` the id of a row, in no groups; `{n:times}` how many times;
`{n:|one|few|many}` the form of a word that goes with n; `{name:@group}` the phrase `group.<value>`, or the value itself
as code where the group does not know it; `{name:after}` a space and the name as code, or nothing where there is only
one of its kind. None is the word for "unknown".
"""

from __future__ import annotations

import string
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from importlib.resources import files
from typing import Any

from reports.document.blocks import Anchor, Inline, Link, Rows, Sentence, Value
from reports.render.escaping import code, escape, one_line, runs

LANGUAGES = tuple(sorted(file.name.removesuffix(".toml") for file in (files("reports") / "phrases").iterdir()))
NBSP = "\u00a0"


def _english(n: int) -> int:
    return 0 if n == 1 else 1


def _russian(n: int) -> int:
    if n % 10 == 1 and n % 100 != 11:
        return 0
    return 1 if n % 10 in (2, 3, 4) and n % 100 not in (12, 13, 14) else 2


# Which form of a word goes with a whole number, and how many forms there are. `format.plurals` of a language names one.
PLURALS: Mapping[str, tuple[Callable[[int], int], int]] = {"english": (_english, 2), "russian": (_russian, 3)}


@dataclass(frozen=True, slots=True)
class Language:
    """Every sentence of a language. `phrases` maps a dotted key to its text, `lists` to its lines or columns.

    `names`: by which name to call what has the address; "" where nothing else is of its kind.
    """

    name: str
    phrases: Mapping[str, str]
    lists: Mapping[str, tuple[str, ...]]
    markup: bool = True
    names: Mapping[str, str] = field(default_factory=dict)

    def plain(self) -> Language:
        """Return the same language without Markdown, for a terminal and for JSON."""
        return replace(self, markup=False)

    def naming(self, names: Mapping[str, str]) -> Language:
        """Return the same language, which writes names in place of addresses."""
        return replace(self, names=names)

    def say(self, key: str, **fields: Any) -> str:
        """Return the phrase with its fields filled in. Raise KeyError if the phrase or a field is missing."""
        parts = []
        for literal, name, spec, _ in string.Formatter().parse(self.phrases[key]):
            parts.append(literal)
            if name is not None:
                parts.append(self.written(fields[name], spec or ""))
        return "".join(parts)

    def columns(self, columns: str | tuple[Inline, ...]) -> tuple[str, ...]:
        """Return the lines or columns kept under a key, or inline parts as text."""
        return self.lists[columns] if isinstance(columns, str) else tuple(self.written(part) for part in columns)

    def written(self, value: Any, spec: str = "") -> str:
        """Return a value as this language writes it; the module's docstring lists the specs."""
        if value is None:
            return self.phrases["format.unknown"]
        if isinstance(value, (Sentence, Value, Link, Anchor, Rows)):
            return self._inline(value)
        if isinstance(value, (list, tuple)):
            return ", ".join(self.written(item, spec) for item in value) or self.phrases["format.none"]
        if spec.startswith("|"):
            rule, _ = PLURALS[self.phrases["format.plurals"]]
            return spec[1:].split("|")[rule(abs(int(value)))]
        if spec.startswith("@"):
            key = f"{spec[1:]}.{value}"
            return self.phrases[key] if key in self.phrases else self._by_spec(value, "code")
        return self._by_spec(value, spec)

    def _inline(self, part: Inline) -> str:
        """Return an inline part of a view object as text; a link is plain text where there is no markup."""
        match part:
            case Sentence(key, facts):
                return self.say(key, **facts)
            case Value(value, form):
                return self.written(value, form)
            case Link(anchor, text):
                return f"[{self.written(text)}](#{anchor})" if self.markup else self.written(text)
            case Anchor(name, text):
                return f'<a id="{name}"></a>{self.written(text)}' if self.markup else self.written(text)
            case Rows(name, ids):
                return f"{name} {runs(ids)}"

    def _by_spec(self, value: Any, spec: str) -> str:
        match spec:
            case "code":
                shown = self.names.get(value) or value
                return code(shown) if self.markup else one_line(shown)
            case "after":
                alone = self.names.get(value) == ""
                return "" if alone else f"{NBSP}{self._by_spec(value, 'code')}"
            case "raw" | "id":
                return str(value)
            case "s":
                return f"{self.number(value, 1 if value else 0)}{NBSP}{self.phrases['format.second']}"
            case "fine":
                return f"{self.number(value, 2)}{NBSP}{self.phrases['format.second']}"
            case "tenths" | "hundredths":
                return self.number(value, 1 if spec == "tenths" else 2)
            case "ms":
                return f"{self.number(value, 0 if value >= 100 else 1)}{NBSP}{self.phrases['format.millisecond']}"
            case "span":
                return self.span(float(value))
            case "percent":
                # To 0.1 near the ends, and never up to 100 %: that is said of all alone.
                digits = 1 if 0 < value < 0.1 or 0.9 < value < 1 else 0
                return (
                    self.number(min(value * 100, 99.9) if value < 1 else 100, digits) + self.phrases["format.percent"]
                )
            case "times":
                return self.say({1: "format.once", 2: "format.twice"}.get(value, "format.times"), n=value)
            case "clock":
                return datetime.fromisoformat(value).strftime("%H:%M:%S")
            case "day":
                return datetime.fromisoformat(value).strftime(self.phrases["format.day"])
            case _:
                return self._plain(value)

    def _plain(self, value: Any) -> str:
        if isinstance(value, bool):
            return self.phrases["format.yes" if value else "format.no"]
        if isinstance(value, (int, float)):
            return self.number(value, 0 if isinstance(value, int) or value == int(value) else 1)
        return escape(value) if self.markup else one_line(value)

    def number(self, value: float, digits: int) -> str:
        """Return a number with this language's decimal mark and groups of thousands; never a minus before a zero."""
        rounded = round(value, digits) + 0.0
        text = f"{abs(rounded):,.{digits}f}"
        text = text.replace(",", "\0").replace(".", self.phrases["format.decimal"])
        sign = "−" if rounded < 0 else ""
        return sign + text.replace("\0", self.phrases["format.thousands"])

    def span(self, seconds: float) -> str:
        """Return a duration in seconds to 0.1 below a minute, then in minutes and seconds, or hours and minutes."""
        whole = round(seconds)
        if whole < 60:
            return self._by_spec(seconds, "s")
        if whole < 3600:
            high, low, units = whole // 60, whole % 60, ("minute", "second")
        else:
            minutes = round(seconds / 60)
            high, low, units = minutes // 60, minutes % 60, ("hour", "minute")
        first, second = (self.phrases[f"format.{unit}"] for unit in units)
        return f"{high}{NBSP}{first}" + (f" {low}{NBSP}{second}" if low else "")


@lru_cache
def language(name: str) -> Language:
    """Return the language of a name. Raise FileNotFoundError if it has no file of phrases."""
    phrases, lists = {}, {}
    text = (files("reports") / "phrases" / f"{name}.toml").read_text(encoding="utf-8")
    for key, value in _flat(tomllib.loads(text)):
        if isinstance(value, list):
            lists[key] = tuple(value)
        else:
            phrases[key] = str(value)
    return Language(name, phrases, lists)


def _flat(node: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in node.items():
        here = f"{path}.{key}" if path else key
        if isinstance(value, dict):
            yield from _flat(value, here)
        else:
            yield here, value
