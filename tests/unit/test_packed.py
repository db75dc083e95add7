"""The report of a recording packed with xz is that of the unpacked file."""

from __future__ import annotations

import lzma
from pathlib import Path

import pytest

from observer.commands import reporting
from observer.model.errors import ForeignDatabase, NotFound
from observer.store import Reader
from observer.store.packed import opened, unpacked
from tests.recorded import FAILOVER, database


def test_a_packed_recording_gives_the_same_facts(tmp_path: Path) -> None:
    plain = database(FAILOVER, tmp_path / "observer.db")
    packed = tmp_path / "observer.db.xz"
    packed.write_bytes(lzma.compress(plain.read_bytes()))
    assert reporting.facts(packed, None) == reporting.facts(plain, None)


def test_what_was_unpacked_is_gone_afterwards(tmp_path: Path) -> None:
    packed = tmp_path / "observer.db.xz"
    packed.write_bytes(lzma.compress(b"anything"))
    with unpacked(packed) as plain:
        assert plain.read_bytes() == b"anything"
    assert not plain.exists()


def test_a_file_that_is_not_packed_stays_where_it_is(tmp_path: Path) -> None:
    with unpacked(tmp_path / "observer.db") as plain:
        assert plain == tmp_path / "observer.db"


@pytest.mark.parametrize("content", [b"no xz at all", lzma.compress(b"cut short")[:-4]])
def test_a_damaged_one_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    packed = tmp_path / "observer.db.xz"
    packed.write_bytes(content)
    with pytest.raises(ForeignDatabase, match=r"observer\.db\.xz: cannot be unpacked"):
        reporting.facts(packed, None)


def test_a_missing_one_is_missed(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no such file"):
        reporting.facts(tmp_path / "observer.db.xz", None)


def test_a_packed_one_answers_a_query_as_the_file_does(tmp_path: Path) -> None:
    plain = database(FAILOVER, tmp_path / "observer.db")
    packed = tmp_path / "observer.db.xz"
    packed.write_bytes(lzma.compress(plain.read_bytes()))
    with opened(plain) as one, opened(packed) as other:
        (columns, rows), (same, others) = (reader.query("select * from leaders") for reader in (one, other))
        assert (columns, list(rows)) == (same, list(others))


def test_where_only_the_packed_one_is_there_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "observer.db.xz").write_bytes(lzma.compress(b"anything"))
    with pytest.raises(NotFound, match=r"no such file, but \S+observer\.db\.xz is there"):
        Reader(tmp_path / "observer.db")
