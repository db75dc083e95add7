"""The versions of observer and of what it runs on."""

import platform

import psycopg2.extensions

from observer.model.version import observer_version


def versions() -> dict[str, str]:
    """Return the versions of observer, Python, the operating system, libpq and psycopg2."""
    libpq = psycopg2.extensions.libpq_version()
    return {
        "observer": observer_version(),
        "python": platform.python_version(),
        "host": platform.platform(),
        "libpq": f"{libpq // 10000}.{libpq % 10000}",
        "psycopg2": str(vars(psycopg2)["__version__"]).split()[0],
    }
