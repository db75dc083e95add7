"""Which of a recording's tokens the primary holds: how a lost write becomes known."""

from __future__ import annotations

from collections.abc import Callable

from observer.timeline import Audit


class AuditFailed(Exception):
    """The tokens could not be read back; the text is one sentence that says why."""


def audit(
    dsn: str,
    workload: str,
    tag: str,
    first_n: int,
    last_n: int,
    deadline_ms: int,
    now_ns: Callable[[], int],
    name_of: Callable[[str], str | None] = lambda address: None,
) -> list[Audit]:
    """The tokens from first_n to last_n, read back through the primary, as ranges that are all present or all absent.

    Raises AuditFailed: nothing answers within the deadline (of each question), the server is in recovery, the tables
    are not there.
    """
    raise NotImplementedError
