"""docs/how-to/adding.md works as it stands: its steps are applied to a copy of the project, and its commands run.

At the end all recipes are applied to one copy, and ruff and mypy check it.
"""

from __future__ import annotations

import ast
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.recipes
ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "how-to" / "adding.md"
COPIED = ("observer", "reports", "stack", "tests", "benchmarks", "docs", "pyproject.toml", "README.md", "README.ru.md")
LEFT_OUT = shutil.ignore_patterns("__pycache__", "pictures", "cluster", "docker", "*.svg")


Step = tuple[str, str]  # the line before a block, and the block; without a block the line alone
ALONE = ("Copy ", "Write ")


def recipes(page: str) -> dict[str, list[Step]]:
    """Return the steps of each recipe by its heading; those of commands have the line "Run"."""
    found: dict[str, list[Step]] = {}
    own: list[Step] = []
    block: list[str] | None = None
    before, form = "", ""
    for line in page.splitlines(keepends=True):
        fence = re.match(r"```(\w*)$", line)
        if block is not None and not fence:
            block.append(line)
        elif block is not None:
            own.append(("Run" if form == "sh" else before, "".join(block)))
            block = None
        elif fence:
            block, form = [], fence[1]
        elif line.startswith("## "):
            own = found.setdefault(line[3:].strip(), [])
        elif line.strip():
            before = line.strip()
            if before.startswith(ALONE):
                own.append((before, ""))
    return found


RECIPES = recipes(PAGE.read_text(encoding="utf-8"))


def apply(say: str, block: str, root: Path) -> None:
    """Follow one step."""
    assert say.startswith((*ALONE, "Create ", "Add above ", "Add to the end of ")), say
    names = [long or short for long, short in re.findall(r"``(.+?)``|(?<!`)`([^`]+)`(?!`)", say)]
    if say.startswith("Copy"):
        shutil.copy(root / names[0], root / names[1])
    elif say.startswith("Create"):
        (root / names[0]).write_text(block, encoding="utf-8")
    elif say.startswith("Write"):
        path = root / names[2]
        text = path.read_text(encoding="utf-8")
        assert names[1] in text, say
        path.write_text(text.replace(names[1], names[0], 1), encoding="utf-8")
    else:
        path = root / names[-1]
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        at = len(lines)
        if say.startswith("Add above"):
            at = next(n for n, line in enumerate(lines) if line.strip().startswith(names[0].strip()))
        elif len(names) == 2:
            at = end_of(names[0], "".join(lines))
        lines.insert(at, block)
        path.write_text("".join(lines), encoding="utf-8")


def end_of(name: str, source: str) -> int:
    """Return the number of the last line of a table, that of its closing bracket."""
    for node in ast.parse(source).body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            assert node.end_lineno is not None
            return node.end_lineno - 1
    raise LookupError(name)


def run(command: str, root: Path) -> None:
    """Run a command of the page in the copy."""
    program, *arguments = shlex.split(command)
    quiet = ["-q", "-p", "no:cacheprovider"] if program == "pytest" else []
    module = arguments if program == "python" else ["-m", program, *quiet, *arguments]
    environment = {**os.environ, "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1", "PYTEST_ADDOPTS": ""}
    done = subprocess.run(
        [sys.executable, *module], cwd=root, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}{done.stderr[-2000:]}"


def test_the_page_has_a_recipe_for_each_thing_that_can_be_added() -> None:
    things = ("language", "cause", "source", "scenario", "section", "command", "view", "check")
    assert [thing for thing in things if not any(thing in title for title in RECIPES)] == []


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the project."""
    for name in COPIED:
        source, target = ROOT / name, tmp_path / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=LEFT_OUT)
        else:
            shutil.copy(source, target)
    return tmp_path


@pytest.mark.parametrize("title", RECIPES)
def test_the_recipe_works_as_it_stands(title: str, copy: Path) -> None:
    assert RECIPES[title][-1][0] == "Run"
    for say, block in RECIPES[title]:
        if say == "Run":
            for command in block.splitlines():
                run(command, copy)
        else:
            apply(say, block, copy)


def test_ruff_and_mypy_accept_the_project_with_all_recipes(copy: Path) -> None:
    for say, block in (step for steps in RECIPES.values() for step in steps if step[0] != "Run"):
        apply(say, block, copy)
    for command in ("ruff format .", "ruff check --fix .", "ruff format --check .", "mypy"):
        run(command, copy)
