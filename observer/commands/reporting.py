"""Turn a recording file into a report: load, analyze, render, draw, write."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import cast
from urllib.parse import quote

from observer.commands import objectives
from observer.config.settings import Objectives
from observer.model.errors import CannotWrite
from observer.model.version import observer_version
from observer.store.packed import opened
from reports.analysis.analyze import analyze
from reports.facts.document import facts_of
from reports.facts.shape import Facts
from reports.pictures.gallery import pictures
from reports.report import LanguageName, json_document, render


def facts(
    path: Path,
    recording_id: int | None,
    limits: Objectives | None = None,
    show: Callable[[str], None] = lambda _: None,
) -> Facts:
    """Return everything found in one recording of a file, or in all, with the results for the objectives.

    The file may be packed with xz. `show` gets a line about each step. Raise NotFound or ForeignDatabase.
    """
    analyzed = []
    with opened(path) as reader:
        reader.recording(recording_id)  # raises NotFound
        numbers = [one.id for one in reader.recordings() if recording_id in (None, one.id)]
        for number in numbers:
            show(f"Analyzing recording {number} of {path}")
            recording = reader.load(number)
            analyzed.append((recording, analyze(recording)))
        found = facts_of(analyzed, observer_version())  # reads the file
    found["objectives"] += objectives.as_facts(found, limits or Objectives())
    return found


def text(facts: Facts, form: str, language: str, profile: str, pictures: Mapping[str, str] | None = None) -> str:
    """Return the document as Markdown or JSON. `pictures` maps the name of a picture to the path to link."""
    if form == "json":
        return json.dumps(json_document(facts), ensure_ascii=False, indent=2, sort_keys=True) + "\n"
    return render(facts, cast(LanguageName, language), "drill" if profile == "drill" else "homework", pictures or {})


def draw(facts: Facts, language: str, directory: Path, output: Path | None) -> dict[str, str]:
    """Write the pictures into a folder and return their paths by name, relative to the document `output`.

    Without `output`, the document is expected beside the folder. Raise CannotWrite if the folder cannot be written.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CannotWrite(f"{directory}: cannot be made ({error.strerror}); name another folder.") from None
    base = (directory if output is None else output).resolve().parent
    paths = {}
    for name, picture in pictures(facts, language).items():
        path = directory / f"{name}.svg"
        write(path, picture)
        try:
            linked = os.path.relpath(path.resolve(), base)
        except ValueError:  # another drive of Windows
            linked = str(path.resolve())
        paths[name] = quote(Path(linked).as_posix())
    return paths


def write(path: Path, document: str) -> None:
    """Write a file atomically, in UTF-8 with LF. Raise CannotWrite if that fails."""
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
                file.write(document)
            mode = path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask()
            Path(name).chmod(mode)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise CannotWrite(f"{path}: cannot be written ({error.strerror}); check the folder.") from None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
