"""From the file to the document: load, judge, render, write, and hold it against the objectives."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote
from xml.etree import ElementTree

from observer.config.settings import Objectives
from observer.model.errors import CannotWrite, ConfigError
from observer.model.findings import Verdict
from observer.recording.versions import observer_version
from observer.store.packed import opened
from reports.analysis.analyze import analyze
from reports.pictures.gallery import pictures
from reports.report import LanguageName, json_document, render
from reports.text.old_facts import CostFact, Facts, facts_of

EXIT_CODES: dict[Verdict, int] = {"HOLDS": 0, "BROKEN": 1, "UNKNOWN": 2}

UNWRITTEN_S = 60.0
"""So long without writes, a failover may pass that has none to lose: whether it would lose any is not known."""


@dataclass(frozen=True, slots=True)
class Held:
    """An objective, and whether the recordings hold it."""

    name: str
    verdict: Verdict
    sentence: str


def facts(path: Path, recording_id: int | None, objectives: Objectives | None = None) -> Facts:
    """Everything found in all recordings of a file, or in one, held to objectives. A file may be packed with xz.

    Raises NotFound, ForeignDatabase.
    """
    with opened(path) as reader:
        reader.recording(recording_id)  # there is at least one, and the one that is asked for
        numbers = [r.id for r in reader.recordings()] if recording_id is None else [recording_id]
        timelines = [reader.load(number) for number in numbers]
        found = facts_of([(timeline, analyze(timeline)) for timeline in timelines], observer_version())
    for held in verdicts(found, objectives or Objectives()):
        limit = float(getattr(objectives, held.name))
        measured = _measured(found, held.name, limit)
        found["objectives"].append({"name": held.name, "limit": limit, "measured": measured, "verdict": held.verdict})
    return found


def text(facts: Facts, form: str, language: str, profile: str, pictures: Mapping[str, str] | None = None) -> str:
    """The document as Markdown or JSON; `pictures` are the paths to link, by their names."""
    if form == "json":
        return json.dumps(json_document(facts), ensure_ascii=False, indent=2, sort_keys=True) + "\n"
    name: LanguageName = "en" if language == "en" else "ru"
    return render(facts, name, "drill" if profile == "drill" else "homework", pictures or {})


def draw(facts: Facts, language: str, directory: Path, output: Path | None) -> dict[str, str]:
    """Writes the pictures into a folder; their paths by name, as the document beside them links them.

    `output`: where the document goes; without one it is taken to stand beside the folder. Raises CannotWrite.
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
    """Writes a file at once or not at all, in UTF-8 with LF. Raises CannotWrite."""
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


def must_have_objectives(objectives: Objectives) -> None:
    """Raises ConfigError where there is nothing to check."""
    if not objectives.model_dump(exclude_none=True):
        names = ", ".join(Objectives.model_fields)
        raise ConfigError(f"objectives is empty; set at least one of {names} in [objectives] for --check.")


def verdicts(facts: Facts, objectives: Objectives) -> list[Held]:
    """One verdict for each objective that is set. What was not observed is UNKNOWN."""
    held: list[Held] = []
    if objectives.write_outage_s is not None:
        held.append(_outage(facts, "write", objectives.write_outage_s))
    if objectives.read_outage_s is not None:
        held.append(_outage(facts, "read", objectives.read_outage_s))
    if objectives.lost_writes is not None:
        held.append(_lost(facts, objectives.lost_writes))
    return held


def exit_code(held: Sequence[Held]) -> int:
    """1: an objective is broken; 2: none is, but one is unknown; 0: all hold."""
    found = {one.verdict for one in held}
    return EXIT_CODES["BROKEN" if "BROKEN" in found else "UNKNOWN" if "UNKNOWN" in found else "HOLDS"]


