"""A file judged anew: what today's rules find in its recordings replaces what was found while they were made."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from observer.model.errors import ForeignDatabase
from observer.store import Reader
from observer.store.packed import SUFFIX
from observer.store.writing import Writer
from reports.analysis.analyze import analyze


def judge_anew(path: Path) -> list[tuple[int, int]]:
    """Judges every recording of a file and keeps the findings in it: the recordings' ids with their incidents.

    Raises NotFound, ForeignDatabase, and CannotWrite, also where a daemon records into the file.
    """
    if path.suffix == SUFFIX and path.is_file():
        raise ForeignDatabase(f"{path}: is packed, and findings are kept in the file itself; unpack it: xz -dk {path}.")
    with Reader(path) as reader:
        found = [(one.id, analyze(reader.load(one.id))) for one in reader.recordings()]
    with closing(Writer(path)) as writer:
        for number, findings in found:
            writer.append(number, [findings])
    return [(number, len(findings.incidents)) for number, findings in found]
