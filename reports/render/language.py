"""Phrases of one language, and how that language writes numbers, durations, times and plurals.

A language is one file, `phrases/<language>.toml`. Its `format` table has the decimal mark, the units, and in `plural`
the rule for plurals, a key of `PLURALS`. Every other line is a phrase with placeholders:

`{name}` text from outside, escaped, or a number; `{name:code}` inline code; `{name:s}` seconds to 0.1, `{name:fine}` to
0.01; `{name:tenths}` and `{name:hundredths}` a number so rounded, without a unit; `{name:span}` a long duration;
`{name:ms}` milliseconds; `{name:percent}` a share of 1; `{name:clock}` and `{name:day}` a moment of ISO 8601;
`{name:raw}` Markdown made by us; `{name:id}` the id of a row, in no groups; `{n:times}` how many times;
`{n:|one|few|many}` the form of a word that goes with n; `{name:@group}` the phrase `group.<value>`, or the value as
code if the group lacks it; `{name:after}` a space and the name as code, or nothing for the only part of its kind.
None is the word for "unknown".
"""

from __future__ import annotations

import string
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from reports.document.blocks import Anchor, Inline, Link, Rows, Sentence, Value
from reports.render.escaping import code, escape, one_line, runs

PHRASES = Path(__file__).parents[1] / "phrases"
LANGUAGES = tuple(sorted(path.stem for path in PHRASES.glob("*.toml")))
NBSP = "\u00a0"


def _east_slavic(n: int) -> int:
    if n % 10 == 1 and n % 100 != 11:
        return 0
    return 1 if n % 10 in (2, 3, 4) and n % 100 not in (12, 13, 14) else 2


# Which form of a word goes with a whole number, by the forms that `format.plural` of a language names.
PLURALS: Mapping[str, Callable[[int], int]] = {
    "other": lambda _: 0,
    "one|other": lambda n: 0 if n == 1 else 1,
    "zero or one|other": lambda n: 0 if n < 2 else 1,
    "one|few|many": _east_slavic,
}
DEFAULT_PLURAL = "one|other"


@dataclass(frozen=True, slots=True)
class Language:
    """Every sentence of a language. `phrases` maps a dotted key to its text, `lists` to its lines or columns.

    `names`: the name to show for an address; "" for the only part of its kind.
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
        """Return the same language, which shows names in place of addresses."""
        return replace(self, names=names)

    def say(self, key: str, **fields: Any) -> str:
        """Return the phrase, filled in. Raise KeyError if the phrase or a field is missing."""
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
        """Return a value as this language writes it; the docstring of the module lists the forms."""
        if value is None:
            return self.phrases["format.unknown"]
        if isinstance(value, (Sentence, Value, Link, Anchor, Rows)):
            return self._inline(value)
        if isinstance(value, (list, tuple)):
            return ", ".join(self.written(item, spec) for item in value) or self.phrases["format.none"]
        if spec.startswith("|"):
            rule = PLURALS[self.phrases.get("format.plural", DEFAULT_PLURAL)]
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
                return f"{self.number(value, 0 if abs(value) >= 100 else 1)}{NBSP}{self.phrases['format.millisecond']}"
            case "span":
                return self.span(float(value))
            case "percent":
                # To 0.1 near the ends; only a whole is 100 %.
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
        """Return a number with this language's decimal mark and groups of thousands; zero has no minus."""
        rounded = round(value, digits) + 0.0
        text = f"{abs(rounded):,.{digits}f}"
        text = text.replace(",", "\0").replace(".", self.phrases["format.decimal"])
        sign = "−" if rounded < 0 else ""
        return sign + text.replace("\0", self.phrases["format.thousands"])

    def span(self, seconds: float) -> str:
        """Return a long duration: seconds to 0.1 below a minute, then minutes and seconds, then hours and minutes."""
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
    """Return the language of the file `phrases/<name>.toml`. Raise FileNotFoundError if there is none."""
    found = dict(_flat(tomllib.loads((PHRASES / f"{name}.toml").read_text(encoding="utf-8"))))
    lists = {key: tuple(value) for key, value in found.items() if isinstance(value, list)}
    return Language(name, {key: str(value) for key, value in found.items() if key not in lists}, lists)


def _flat(node: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in node.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{path}{key}.")
        else:
            yield f"{path}{key}", value
