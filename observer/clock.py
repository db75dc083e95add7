"""The one place that asks the time."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Clock:
    """The clock of one recording: nanoseconds since it began, on the monotonic clock.

    `anchor_ns` is the monotonic reading at the beginning and `began_utc` the wall clock's at the same moment. Any
    process of the same boot that knows the anchor reads the same clock (CLOCK_MONOTONIC on Linux).
    """

    anchor_ns: int
    began_utc: datetime

    @classmethod
    def begin(cls) -> Clock:
        """A clock whose zero is now."""
        return cls(anchor_ns=time.monotonic_ns(), began_utc=datetime.now(UTC))

    def now_ns(self) -> int:
        """Nanoseconds since the recording began."""
        return time.monotonic_ns() - self.anchor_ns


def wall_ns() -> int:
    """The wall clock, nanoseconds since 1970, for display and for noticing its steps."""
    return time.time_ns()


def boot_id() -> str:
    """A name for this boot of the machine: monotonic readings compare only within one boot.

    Linux has one of its own; elsewhere it is the minute of the boot, as the two clocks tell it.
    """
    path = Path("/proc/sys/kernel/random/boot_id")
    if path.exists():
        return path.read_text().strip()
    booted_s = time.time() - time.monotonic()
    return f"{sys.platform}-{int(booted_s // 60)}"
