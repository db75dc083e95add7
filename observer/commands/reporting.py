"""Turn a recording file into a report: load, analyze, render, draw, write."""

import json
import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

from observer.config.settings import Objectives
from observer.model.errors import CannotWrite
from observer.model.recording import Recording
from observer.model.version import observer_version
from observer.store.packed import opened
from reports.analysis.objectives import objectives
from reports.analysis.results.whole import Results
from reports.analysis.results_of import results_of
from reports.analysis.self_checks import checked
from reports.contents import document
from reports.homework.answers import answers_of
from reports.render import json as as_json
from reports.render.html.html import html
from reports.render.language import Language, language
from reports.render.markdown import markdown
from reports.render.svg.gallery import pictures


def results(
    path: Path,
    recording_id: int | None,
    limits: Objectives | None = None,
    show: Callable[[str], None] = lambda _: None,
) -> Results:
    """Return all that the analysis finds in one recording of a file, or in all, with the verdicts on the objectives.

    The file may be packed with xz. `show` gets a line about each step. Raise NotFound or ForeignDatabase.
    """
    with opened(path) as reader:
        reader.recording(recording_id)  # raises NotFound
        numbers = [one.id for one in reader.recordings() if recording_id in (None, one.id)]

        def load(number: int) -> Recording:
            show(f"Analyzing recording {number} of {path}")
            return reader.load(number)

        found = checked(results_of(map(load, numbers), observer_version()))  # reads the file
    verdicts = objectives(found, limits.model_dump() if limits is not None else {})
    return replace(found, answers=answers_of(found), objectives=verdicts)


def text(
    results: Results, form: str, language_name: str, profile: str, pictures: Mapping[str, str] | None = None
) -> str:
    """Return the document as Markdown, JSON or HTML. `pictures` maps the name of a picture to the path to link."""
    if form == "json":
        return json.dumps(as_json.document(results), ensure_ascii=False, indent=2, sort_keys=True) + "\n"
    sections = document(results, "drill" if profile == "drill" else "homework")
    if form == "html":
        return html(sections, results, _naming(results, language_name))
    return markdown(sections, _naming(results, language_name), pictures or {})


def _naming(results: Results, language_name: str) -> Language:
    """Return the language, which calls members of etcd by their names; not if two recordings disagree on one."""
    pairs = [pair for recording in results.recordings for pair in recording.names.items()]
    return language(language_name).naming({a: n for a, n in pairs if all(m == n for b, m in pairs if a == b)})


def draw(results: Results, language_name: str, directory: Path, output: Path | None) -> dict[str, str]:
    """Write the pictures into a folder and return their paths by name, relative to the document `output`.

    Without `output`, the document is expected beside the folder. Raise CannotWrite if the folder cannot be written.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CannotWrite(f"{directory}: cannot be made ({error.strerror}); name another folder.") from None
    base = (directory if output is None else output).resolve().parent
    paths = {}
    for name, picture in pictures(results, language(language_name)).items():
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
            os.umask(umask := os.umask(0))
            Path(name).chmod(path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~umask)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise CannotWrite(f"{path}: cannot be written ({error.strerror}); check the folder.") from None
