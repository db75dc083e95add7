"""What all tests share."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

# A busy machine may take seconds for one example; only what the code does decides.
settings.register_profile("observer", deadline=None)
settings.load_profile("observer")


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove a person's OBSERVER_* and PG* variables, so that they change no test."""
    for name in list(os.environ):
        if name.startswith(("OBSERVER_", "PG")):
            monkeypatch.delenv(name)
