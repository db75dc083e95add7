"""The traffic generator with a list of its records."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from observer.model.recording import Event, Operation
from observer.traffic.generator import Generator


@contextmanager
def traffic(dsn: str, rate_per_s: float, fresh_per_s: float, deadline_ms: int) -> Iterator[list[Event | Operation]]:
    """Run the workload `probe` until the end of the block; the list holds its records in order."""
    records: list[Event | Operation] = []
    generator = Generator(
        write_dsn=dsn,
        read_dsn=dsn,
        workload="probe",
        rate_per_s=rate_per_s,
        fresh_per_s=fresh_per_s,
        deadline_ms=deadline_ms,
        tag=f"{time.time_ns() % 2**32:08x}",
        record=records.append,
        now_ns=time.monotonic_ns,
        name_of=lambda address: None,
    )
    generator.start()
    try:
        yield records
    finally:
        generator.stop(drain_s=5)
