"""Imports go one way: what each layer may import of ours, which library lives where, and no cycle between files."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OURS = ("observer", "reports", "stack")
BELOW_CONFIG = {"observer.model", "observer.postgres", "observer.sources", "observer.traffic", "observer.store"}

# The first entry that fits a module counts: its name or a package that it is in, and what it may import of ours (names
# of modules or packages). Every module may import from its own entry. docs/explanation/architecture.md has the reasons.
LAYERS: list[tuple[str, set[str]]] = [
    ("observer.model", set()),
    ("observer.postgres", {"observer.model"}),
    ("observer.config.settings", {"observer.model"}),
    ("observer.config.errors", {"observer.model", "observer.config.settings"}),
    ("observer.config.loading", {"observer.model", "observer.config.settings", "observer.config.errors"}),
    ("observer.config.discovery", {"observer.model", "observer.config", "stack"}),
    ("observer.config", {"observer.model", "observer.postgres", "observer.sources"}),
    ("observer.sources", {"observer.model", "observer.postgres"}),
    ("observer.traffic", {"observer.model", "observer.postgres"}),
    ("observer.store", {"observer.model"}),
    ("observer.live.metrics", {"observer.model", "observer.live", "observer.sources.lease"}),
    ("observer.live", {"observer.model", "observer.store", "observer.sources.lease"}),
    ("observer.doctor", {*BELOW_CONFIG, "observer.config"}),
    ("observer.recording", {*BELOW_CONFIG, "observer.config", "observer.live"}),
    ("observer.commands", set(OURS)),
    ("observer.cli", set(OURS)),
    ("reports.analysis", {"observer.model"}),
    ("reports.document", {"observer.model", "reports.analysis"}),
    ("reports.homework", {"observer.model", "reports.analysis", "reports.document"}),
    ("reports.render", {"observer.model", "reports.analysis", "reports.document"}),
    ("reports", {"reports", "observer.model"}),
    ("stack", {"stack"}),
]

# Each library with the modules or packages that may import it; sqlite3 too, though it comes with Python.
LIBRARIES: Mapping[str, set[str]] = {
    "apscheduler": {"observer.recording.schedule"},
    "click": {"observer.commands", "observer.cli"},
    "etcd3": {"observer.sources.etcd"},
    "grpc": {"observer.sources.etcd"},
    "httpx": {"observer.sources.web", "observer.sources.engine"},
    "jinja2": {"reports.render"},
    "markdown_it": {"reports.render.html"},
    "markupsafe": {"reports.render.html"},
    "prometheus_client": {"observer.live.metrics"},
    "psycopg2": {
        "observer.postgres",
        "observer.traffic",
        "observer.sources.postgres",
        "observer.config.discovery_docker",  # writes connection strings
        "observer.recording.versions",  # records libpq's version
    },
    "pydantic": {"observer.config"},
    "rich": {"observer.live", "observer.commands"},
    "sqlite3": {"observer.store"},
    "sqlite_utils": {"observer.store"},
}

Graph = Mapping[str, set[str]]


@cache
def modules() -> tuple[str, ...]:
    paths = (path for package in OURS for path in (ROOT / package).rglob("*.py"))
    names = (".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in paths)
    return tuple(sorted(names))


@cache
def imported(module: str) -> tuple[str, ...]:
    """Return every module that a file names in an import, wherever in the file, also under TYPE_CHECKING."""
    path = ROOT.joinpath(*module.split("."))
    source = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return tuple(imports(source.read_text(encoding="utf-8"), set(modules())))


def imports(source: str, known: set[str]) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "an import is relative"
            base = node.module or ""
            for alias in node.names:
                full = f"{base}.{alias.name}"
                yield full if full in known else base


def within(module: str, packages: Iterable[str]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def breaches(module: str, names: Iterable[str]) -> list[str]:
    """Return the imports that the layer of a module, or the owner of a library, does not allow."""
    layer, allowed = next(entry for entry in LAYERS if within(module, [entry[0]]))  # a new package needs an entry
    found = []
    for name in names:
        top = name.partition(".")[0]
        if top in LIBRARIES:
            permitted = within(module, LIBRARIES[top])
        elif top in OURS:
            permitted = within(name, {*allowed, layer})
        else:
            permitted = top in sys.stdlib_module_names
        if not permitted:
            found.append(name)
    return found


def cycles(graph: Graph) -> list[list[str]]:
    """Return the strongly connected components with more than one node, by Tarjan's algorithm."""
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        order[node] = low[node] = len(order)
        stack.append(node)
        for target in sorted(graph[node]):
            if target not in order:
                visit(target)
                low[node] = min(low[node], low[target])
            elif target in stack:
                low[node] = min(low[node], order[target])
        if low[node] == order[node]:
            component = [stack.pop()]
            while component[-1] != node:
                component.append(stack.pop())
            if len(component) > 1:
                found.append(sorted(component))

    for node in graph:
        if node not in order:
            visit(node)
    return found


def graph_of(names: Mapping[str, Iterable[str]]) -> Graph:
    return {module: {name for name in own if name in names and name != module} for module, own in names.items()}


@pytest.mark.parametrize("module", [name for name in modules() if name != "observer"])
def test_a_module_imports_only_what_its_layer_may(module: str) -> None:
    assert breaches(module, imported(module)) == []


def test_a_breach_is_noticed() -> None:
    assert breaches("reports.analysis.analyze", ["observer.store", "json"]) == ["observer.store"]
    assert breaches("observer.sources.haproxy", ["etcd3", "httpx"]) == ["etcd3", "httpx"]
    assert breaches("observer.commands.query", ["sqlite3", "numpy"]) == ["sqlite3", "numpy"]
    assert breaches("stack.local", ["observer.model.recording"]) == ["observer.model.recording"]


def test_the_packages_observer_and_reports_import_nothing_themselves() -> None:
    assert [name for package in ("observer", "reports") for name in imported(package)] == []


def test_no_files_import_each_other_in_a_cycle() -> None:
    assert cycles(graph_of({module: imported(module) for module in modules()})) == []


def test_a_cycle_is_noticed_even_if_one_import_is_for_types_only() -> None:
    sources = {
        "a": "from b import f",
        "b": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from c import T",
        "c": "def late():\n    import a",
        "d": "import a",
    }
    assert cycles(graph_of({name: list(imports(text, set(sources))) for name, text in sources.items()})) == [
        ["a", "b", "c"]
    ]


def test_every_library_of_the_table_is_imported() -> None:
    used = {name.partition(".")[0] for module in modules() for name in imported(module)}
    assert LIBRARIES.keys() - used == set()
