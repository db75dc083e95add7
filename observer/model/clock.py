"""The only module that reads the clocks."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

SET_RIGHT_MIN = 5  # no machine boots twice within this time


@dataclass(frozen=True, slots=True)
class Clock:
    """The clock of one recording: nanoseconds since it began, on the monotonic clock.

    `anchor_ns` is the monotonic reading at the beginning, `began_utc` the wall clock at the same moment. Any process of
    the same boot that knows the anchor reads the same clock (CLOCK_MONOTONIC on Linux).
    """

    anchor_ns: int
    began_utc: datetime

    @classmethod
    def begin(cls) -> Clock:
        """Return a clock whose zero is now."""
        return cls(anchor_ns=time.monotonic_ns(), began_utc=datetime.now(UTC))

    def now_ns(self) -> int:
        """Return nanoseconds since the recording began."""
        return time.monotonic_ns() - self.anchor_ns


def wall_ns() -> int:
    """Return the wall clock in nanoseconds since 1970, for display and to detect steps."""
    return time.time_ns()


def boot_id() -> str:
    """Return a name for this boot of the machine: monotonic readings compare only within one boot (see `same_boot`).

    Linux and macOS provide one; elsewhere it is the minute of the boot, computed from the two clocks.
    """
    path = Path("/proc/sys/kernel/random/boot_id")
    if path.exists():
        return path.read_text().strip()
    booted_s = time.time() - time.monotonic()
    return _session_of_macos() or f"{sys.platform}-{int(booted_s // 60)}"


def same_boot(one: str, other: str) -> bool:
    """Return whether two names are of one boot. The computed minute moves a little when the wall clock is corrected."""
    minutes = [re.fullmatch(r"(\w+)-(\d+)", name) for name in (one, other)]
    if one == other or None in minutes:
        return one == other
    (system, minute), (its_system, its_minute) = (found.groups() for found in minutes if found is not None)
    return system == its_system and abs(int(minute) - int(its_minute)) <= SET_RIGHT_MIN


def _session_of_macos() -> str | None:
    """Return the name of the boot on macOS, whose monotonic clock stops while the machine sleeps."""
    if sys.platform != "darwin":
        return None
    try:
        command = ["/usr/sbin/sysctl", "-n", "kern.bootsessionuuid"]
        return (
            subprocess.run(command, capture_output=True, encoding="utf-8", timeout=5, check=True).stdout.strip() or None
        )
    except (OSError, subprocess.SubprocessError):
        return None
