"""Whether the traffic can begin: refused credentials and a missing database are not mended by waiting."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Preflight:
    """What the first question found. `says` is one sentence for a person, without the password; empty when ok.

    `verdict`: ok; credentials (refused: exit code 77); database (none of that name: 78); dsn (cannot be used: 78);
    nothing (nothing listens or nothing answers; waiting may mend it); error (a server that answers, but not well).
    """

    verdict: Literal["ok", "credentials", "database", "dsn", "nothing", "error"]
    says: str = ""
    in_recovery: bool | None = None


def preflight(dsn: str, workload: str, deadline_ms: int, now_ns: Callable[[], int]) -> Preflight:
    """Asks the server behind a connection string once. Workload "probe": on a primary, creates its table if absent."""
    raise NotImplementedError
