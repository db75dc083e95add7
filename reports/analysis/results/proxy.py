"""How HAProxy is configured, and how its health checks behaved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ProxySettings:
    """HAProxy's health checks: `rise` and `fall`, and the milliseconds between two checks. None: not observed.

    `inter_from_settings`: `inter_ms` comes from the observer's settings. `event_ids`: the row that shows rise and fall.
    """

    rise: int | None
    fall: int | None
    inter_ms: int | None
    inter_from_settings: bool
    event_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Measured:
    """A measured duration in milliseconds, and the rows of events that show it."""

    ms: float
    event_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class CheckPauses:
    """Pauses between consecutive checks of one server: how many were measured, and three of them."""

    count: int
    shortest: Measured
    median: Measured
    longest: Measured


@dataclass(frozen=True, slots=True)
class StaleUp:
    """How long a server stayed UP after its PostgreSQL stopped answering: since the first failed poll began."""

    subject: str
    duration_ns: int
    event_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ProxyChecks:
    """What was measured of the health checks. `timeouts`: the longest check of each kind of timeout, by its status."""

    pauses: CheckPauses | None
    timeouts: Mapping[str, Measured]
    stale_up: tuple[StaleUp, ...]
