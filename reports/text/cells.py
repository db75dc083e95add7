"""What stands in the cells of the report's tables. Pure."""

from __future__ import annotations

from typing import Any

from reports.render.language import Language


def cell(value: Any, language: Language, spec: str = "") -> str:
    """A value for a cell; what is not known is a dash."""
    return "" if value is None or value == "" else language.written(value, spec)


def number(value: float | None, language: Language, digits: int = 1) -> str:
    """A bare number for a column whose head names the unit."""
    return "" if value is None else language.number(value, digits)


def share(part: float, whole: float, language: Language) -> str:
    """A share that is rounded down, so that 100 % means all."""
    if not whole:
        return ""
    return language.number(int(part / whole * 10_000) / 100, 2) + language.phrases["format.percent"]


def between(low: float, high: float, language: Language, digits: int = 1) -> str:
    """A range, without its unit."""
    return language.say("incident.range", low=language.number(low, digits), high=language.number(high, digits))
