"""PostgreSQL, each member queried directly: recovery, timeline, start, positions."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from psycopg2.extensions import make_dsn

from observer.model.recording import MS_NS, SECOND_NS
from observer.postgres.persistent import PersistentConnection
from observer.postgres.session import CURRENT_TIMELINE, NoAnswer, address_of, parameters
from observer.sources.polling import Job, Now, Observation, Poller, PollFailed, Record

DEADLINE_MS = 1000
SAMPLE_NS = 10 * SECOND_NS

_POLL = f"""SELECT pg_is_in_recovery(), {CURRENT_TIMELINE},
 to_char(pg_postmaster_start_time() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
 host(inet_server_addr()), inet_server_port()"""
_IDENTITY = "SELECT system_identifier::text FROM pg_control_system()"
_VERSION = "SHOW server_version"
# A replica that has replayed all that it received has no lag, however old the last transaction is.
_SAMPLE = """SELECT pg_is_in_recovery(),
 (CASE WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn() ELSE pg_current_wal_lsn() END - '0/0'::pg_lsn)::bigint,
 (pg_last_wal_replay_lsn() - '0/0'::pg_lsn)::bigint,
 CASE WHEN NOT pg_is_in_recovery() THEN NULL
  WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0
  ELSE extract(epoch FROM now() - pg_last_xact_replay_timestamp()) END::float8,
 CASE WHEN NOT pg_is_in_recovery() THEN (SELECT jsonb_object_agg(application_name,
  (pg_current_wal_lsn() - replay_lsn)::bigint) FROM pg_stat_replication WHERE application_name IS NOT NULL) END"""
_SAMPLED = ("in_recovery", "lsn", "replay_lsn", "lag_s", "lag_bytes")


_PLACE = frozenset({"host", "hostaddr", "port", "service", "target_session_attrs", "load_balance_hosts"})


@dataclass(frozen=True, slots=True)
class Member:
    """The values of a server whose changes are recorded. `started` is UTC."""

    in_recovery: bool
    timeline: int | None
    started: str
    system_identifier: str | None


@dataclass(frozen=True, slots=True)
class PollResult:
    """One poll: the member, its own address, and its positions if they were due.

    `parting`: the SQLSTATE with which the server ended the session of the previous polls, if it did.
    """

    member: Member
    address: str | None
    version: str | None
    sample: Mapping[str, Any] | None
    parting: str | None = None


def direct_dsn(member_dsn: str, credentials_dsn: str) -> str:
    """Return a connection string straight to a member: its address from `member_dsn`, credentials from the other.

    `member_dsn` is a libpq string, of which every keyword counts, or Patroni's conn_url, whose database counts only if
    the credentials name none. Raise DsnError.
    """
    member = parameters(member_dsn)
    others = {key: value for key, value in parameters(credentials_dsn).items() if key not in _PLACE}
    if "://" in member_dsn:
        return str(make_dsn(**{**member, **others}))
    return str(make_dsn(**{**others, **member}))


def job(member: str, dsn: str, every_ms: int, record: Record, now_ns: Now) -> Job:
    """Return a poll of one member every `every_ms` on a persistent connection, each with a deadline of 1 s.

    It records member.changed, identity.learned and versions.captured when they change, and replication.sampled every
    10 s. Raise DsnError.
    """
    connection = PersistentConnection(dsn, DEADLINE_MS, now_ns)
    sampled_ns = -SAMPLE_NS

    def poll() -> PollResult:
        nonlocal sampled_ns
        began_ns = now_ns()
        until_ns = began_ns + DEADLINE_MS * MS_NS
        try:
            (in_recovery, timeline, started, host, port), *_ = connection.ask(_POLL, until_ns=until_ns)
            parting = _parting(connection)
            known = poller.state
            if known is None or known.member.started != started:
                identifier = _allowed(connection, _IDENTITY, until_ns)
                version = _allowed(connection, _VERSION, until_ns)
            else:
                identifier, version = (known.member.system_identifier,), (known.version,)
            sample = None
            if began_ns - sampled_ns >= SAMPLE_NS:
                sample = _allowed(connection, _SAMPLE, until_ns)
                sampled_ns = began_ns
        except NoAnswer as failure:
            states = {"sqlstate": failure.sqlstate, "parting": _parting(connection)}
            detail = {key: state for key, state in states.items() if state is not None}
            raise PollFailed(failure.how, failure.message, detail) from None
        return PollResult(
            Member(in_recovery, timeline, started, identifier[0] if identifier else None),
            address_of(host, port),
            str(version[0]).split()[0] if version else None,
            dict(zip(_SAMPLED, sample, strict=True)) if sample else None,
            parting,
        )

    poller = Poller("postgres", member, poll, partial(observations, member), record, now_ns)
    return Job(f"postgres {member}", every_ms, poller.run)


def observations(member: str, before: PollResult | None, after: PollResult) -> list[Observation]:
    """Return what is worth an event between two polls of a member."""
    events: list[Observation] = []
    if before is None or before.member != after.member:
        parting = {} if after.parting is None else {"parting": after.parting}
        events.append(("member.changed", member, {**asdict(after.member), **parting}))
    if after.address is not None and (before is None or before.address != after.address):
        events.append(("identity.learned", member, {"address": after.address}))
    if after.version is not None and (before is None or before.version != after.version):
        events.append(("versions.captured", member, {"postgres": after.version}))
    if after.sample is not None:
        events.append(("replication.sampled", member, after.sample))
    return events


def _parting(connection: PersistentConnection) -> str | None:
    """Return the SQLSTATE that ended the last session: 57P01 after a clean shutdown, 57P02 or none after a crash."""
    return None if connection.parting is None else connection.parting.sqlstate


def _allowed(connection: PersistentConnection, sql: str, until_ns: int) -> tuple[Any, ...] | None:
    """Return the only row of the answer; None if the server denies the query or returns no row."""
    try:
        rows = connection.ask(sql, until_ns=until_ns)
    except NoAnswer as failure:
        if failure.lost:
            raise
        return None
    return rows[0] if rows else None
