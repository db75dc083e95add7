"""The versions of what watches."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

import psycopg2.extensions


def observer_version() -> str:
    """Our own version, "0" where it runs from a folder that was never installed."""
    try:
        return version("patroni-observer")
    except PackageNotFoundError:
        return "0"


def versions() -> dict[str, str]:
    """The observer's own, Python's, the host's and the libraries'."""
    libpq = psycopg2.extensions.libpq_version()
    return {
        "observer": observer_version(),
        "python": platform.python_version(),
        "host": platform.platform(),
        "libpq": f"{libpq // 10000}.{libpq % 10000}",
        "psycopg2": str(vars(psycopg2)["__version__"]).split()[0],
    }
