"""The traffic: reads and writes through the proxy, scheduled by the clock, each under a hard deadline."""

from __future__ import annotations

from collections.abc import Callable

from observer.timeline import Event, Operation


class Generator:
    """Drives the workload in a thread of its own and hands every operation that ended to `record`.

    `name_of` maps a server's own address ("host:port") to a member's name, None where it is nobody's. `workload`:
    "homework" or "probe". An exception in the thread is recorded (source.blind, subject "generator") and raised by
    `stop`.
    """

    def __init__(
        self,
        *,
        write_dsn: str,
        read_dsn: str,
        workload: str,
        rate_per_s: float,
        fresh_per_s: float,
        deadline_ms: int,
        tag: str,
        record: Callable[[Event | Operation], None],
        now_ns: Callable[[], int],
        name_of: Callable[[str], str | None],
    ) -> None: ...

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        raise NotImplementedError

    @property
    def last_n(self) -> int:
        """The number in the last token given out; 0 before the first."""
        raise NotImplementedError

    def start(self) -> None:
        """Begins."""

    def stop(self, drain_s: float) -> None:
        """Issues nothing more, lets what runs end or reach its deadline for drain_s at most, and records it."""
