"""The table of causes: every rule and every injected fault finds its entry, and each entry has its phrases."""

from __future__ import annotations

import inspect
import re
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType

import pytest

from observer.model.causes import CAUSES
from observer.model.recording import KINDS
from reports.analysis import rules
from reports.analysis.phases import PREFACES, SHAPES
from reports.render.language import LANGUAGES, language

MODULES = [
    import_module(f"{rules.__name__}.{one.name}") for one in iter_modules(rules.__path__) if one.name != "ordered"
]
# Names in quotes that look like a cause; those of events are left out.
QUOTED = re.compile(r'"((?:leader|postgres|patroni|replica|etcd|proxy|observer|failover)\.[a-z_]+)"')


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__.rpartition(".")[2])
def test_every_cause_that_a_rule_names_is_in_the_table(module: ModuleType) -> None:
    source = inspect.getsource(module)
    assert set(QUOTED.findall(source)) - KINDS.keys() <= CAUSES.keys()


def test_every_cause_of_the_table_is_named_by_a_rule() -> None:
    source = "".join(inspect.getsource(module) for module in MODULES)
    assert [name for name in CAUSES if f'"{name}"' not in source] == []


@pytest.mark.parametrize("name", LANGUAGES)
def test_every_entry_has_its_phrases_in_each_language(name: str) -> None:
    phrases = language(name).phrases
    forms = ("name", "title", "meaning")
    keys = [f"cause.{cause}.{form}" for cause in CAUSES for form in forms] + [f"phase.{name}.name" for name in PREFACES]
    missing = [key for key in keys if key not in phrases]
    assert missing == []


def test_every_shape_has_its_boundaries() -> None:
    assert {cause.shape for cause in CAUSES.values()} <= {*SHAPES, "none"}


def test_an_injected_fault_has_one_cause_for_the_leader_and_one_for_another_member() -> None:
    for faults in ([c.injected_by for c in CAUSES.values()], [c.injected_on_replica for c in CAUSES.values()]):
        every = [fault for own in faults for fault in own]
        assert len(every) == len(set(every))
