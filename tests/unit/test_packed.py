"""A recording file that is packed with xz is read like the file itself."""

from __future__ import annotations

import lzma
from pathlib import Path

import pytest

from observer.commands import reporting
from observer.model.errors import ForeignDatabase, NotFound
from observer.store import Reader
from observer.store.packed import opened, unpacked
from tests.recorded import FAILOVER, database


def test_a_packed_recording_gives_the_same_results(tmp_path: Path) -> None:
    plain = database(FAILOVER, tmp_path / "observer.db")
    packed = tmp_path / "observer.db.xz"
    packed.write_bytes(lzma.compress(plain.read_bytes()))
    assert reporting.results(packed, None) == reporting.results(plain, None)


def test_the_unpacked_file_is_removed_afterwards(tmp_path: Path) -> None:
    packed = tmp_path / "observer.db.xz"
    packed.write_bytes(lzma.compress(b"anything"))
    with unpacked(packed) as plain:
        assert plain.read_bytes() == b"anything"
    assert not plain.exists()


def test_a_file_that_is_not_packed_is_used_as_it_is(tmp_path: Path) -> None:
    with unpacked(tmp_path / "observer.db") as plain:
        assert plain == tmp_path / "observer.db"


@pytest.mark.parametrize("content", [b"no xz at all", lzma.compress(b"cut short")[:-4]])
def test_a_damaged_packed_file_is_refused_by_its_name(tmp_path: Path, content: bytes) -> None:
    packed = tmp_path / "observer.db.xz"
    packed.write_bytes(content)
    with pytest.raises(ForeignDatabase, match=r"observer\.db\.xz: cannot be unpacked"):
        reporting.results(packed, None)


def test_a_missing_packed_file_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no such file"):
        reporting.results(tmp_path / "observer.db.xz", None)


def test_a_packed_file_answers_a_query_as_the_file_does(tmp_path: Path) -> None:
    plain = database(FAILOVER, tmp_path / "observer.db")
    packed = tmp_path / "observer.db.xz"
    packed.write_bytes(lzma.compress(plain.read_bytes()))
    with opened(plain) as one, opened(packed) as other:
        (columns, rows), (same, others) = (reader.query("select * from leaders") for reader in (one, other))
        assert (columns, list(rows)) == (same, list(others))


def test_a_missing_file_with_a_packed_one_beside_it_names_the_packed_one(tmp_path: Path) -> None:
    (tmp_path / "observer.db.xz").write_bytes(lzma.compress(b"anything"))
    with pytest.raises(NotFound, match=r"no such file, but \S+observer\.db\.xz is there"):
        Reader(tmp_path / "observer.db")
