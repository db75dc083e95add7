"""HAProxy as it was configured and as its checks behaved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ProxySettings:
    """How the proxy checks its servers: good and bad answers in a row, milliseconds between checks. None: not told.

    `event_ids`: the row that tells rise and fall; `inter_told`: inter_ms is from the recording's settings.
    """

    rise: int | None
    fall: int | None
    inter_ms: int | None
    inter_from_settings: bool  # inter_told
    event_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Measured:
    """A measured length, milliseconds, with the rows of events that show it."""

    ms: float
    event_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class CheckPauses:
    """Pauses between two checks of one server in a row: how many were measured, and three of them with their rows."""

    count: int
    shortest: Measured
    median: Measured
    longest: Measured


@dataclass(frozen=True, slots=True)
class StaleUp:
    """How long a server stayed UP after the first look that its PostgreSQL did not answer began."""

    subject: str
    duration_ns: int  # seconds
    event_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ProxyChecks:
    """What was measured of a proxy's checks. `timeouts`: the longest check of each kind, by its status."""

    pauses: CheckPauses | None
    timeouts: Mapping[str, Measured]
    stale_up: tuple[StaleUp, ...]  # lingering
