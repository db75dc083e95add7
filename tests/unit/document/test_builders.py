"""The builder of small results fills what a test does not name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.unit.document.builders import blank


@dataclass(frozen=True)
class Inner:
    count: int


@dataclass(frozen=True)
class Outer:
    name: str
    share: float
    many: tuple[Inner, ...]
    pair: tuple[int, str]
    by_name: Mapping[str, int]
    perhaps: Inner | None
    choice: Literal["high", "low"]
    anything: Any
    inner: Inner
    known: str = "known"
    listed: list[int] = field(default_factory=lambda: [1])


def test_a_field_without_a_value_has_its_default_or_the_empty_value_of_its_type() -> None:
    assert blank(Outer) == Outer("", 0.0, (), (0, ""), {}, None, "high", None, Inner(0), "known", [1])


def test_a_value_that_is_given_stays() -> None:
    assert blank(Outer, name="patroni1", known="other").name == "patroni1"
