"""Rows are printed as they come, and output that is cut off is still valid."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator

import pytest

from observer.commands.printing import print_rows


class Pipe(io.StringIO):
    """Keep what a reader at the other end has received: what was flushed."""

    got = ""

    def flush(self) -> None:
        self.got = self.getvalue()


@pytest.mark.parametrize(("form", "first"), [("csv", "n\n1\n"), ("json", '[\n  {"n": 1}')])
def test_a_row_is_flushed_before_the_next_one_comes(form: str, first: str) -> None:
    pipe, seen = Pipe(), []

    def rows() -> Iterator[tuple[int]]:
        yield (1,)
        seen.append(pipe.got)

    print_rows(["n"], rows(), form, pipe)
    assert seen == [first]


def test_json_is_valid_after_ctrl_c() -> None:
    pipe = Pipe()

    def rows() -> Iterator[tuple[int]]:
        yield (1,)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        print_rows(["n"], rows(), "json", pipe)
    assert json.loads(pipe.getvalue()) == [{"n": 1}]
