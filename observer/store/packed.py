"""A recording as it is kept for long: its file packed with xz, a tenth of the size."""

from __future__ import annotations

import lzma
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from observer.model.errors import ForeignDatabase, ObserverError
from observer.store.reading import Reader

SUFFIX = ".xz"


@contextmanager
def opened(path: Path) -> Iterator[Reader]:
    """The reader of a file, packed or not. Raises NotFound, ForeignDatabase."""
    with unpacked(path) as plain:
        try:
            reader = Reader(plain)
        except ObserverError as error:
            raise type(error)(str(error).replace(str(plain), str(path))) from None
        reader.path = path  # messages name the file that the user named
        with reader:
            yield reader


@contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """The file itself, or, of one that ends in .xz, what is packed in it: in a folder that goes away afterwards.

    Raises ForeignDatabase where nothing sound is packed in it.
    """
    if path.suffix != SUFFIX or not path.is_file():
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="observer-") as folder:
        plain = Path(folder) / path.stem
        try:
            with lzma.open(path) as packed, plain.open("wb") as target:
                shutil.copyfileobj(packed, target)
        except (lzma.LZMAError, EOFError) as error:
            raise ForeignDatabase(f"{path}: cannot be unpacked ({error}); name another file by --db.") from None
        yield plain
