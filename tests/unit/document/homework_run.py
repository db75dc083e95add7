"""The recorded run of the homework, its results and its documents, for the tests of the whole document."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

from observer.commands import reporting
from observer.config.loading import load
from reports.analysis.results.whole import Results
from reports.contents import document
from reports.document.blocks import Profile
from reports.render.language import language
from reports.render.markdown import markdown

HW3 = Path(__file__).parents[3] / "hw3"
RECORDING = HW3 / "observer.db.xz"


@lru_cache
def homework_results() -> Results:
    """Return the results of the recording in hw3/."""
    return reporting.results(RECORDING, None, load(HW3 / "observer.toml").objectives)


@lru_cache
def homework_document(name: str, profile: str = "homework") -> str:
    """Return the document about it, with plain spaces."""
    return plain(reporting.text(homework_results(), "md", name, profile))


@lru_cache
def homework_section(section: str, name: str, profile: Profile = "homework") -> str:
    """Return one section of it, with plain spaces."""
    found = homework_results()
    words = language(name).naming(found.recordings[0].names)
    return plain(markdown([one for one in document(found, profile) if one.name == section], words))


def plain(text: str) -> str:
    """Return a text with ordinary spaces."""
    return text.replace("\u00a0", " ")


def outside(text: str) -> str:
    """Return what a reader sees without opening a folded block."""
    return re.sub(r"<details>.*?</details>", "", text, flags=re.DOTALL)


def words(text: str) -> int:
    """Return the number of words: tokens with a letter or a digit, without tags."""
    return sum(bool(re.search(r"\w", token)) for token in re.sub(r"<[^>]+>", " ", text).split())
