"""The version of observer."""

from importlib.metadata import PackageNotFoundError, version


def observer_version() -> str:
    """Return the installed version of observer, "0" if it runs from a folder that was never installed."""
    try:
        return version("patroni-observer")
    except PackageNotFoundError:
        return "0"
