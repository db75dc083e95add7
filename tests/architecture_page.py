"""Draw the three diagrams of docs/explanation/architecture.md: `python -m tests.architecture_page`.

The boxes are listed below, the arrows are checked against the source: an arrow has the type that one function returns
and the next one takes. If the next one calls the function instead, the arrow has the type that it gets back.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "explanation" / "architecture.md"

Definition = tuple[str, str]  # module, name


@dataclass(frozen=True)
class Box:
    """A function that stands for its step. A class stands for what its constructor takes.

    `takes`: another function that takes what comes in. `gives`: the type that goes out, if there are several. `to`: the
    next step; "": the box below.
    """

    module: str
    name: str
    what: str
    takes: Definition | None = None
    gives: str = ""
    to: str = ""


FILE = Box(
    "observer.store.reading",
    "Reader.load",
    "the recording file, which Writer.append writes",
    takes=("observer.store.writing", "Writer.append"),
)
RESULTS = Box("reports.analysis.results_of", "assembled", "every fact, with its rows")

# One source, one rule and one section stand for all of their kind.
DIAGRAMS: Mapping[str, Sequence[Box]] = {
    "From an event to a cause": (
        Box("observer.sources.patroni", "job.compare", "one source of many: what changed"),
        Box("observer.sources.polling", "Poller", "gives each change its window"),
        Box("observer.recording.recorder", "Recorder.record", "the queue of the recorder"),
        FILE,
        Box("reports.analysis.index", "build_index", "sorts the recording once"),
        Box("reports.analysis.triggers", "triggers", "what may open an incident"),
        Box("reports.analysis.incidents", "spans", "the incidents"),
        Box("reports.analysis.incident_context", "incident_context", "one incident, for the rules"),
        Box("reports.analysis.rule", "observed", "what each source found of a member"),
        Box("reports.analysis.rules.leader", "leader_killed", "one rule of many"),
        Box("reports.analysis.rules.ordered", "cause_of", "the first rule that finds its cause"),
    ),
    "From an operation to a number": (
        Box("observer.traffic.generator", "Generator", "reads and writes through HAProxy", gives="Operation"),
        replace(FILE, to="outages"),
        Box("observer.model.outages", "OutageDetector.add", "the definition of an outage"),
        Box("reports.analysis.outages", "outages", "the outages of the recording"),
        Box("reports.analysis.outages", "cost", "the cost of one incident"),
        Box("reports.analysis.analyze", "analyze_index", "all findings"),
        RESULTS,
        Box("reports.render.json", "document", "the report as JSON"),
    ),
    "From a finding to a sentence": (
        RESULTS,
        Box("reports.analysis.self_checks", "checked", "withholds what does not hold", to="incidents"),
        Box("reports.document.build", "table", "one kind of block"),
        Box("reports.document.incidents", "incidents", "one section of many"),
        Box("reports.contents", "document", "the table of contents", to="markdown"),
        Box("reports.render.language", "language", "the phrases of one language"),
        Box("reports.render.markdown", "markdown", "one renderer of several"),
    ),
}
STARTS = ("observer.recording.daemon", "observer.commands.reporting")


@dataclass(frozen=True)
class Module:
    """The top-level definitions of a module, and what its imported names stand for."""

    definitions: Mapping[str, ast.AST]
    imports: Mapping[str, Definition | str]


@cache
def module(name: str) -> Module | None:
    """Return a module of the project, None for any other."""
    path = ROOT.joinpath(*name.split("."))
    source = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    if not source.exists():
        return None
    tree = ast.parse(source.read_text(encoding="utf-8"))
    definitions: dict[str, ast.AST] = {}
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            definitions[node.name] = node
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            definitions |= {target.id: node for target in targets if isinstance(target, ast.Name)}
    imports: dict[str, Definition | str] = {}
    for one in ast.walk(tree):
        if isinstance(one, ast.ImportFrom) and one.module is not None:
            for alias in one.names:
                submodule = f"{one.module}.{alias.name}"
                known = module(submodule) if submodule != name else None
                imports[alias.asname or alias.name] = submodule if known else (one.module, alias.name)
    return Module(definitions, imports)


def resolved(where: str, name: str) -> Definition | str | None:
    """Return what a name of a module stands for: a definition, a module, or None if it is not of the project."""
    own = module(where)
    assert own is not None
    if name in own.definitions:
        return where, name
    found = own.imports.get(name)
    if isinstance(found, tuple):
        return resolved(*found) if module(found[0]) else None
    return found


def used(definition: Definition) -> set[Definition]:
    """Return the definitions of the project that a definition names."""
    where, name = definition
    own = module(where)
    assert own is not None
    found = set()
    for node in ast.walk(own.definitions[name]):
        target: Definition | str | None = None
        if isinstance(node, ast.Name):
            target = resolved(where, node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            package = resolved(where, node.value.id)
            target = resolved(package, node.attr) if isinstance(package, str) else None
        if isinstance(target, tuple) and target != definition:
            found.add(target)
    return found


def reached(start: set[Definition], stop: set[Definition]) -> set[Definition]:
    """Return what definitions use, directly or through others; nothing beyond `stop`."""
    found: set[Definition] = set()
    waiting = set(start)
    while waiting:
        new = {target for one in waiting if one in start or one not in stop for target in used(one)} - found
        found |= new
        waiting = new
    return found


def box(step: Box) -> Definition:
    """Return the definition that holds the function of a step."""
    return step.module, step.name.partition(".")[0]


def function(where: str, name: str) -> ast.FunctionDef:
    """Return a function, a method, an inner function or a constructor. Raise LookupError if it is gone."""
    own = module(where)
    outer, *inner = name.split(".")
    node: ast.AST | None = own.definitions.get(outer) if own else None
    for part in inner or (["__init__"] if isinstance(node, ast.ClassDef) else []):
        body = node.body if isinstance(node, (ast.FunctionDef, ast.ClassDef)) else []
        node = next((one for one in body if isinstance(one, ast.FunctionDef) and one.name == part), None)
    if isinstance(node, ast.FunctionDef):
        return node
    raise LookupError(f"{where} has no {name}: name its successor in DIAGRAMS")


def types(where: str, annotation: ast.AST | None) -> Iterator[str]:
    """Return the names of the project's classes and aliases in an annotation, and those that an alias stands for."""
    for node in ast.walk(annotation) if annotation is not None else ():
        if isinstance(node, ast.Name) and not hasattr(builtins, node.id):
            target = resolved(where, node.id)
            own = module(target[0]) if isinstance(target, tuple) else None
            if own is None or not isinstance(target, tuple):
                continue
            definition = own.definitions[target[1]]
            if isinstance(definition, ast.ClassDef):
                yield target[1]
            elif isinstance(definition, (ast.Assign, ast.AnnAssign)) and not isinstance(definition.value, ast.Call):
                yield target[1]
                yield from types(target[0], definition.value)


