"""Whether the traffic can begin: refused credentials and a missing database are not mended by waiting."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from observer.postgres.persistent import ask
from observer.postgres.session import DsnError, NoAnswer, answered, parameters, words
from observer.traffic.workload import PROBE_TABLE, WORKLOADS, absent

_CREDENTIALS = frozenset({"28P01", "28000"})
_NO_DATABASE = "3D000"
_NOT_ALLOWED = "42501"


@dataclass(frozen=True, slots=True)
class Preflight:
    """What the first question found. `says` is one sentence for a person, without the password; empty when ok.

    `verdict`: ok; credentials (refused: exit code 77); database (none of that name: 78); dsn (cannot be used: 78);
    nothing (nothing listens or nothing answers; waiting may mend it); error (a server that answers, but not well);
    tables (the workload's tables are not there, or may not be used: the traffic waits for them).
    """

    verdict: Literal["ok", "credentials", "database", "dsn", "nothing", "error", "tables"]
    says: str = ""
    in_recovery: bool | None = None


def preflight(dsn: str, workload: str, deadline_ms: int, now_ns: Callable[[], int]) -> Preflight:
    """Asks the server behind a connection string once. Workload "probe": on a primary, creates its table if absent.

    Takes two deadlines at most.
    """
    try:
        where = _where(parameters(dsn))
    except DsnError as error:
        return Preflight("dsn", str(error))
    try:
        in_recovery = bool(ask(dsn, "SELECT pg_is_in_recovery()", deadline_ms, now_ns)[0][0])
    except NoAnswer as failure:
        return _refusal(failure, where)
    try:
        if workload == "probe" and not in_recovery:
            ask(dsn, PROBE_TABLE, deadline_ms, now_ns)
        elif workload in WORKLOADS:
            ask(dsn, WORKLOADS[workload].look, deadline_ms, now_ns)
    except NoAnswer as failure:
        if absent(failure.sqlstate) or failure.sqlstate == _NOT_ALLOWED:
            return Preflight(
                "tables",
                f"the workload {workload} cannot use its tables at {where}: {failure.message}; create them and grant "
                f"the user their use.",
                in_recovery,
            )
        return Preflight("error", f"{where} answered with an error: {failure.message}.", in_recovery)
    return Preflight("ok", in_recovery=in_recovery)


def _refusal(failure: NoAnswer, where: str) -> Preflight:
    said = words(failure.message)
    if failure.sqlstate in _CREDENTIALS or "no password supplied" in failure.message:
        return Preflight("credentials", f"{where} refused the credentials: {said}; check user and password.")
    if failure.sqlstate == _NO_DATABASE:
        return Preflight("database", f"{where} has no such database: {said}; check dbname.")
    unasked = failure.stage == "connect" and failure.sqlstate is None and not answered(failure.message)
    if failure.how == "error" and unasked:
        return Preflight("dsn", f"the connection string of {where} cannot be used: {said}.")
    if failure.how == "error":
        return Preflight("error", f"{where} answered with an error: {said}.")
    return Preflight("nothing", f"nothing answers at {where} ({failure.how}): {said}.")


def _where(given: dict[str, str]) -> str:
    host, port = given.get("host", "the default host"), given.get("port", "5432")
    return f"{given.get('user', 'the default user')}@{host}:{port}/{given.get('dbname', given.get('user', ''))}"