def junit(held: Sequence[Held]) -> str:
    """The verdicts as JUnit XML, which CI systems read: BROKEN is a failure, UNKNOWN an error."""
    root = ElementTree.Element("testsuites")
    counts = {verdict: str(sum(one.verdict == verdict for one in held)) for verdict in ("BROKEN", "UNKNOWN")}
    suite = ElementTree.SubElement(
        root,
        "testsuite",
        {"name": "observer", "tests": str(len(held)), "failures": counts["BROKEN"], "errors": counts["UNKNOWN"]},
    )
    for one in held:
        case = ElementTree.SubElement(suite, "testcase", {"classname": "observer.objectives", "name": one.name})
        if one.verdict == "HOLDS":
            ElementTree.SubElement(case, "system-out").text = one.sentence
        else:
            kind = "failure" if one.verdict == "BROKEN" else "error"
            ElementTree.SubElement(case, kind, {"message": one.sentence, "type": one.verdict})
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'


def _outage(facts: Facts, action: str, limit_s: float) -> Held:
    name, longest_s = f"{action}_outage_s", _longest_s(facts, action)
    if longest_s > limit_s:
        return Held(name, "BROKEN", f"{name}: BROKEN, {longest_s:.3f} s is more than {limit_s:g} s.")
    unseen = _unseen(facts, action, limit_s)
    if unseen is None and any(cost["open"] for cost in _costs(facts, action)):
        unseen = "an outage had not ended when the recording did"
    if unseen is not None:
        return Held(name, "UNKNOWN", f"{name}: UNKNOWN, {unseen} (at most {limit_s:g} s is asked for).")
    return Held(name, "HOLDS", f"{name}: HOLDS, {longest_s:.3f} s is at most {limit_s:g} s.")


def _measured(facts: Facts, name: str, limit: float) -> float | None:
    """What an objective is held against; None: not observed."""
    if name == "lost_writes":
        lost, unaudited = facts["durability"]["lost"], facts["durability"]["unaudited"]
        return lost if lost or not unaudited else None
    action = name.removesuffix("_outage_s")
    longest_s = _longest_s(facts, action)
    return longest_s if longest_s > limit or _unseen(facts, action, limit) is None else None


def _costs(facts: Facts, action: str) -> list[CostFact]:
    return [incident["write" if action == "write" else "read"] for incident in facts["incidents"]]


def _longest_s(facts: Facts, action: str) -> float:
    return max((outage["seconds"] for cost in _costs(facts, action) for outage in cost["outages"]), default=0.0)


def _unseen(facts: Facts, action: str, limit_s: float) -> str | None:
    """Why an outage longer than the limit may have gone unseen; None: none did."""
    for recording in facts["recordings"]:
        # A recording that had no acknowledged operation at all saw no outage begin, and proves nothing.
        if not any(total["action"] == action and total["ok"] for total in recording["totals"]):
            return f"recording {recording['id']} has no acknowledged {action}"
    if any(cost["outage_s"] is None for cost in _costs(facts, action)):
        return "not all of it was observed"
    return _unobserved(facts, action, limit_s)


def _unobserved(facts: Facts, action: str, limit_s: float) -> str | None:
    """The first stretch longer than the limit in which nobody saw what the application would have met."""
    for recording in facts["recordings"]:
        for stretch in recording["unobserved"]:
            if stretch["action"] == action and stretch["to_s"] - stretch["from_s"] > limit_s:
                span = f"{stretch['from_s']:.1f} to {stretch['to_s']:.1f} s"
                return f"nobody observed {action}s from {span} of recording {recording['id']}"
    return None


def _lost(facts: Facts, limit: int) -> Held:
    name, lost, unaudited = "lost_writes", facts["durability"]["lost"], facts["durability"]["unaudited"]
    if lost is not None and lost > limit:
        return Held(name, "BROKEN", f"{name}: BROKEN, {lost} is more than {limit}.")
    if lost is None or unaudited:
        return Held(name, "UNKNOWN", f"{name}: UNKNOWN, {unaudited} acknowledged writes were not read back.")
    unseen = _unobserved(facts, "write", UNWRITTEN_S)
    if unseen is not None:
        return Held(name, "UNKNOWN", f"{name}: UNKNOWN, {unseen}; of the others {lost} were lost.")
    return Held(name, "HOLDS", f"{name}: HOLDS, {lost} is at most {limit}.")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
