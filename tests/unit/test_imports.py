"""Imports go one way: who may import what of ours, and which third-party library lives where."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OURS = ("observer", "reports", "stack")
ETCD = {"etcd3", "grpc"}
BELOW_CONFIG = {"observer.model", "observer.postgres", "observer.sources", "observer.traffic", "observer.store"}

# The first line that fits a module counts: its name or a package it is in, what it may import of ours (names of modules
# or packages; what is its own package it always may), and which libraries beside the standard one.
RULES: list[tuple[str, set[str], set[str]]] = [
    ("observer.model", set(), set()),
    ("observer.postgres", {"observer.model"}, {"psycopg2"}),
    ("observer.config.settings", {"observer.model"}, {"pydantic"}),
    ("observer.config.errors", {"observer.model", "observer.config.settings"}, {"pydantic"}),
    (
        "observer.config.loading",
        {"observer.model", "observer.config.settings", "observer.config.errors"},
        {"pydantic"},
    ),
    ("observer.config.discovery", {"observer.model", "observer.config", "stack"}, set()),
    (
        "observer.config.discovery_docker",
        {"observer.model", "observer.postgres", "observer.sources", "observer.config"},
        {"psycopg2"},
    ),
    ("observer.config", {"observer.model", "observer.postgres", "observer.sources"}, set()),
    ("observer.sources.etcd", {"observer.model", "observer.sources"}, ETCD),
    ("observer.sources.postgres", {"observer.model", "observer.sources", "observer.postgres"}, {"psycopg2"}),
    ("observer.sources", {"observer.model", "observer.postgres"}, {"httpx"}),
    ("observer.traffic", {"observer.model", "observer.postgres"}, {"psycopg2"}),
    ("observer.store", {"observer.model"}, {"sqlite_utils"}),
    ("observer.live.metrics", {"observer.model", "observer.live", "observer.sources.lease"}, {"prometheus_client"}),
    ("observer.live", {"observer.model", "observer.store", "observer.sources.lease"}, {"rich"}),
    ("observer.doctor", {*BELOW_CONFIG, "observer.config"}, set()),
    ("observer.recording.versions", {"observer.model"}, {"psycopg2"}),
    ("observer.recording", {*BELOW_CONFIG, "observer.config", "observer.live"}, {"apscheduler"}),
    ("observer.commands", set(OURS), {"click", "rich"}),
    ("observer.cli", set(OURS), {"click", "rich"}),
    ("reports.analysis", {"observer.model"}, set()),
    ("reports.document", {"observer.model", "reports.analysis"}, set()),
    ("reports.homework", {"observer.model", "reports.analysis", "reports.document"}, set()),
    (
        "reports.render.html",
        {"observer.model", "reports.analysis", "reports.document", "reports.render"},
        {"jinja2", "markdown_it", "markupsafe"},
    ),
    ("reports.render", {"observer.model", "reports.analysis", "reports.document"}, {"jinja2"}),
    ("reports", {"reports", "observer.model"}, {"jinja2"}),
    ("stack", {"stack"}, set()),
]


def modules() -> list[str]:
    paths = (path for package in OURS for path in (ROOT / package).rglob("*.py"))
    return sorted(".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in paths)


def imported(module: str) -> Iterator[str]:
    """Every module that a file names in an import, wherever in the file."""
    path = ROOT.joinpath(*module.split("."))
    source = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    known = set(modules())
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively"
            base = node.module or ""
            for alias in node.names:
                full = f"{base}.{alias.name}"
                yield full if full in known else base


def within(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def breaches(module: str, names: Iterator[str]) -> list[str]:
    if module == "observer":
        return list(names)
    rule, ours, theirs = next(rule for rule in RULES if within(module, rule[0]))  # a new module needs a line of its own
    found = []
    for name in names:
        top = name.partition(".")[0]
        if top in OURS:
            if not any(within(name, allowed) for allowed in {*ours, rule}):
                found.append(name)
        elif top not in sys.stdlib_module_names and top not in theirs:
            found.append(name)
    return found


@pytest.mark.parametrize("module", modules())
def test_a_module_imports_only_what_its_layer_may(module: str) -> None:
    assert breaches(module, imported(module)) == []


def test_a_breach_is_noticed() -> None:
    assert breaches("reports.analysis.analyze", iter(["observer.store", "json"])) == ["observer.store"]
    assert breaches("observer.sources.haproxy", iter(["etcd3", "httpx"])) == ["etcd3"]
    assert breaches("stack.local", iter(["observer.model.recording"])) == ["observer.model.recording"]


def test_sqlite_is_known_to_the_store_alone() -> None:
    for module in modules():
        if not within(module, "observer.store"):
            assert not {"sqlite3", "sqlite_utils"} & set(imported(module)), module
