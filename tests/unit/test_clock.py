"""The name of a boot of the machine, and when two names are of one boot."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from observer.model.clock import boot_id, same_boot

SESSION = "D3B1F7A2-0C55-4E0E-9B57-0123456789AB"


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Be a system without Linux's own name of a boot, booted 1000 minutes after 1970."""
    monkeypatch.setattr(Path, "exists", lambda self: False)
    monkeypatch.setattr(time, "time", lambda: 1000 * 60 + 500.0)
    monkeypatch.setattr(time, "monotonic", lambda: 500.0)


def test_macos_gives_a_name_that_outlives_its_sleep(elsewhere: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def sysctl(asked: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        assert asked[-1] == "kern.bootsessionuuid"
        return subprocess.CompletedProcess(asked, 0, f"{SESSION}\n", "")

    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(subprocess, "run", sysctl)
    assert boot_id() == SESSION


@pytest.mark.parametrize("error", [FileNotFoundError(), subprocess.CalledProcessError(1, "sysctl")])
def test_if_macos_gives_no_name_it_is_the_minute_of_the_boot(
    elsewhere: None, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def sysctl(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(subprocess, "run", sysctl)
    assert boot_id() == "darwin-1000"


def test_on_other_systems_it_is_the_minute_of_the_boot(elsewhere: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    assert boot_id() == "win32-1000"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (SESSION, SESSION, True),
        (SESSION, SESSION.replace("D3", "D4"), False),
        ("win32-1000", "win32-1001", True),  # the wall clock was set right meanwhile
        ("win32-1005", "win32-1000", True),
        ("win32-1000", "win32-1006", False),
        ("win32-1000", "darwin-1000", False),
        ("win32-1000", SESSION, False),
    ],
)
def test_two_names_are_of_one_boot(one: str, other: str, same: bool) -> None:
    assert same_boot(one, other) is same
