"""The views of a recording file: the questions that people ask, each as one name to select from (views.sql)."""

import re
from collections.abc import Mapping
from importlib import resources
from typing import NamedTuple

from observer.store.schema import INTERESTING

_BLOCK = re.compile(r"^-- (\w+): (.+)\n((?:[^-\n].*\n)+)", re.MULTILINE)
_UTC = (
    r"strftime('%Y-%m-%dT%H:%M:%S', (r.began_unix_ns + \1) / 1000000000, 'unixepoch') "
    r"|| printf('.%03dZ', (r.began_unix_ns + \1) / 1000000 % 1000)"
)


class View(NamedTuple):
    """A view: what it shows, in one sentence, and its select."""

    description: str
    select: str


def _views(text: str) -> Mapping[str, View]:
    selects = re.sub(r"UTC\((.+?)\)", _UTC, text).replace("INTERESTING", INTERESTING)
    return {name: View(description, select) for name, description, select in _BLOCK.findall(selects)}


VIEWS = _views(resources.files("observer.store").joinpath("views.sql").read_text("utf-8"))
"""All views by name."""
