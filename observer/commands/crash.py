"""Report an unexpected error: one sentence for the person, the details in a file."""

from __future__ import annotations

import tempfile
import traceback
from datetime import UTC, datetime
from pathlib import Path


def keep(error: BaseException) -> str:
    """Write the traceback to a file and return a sentence that names it."""
    name = f"observer-error-{datetime.now(UTC):%Y%m%dT%H%M%S}.log"
    path = Path(tempfile.gettempdir()) / name
    details = "".join(traceback.format_exception(error))
    try:
        path.write_text(details, encoding="utf-8")
    except OSError:
        return f"Unexpected {type(error).__name__}: {error}; the details could not be written to {path}."
    return f"Unexpected {type(error).__name__}: {error}; the details are in {path}, please report them."