def taken(where: str, name: str) -> list[str]:
    """Return the types of the arguments of a function."""
    arguments = function(where, name).args
    every = (*arguments.args, *arguments.kwonlyargs)
    return [found for one in every for found in types(where, one.annotation)]


def given(step: Box) -> list[str]:
    """Return the types that a step gives: what it returns, else what it passes to a function that it got."""
    found = list(types(step.module, function(step.module, step.name).returns)) or taken(step.module, step.name)
    return [name for name in found if step.gives in ("", name)]


def arrow(step: Box, following: Box) -> str:
    """Return the type that goes from one step to the next. Raise LookupError if none does."""
    gives, takes = given(step), taken(*(following.takes or (following.module, following.name)))
    shared = [name for name in gives if name in takes]
    calls = box(step) in reached({box(following)}, set())
    if gives and (shared or calls):
        return (shared or gives)[0]
    raise LookupError(f"nothing goes from {step.name} to {following.name}: change DIAGRAMS")


def arrows(steps: Sequence[Box]) -> list[tuple[int, int, str]]:
    """Return (from, to, type) between the steps of a diagram, by their numbers."""
    names = [step.name for step in steps]
    found = []
    for number, step in enumerate(steps[:-1]):
        to = names.index(step.to) if step.to else number + 1
        found.append((number, to, arrow(step, steps[to])))
    return found


def diagram(steps: Sequence[Box]) -> str:
    """Return a flowchart in Mermaid."""
    lines = ["flowchart TD"]
    for number, step in enumerate(steps):
        path = step.module.replace(".", "/") + ".py"
        lines.append(f'  s{number}["{step.name}: {step.what}<br/>{path}"]')
    lines += [f"  s{a} -->|{name}| s{b}" for a, b, name in arrows(steps)]
    return "\n".join(lines)


def rendered(page: str) -> str:
    """Return the page with each diagram drawn again, below the heading of its name. Raise LookupError without one."""
    for title, steps in DIAGRAMS.items():
        before, heading, rest = page.partition(f"### {title}\n")
        text, fence, rest = rest.partition("```mermaid\n")
        _, end, after = rest.partition("\n```\n")
        if not end:
            raise LookupError(f'the page has no diagram below "### {title}"')
        page = f"{before}{heading}{text}{fence}{diagram(steps)}{end}{after}"
    return page


def main() -> None:
    """Write the diagrams into the page."""
    PAGE.write_text(rendered(PAGE.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
