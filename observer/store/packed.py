"""Recording files packed with xz, which takes a tenth of the space."""

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
    """Open a file, packed or not, for reading. Raise NotFound, ForeignDatabase."""
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
    """Give the path itself, or, if it ends in .xz, the path of an unpacked copy that is removed afterwards.

    Raise ForeignDatabase if the packed file is damaged.
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
