"""Sentences of a Markdown page, for the tests of the language: prose only, without code, tables, links and comments."""

from __future__ import annotations

import re
from collections.abc import Iterator

_ITEM = re.compile(r"\s*(?:[-*]|\d+\.)\s+")
_END = re.compile(r"(?<=[.!?])[*_)\"»]*\s+(?=[\"'(`*_\[«A-ZА-ЯЁ0-9o])|(?<=[:;])\s+(?=[-*] )")


def paragraphs(markdown: str) -> Iterator[str]:
    """Return each paragraph, list item and heading as one line, without blocks of code, tables and comments."""
    text = re.sub(r"<!--.*?-->", "", markdown, flags=re.DOTALL)
    text = re.sub(r"^( *)(```+).*?^\1\2 *$", "\n", text, flags=re.DOTALL | re.MULTILINE)
    lines: list[str] = []
    for line in [*text.splitlines(), ""]:
        bare = line.strip()
        apart = not bare or bare.startswith(("|", "#", "![", "<")) or _ITEM.match(line)
        if apart and lines:
            yield " ".join(lines)
            lines = []
        if bare and not bare.startswith(("|", "![", "<", "#")):
            lines.append(_ITEM.sub("", line).strip())


def sentences(markdown: str) -> Iterator[str]:
    """Return each sentence of the prose. Code in a line counts as one word, a link as its text."""
    for paragraph in paragraphs(markdown):
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", paragraph)
        text = re.sub(r"``.*?``|`[^`]*`", "`code`", text)
        yield from (one for one in (part.strip() for part in _END.split(text)) if words(one))


def words(sentence: str) -> int:
    """Return the number of words: parts between spaces that hold a letter or a digit."""
    return sum(any(character.isalnum() for character in part) for part in sentence.split())
