"""What all tests share."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """A person's OBSERVER_* and PG* variables change no test."""
    for name in list(os.environ):
        if name.startswith(("OBSERVER_", "PG")):
            monkeypatch.delenv(name)
