"""Draw the way of a recording to a sentence into docs/explanation/architecture.md: `python -m tests.architecture_page`.

The boxes are the steps below. The arrows are computed from the source: an arrow from A to B has the type that A returns
and B takes. If nothing takes it, or a step that uses A returns it again, the arrow leads to the step that uses A.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "explanation" / "architecture.md"
BEGIN, END = "<!-- way begins -->\n", "<!-- way ends -->\n"

# The steps in order. A method stands for its class; a rule, a section and a phrase stand for all of their kind.
STEPS = (
    ("observer.store.reading", "Reader.load", "reads a recording"),
    ("reports.analysis.index", "build_index", "prepares the recording"),
    ("reports.analysis.incidents", "spans", "finds the incidents"),
    ("reports.analysis.incident_context", "incident_context", "gives a rule its view"),
    ("reports.analysis.rules.leader", "leader_killed", "one rule of many"),
    ("reports.analysis.rules.ordered", "cause_of", "the cause: the first rule that holds"),
    ("reports.analysis.phases", "phases", "divides the outage"),
    ("reports.analysis.analyze", "analyze_index", "puts the findings together"),
    ("reports.analysis.results_of", "results_of", "the facts, each with its rows"),
    ("reports.document.incidents", "incidents", "one section of many"),
    ("reports.contents", "document", "the table of contents"),
    ("reports.render.language", "Language.say", "one sentence"),
    ("reports.render.markdown", "markdown", "the document"),
)
START = "observer.commands.reporting"

Definition = tuple[str, str]  # module, name


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


def box(step: tuple[str, str, str]) -> Definition:
    """Return the definition that a step stands for."""
    return step[0], step[1].partition(".")[0]


def function(step: tuple[str, str, str]) -> ast.FunctionDef:
    """Return the function or method of a step. Raise LookupError if it is gone."""
    where, name, _ = step
    own = module(where)
    outer, _, inner = name.partition(".")
    node: ast.AST | None = own.definitions.get(outer) if own else None
    if inner and isinstance(node, ast.ClassDef):
        node = next((one for one in node.body if isinstance(one, ast.FunctionDef) and one.name == inner), None)
    if isinstance(node, ast.FunctionDef):
        return node
    raise LookupError(f"{where} has no {name}: name its successor in STEPS")


def types(where: str, annotation: ast.AST | None) -> Iterator[str]:
    """Return the names of the project's classes in an annotation, through aliases."""
    for node in ast.walk(annotation) if annotation is not None else ():
        if isinstance(node, ast.Name) and not hasattr(builtins, node.id):
            target = resolved(where, node.id)
            own = module(target[0]) if isinstance(target, tuple) else None
            if own is None or not isinstance(target, tuple):
                continue
            definition = own.definitions[target[1]]
            if isinstance(definition, ast.ClassDef):
                yield target[1]
            elif isinstance(definition, (ast.Assign, ast.AnnAssign)):
                yield from types(target[0], definition.value)


def arrows() -> list[tuple[int, int, str]]:
    """Return (from, to, type) between steps, by their numbers."""
    boxes = [box(step) for step in STEPS]
    gives, takes, uses = [], [], []
    for step in STEPS:
        node = function(step)
        gives.append(list(types(step[0], node.returns)))
        takes.append({name for one in node.args.args for name in types(step[0], one.annotation)})
        uses.append(reached({box(step)}, set(boxes)))
    found = []
    for a in range(len(STEPS)):
        users = [b for b in range(len(STEPS)) if b != a and boxes[a] in uses[b]]
        collectors = [b for b in users if set(gives[a]) & set(gives[b])]
        takers = [b for b in range(len(STEPS)) if b != a and set(gives[a]) & takes[b]]
        for b in collectors or takers or users:
            shared = [name for name in gives[a] if name in (gives[b] if collectors else takes[b])]
            found.append((a, b, (shared or gives[a] or ["str"])[0]))
    return found


def diagram() -> str:
    """Return the flowchart in Mermaid."""
    lines = ["flowchart TD"]
    for number, (where, name, what) in enumerate(STEPS):
        path = where.replace(".", "/") + ".py"
        lines.append(f'  s{number}["{name}: {what}<br/>{path}"]')
    lines += [f"  s{a} -->|{name}| s{b}" for a, b, name in arrows()]
    return "\n".join(lines)


def rendered() -> str:
    """Return the part of the page between the two marks."""
    return f"\n```mermaid\n{diagram()}\n```\n\n"


def parts() -> tuple[str, str, str]:
    """Return the page before the diagram, the diagram, and the page after it."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    shown, _, after = rest.partition(END)
    return before, shown, after


def main() -> None:
    """Write the diagram into the page."""
    before, _, after = parts()
    PAGE.write_text(f"{before}{BEGIN}{rendered()}{END}{after}", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
