"""The check before the traffic starts: waiting fixes neither refused credentials nor a missing database."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from observer.model.recording import MS_NS
from observer.postgres.persistent import ask
from observer.postgres.session import DsnError, NoAnswer, parameters, server_message, server_reached
from observer.traffic.workload import PROBE_TABLE, WORKLOADS, absent

_CREDENTIALS = frozenset({"28P01", "28000"})
_NO_DATABASE = "3D000"
_NOT_ALLOWED = "42501"


@dataclass(frozen=True, slots=True)
class Preflight:
    """The result of the first query. `says` is one sentence without the password; empty if ok.

    `verdict`: ok; credentials (refused: exit code 77); database (absent: 78); dsn (cannot be used: 78); nothing (no
    server answers, which waiting may fix); error (the server reports one); tables (the workload's tables are absent or
    not accessible, so the traffic waits for them).
    """

    verdict: Literal["ok", "credentials", "database", "dsn", "nothing", "error", "tables"]
    says: str = ""
    in_recovery: bool | None = None


def preflight(dsn: str, workload: str, deadline_ms: int, now_ns: Callable[[], int]) -> Preflight:
    """Query a server, within three deadlines. Workload "probe" creates its table on a primary if it is absent."""
    try:
        where = _where(parameters(dsn))
    except DsnError as error:
        return Preflight("dsn", str(error))
    try:
        in_recovery = bool(ask(dsn, "SELECT pg_is_in_recovery()", deadline_ms, now_ns)[0][0])
    except NoAnswer as failure:
        return _refusal(failure, where)
    try:
        _use_tables(dsn, workload, in_recovery, deadline_ms, now_ns)
    except NoAnswer as failure:
        if absent(failure.sqlstate) or failure.sqlstate == _NOT_ALLOWED:
            return Preflight(
                "tables",
                f"the workload {workload} cannot use its tables at {where}: {failure.message}; "
                "create them, and grant the user access to them.",
                in_recovery,
            )
        return Preflight("error", f"{where} answered with an error: {failure.message}.", in_recovery)
    return Preflight("ok", in_recovery=in_recovery)


def _use_tables(dsn: str, workload: str, in_recovery: bool, deadline_ms: int, now_ns: Callable[[], int]) -> None:
    if workload not in WORKLOADS:
        return
    sql = PROBE_TABLE if workload == "probe" and not in_recovery else WORKLOADS[workload].check
    # The primary may have created the table of the probe a moment ago; a replica has it a little later.
    until_ns = now_ns() + (deadline_ms * MS_NS if workload == "probe" and in_recovery else 0)
    while True:
        try:
            ask(dsn, sql, deadline_ms, now_ns)
        except NoAnswer as failure:
            if not absent(failure.sqlstate) or now_ns() >= until_ns:
                raise
            time.sleep(0.05)
        else:
            return


def _refusal(failure: NoAnswer, where: str) -> Preflight:
    message = server_message(failure.message)
    if failure.sqlstate in _CREDENTIALS or "no password supplied" in failure.message:
        return Preflight("credentials", f"{where} refused the credentials: {message}; check user and password.")
    if failure.sqlstate == _NO_DATABASE:
        return Preflight("database", f"{where} has no such database: {message}; check dbname.")
    unreached = failure.stage == "connect" and failure.sqlstate is None and not server_reached(failure.message)
    if failure.how == "error" and unreached:
        return Preflight("dsn", f"the connection string of {where} cannot be used: {message}.")
    if failure.how == "error":
        return Preflight("error", f"{where} answered with an error: {message}.")
    return Preflight("nothing", f"no server answers at {where} ({failure.how}): {message}.")


def _where(given: dict[str, str]) -> str:
    host, port = given.get("host", "the default host"), given.get("port", "5432")
    return f"{given.get('user', 'the default user')}@{host}:{port}/{given.get('dbname', given.get('user', ''))}"
