"""PostgreSQL, each member asked directly: recovery, timeline, start, positions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from psycopg2.extensions import make_dsn

from observer.model.recording import MS_NS, SECOND_NS
from observer.postgres.persistent import Kept
from observer.postgres.session import NoAnswer, address_of, parameters
from observer.sources.polling import Job, LookFailed, Now, Poller, Record, Told

DEADLINE_MS = 1000
SAMPLE_NS = 10 * SECOND_NS

# The timeline as the server itself has it at this moment; pg_control_checkpoint() would lag behind a promotion. On a
# replica only the WAL receiver knows, and shows it only to those who may read statistics: otherwise it is unknown.
_LOOK = """SELECT pg_is_in_recovery(),
 CASE WHEN pg_is_in_recovery() THEN (SELECT received_tli FROM pg_stat_wal_receiver)
  ELSE ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int END,
 to_char(pg_postmaster_start_time() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
 host(inet_server_addr()), inet_server_port()"""
_IDENTITY = "SELECT system_identifier::text FROM pg_control_system()"
_VERSION = "SHOW server_version"
# A replica that has replayed all it received lags by nothing, however long ago the last transaction was.
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
    """What a server says of itself and is worth an event when it changes. `started` is UTC."""

    in_recovery: bool
    timeline: int | None
    started: str
    system_identifier: str | None


@dataclass(frozen=True, slots=True)
class Look:
    """One look: the member, its own address, and its positions where it was time for them.

    `parting`: the SQLSTATE with which the server ended the session of the looks before, where it did.
    """

    member: Member
    address: str | None
    version: str | None
    sample: Mapping[str, Any] | None
    parting: str | None = None


def direct_dsn(member_dsn: str, credentials_dsn: str) -> str:
    """A connection string straight to a member: its place from `member_dsn`, user, password and so on from the other.

    `member_dsn` is a libpq string, whose every keyword counts, or Patroni's conn_url, whose database is taken only
    where the credentials name none. Raises DsnError.
    """
    member = parameters(member_dsn)
    others = {key: value for key, value in parameters(credentials_dsn).items() if key not in _PLACE}
    if "://" in member_dsn:
        return str(make_dsn(**{**member, **others}))
    return str(make_dsn(**{**others, **member}))


def job(member: str, dsn: str, every_ms: int, record: Record, now_ns: Now) -> Job:
    """Looks at one member every `every_ms`, on a kept connection, each look under a deadline of 1 s.

    Records member.changed, identity.learned and versions.captured where they are new, and replication.sampled every
    10 s. Raises DsnError.
    """
    kept = Kept(dsn, DEADLINE_MS, now_ns)
    sampled_ns = -SAMPLE_NS

    def look() -> Look:
        nonlocal sampled_ns
        began_ns = now_ns()
        until_ns = began_ns + DEADLINE_MS * MS_NS
        try:
            (in_recovery, timeline, started, host, port), *_ = kept.ask(_LOOK, until_ns=until_ns)
            parting = _parting(kept)
            known = poller.state
            if known is None or known.member.started != started:
                identifier, version = _allowed(kept, _IDENTITY, until_ns), _allowed(kept, _VERSION, until_ns)
            else:
                identifier, version = (known.member.system_identifier,), (known.version,)
            sample = None
            if began_ns - sampled_ns >= SAMPLE_NS:
                sample = _allowed(kept, _SAMPLE, until_ns)
                sampled_ns = began_ns
        except NoAnswer as failure:
            said = {"sqlstate": failure.sqlstate, "parting": _parting(kept)}
            detail = {key: state for key, state in said.items() if state is not None}
            raise LookFailed(failure.how, failure.message, detail) from None
        return Look(
            Member(in_recovery, timeline, started, identifier[0] if identifier else None),
            address_of(host, port),
            str(version[0]).split()[0] if version else None,
            dict(zip(_SAMPLED, sample, strict=True)) if sample else None,
            parting,
        )

    poller = Poller("postgres", member, look, partial(told, member), record, now_ns)
    return Job(f"postgres {member}", every_ms, poller.run)


def told(member: str, before: Look | None, after: Look) -> list[Told]:
    """What is worth an event between two looks at a member."""
    events: list[Told] = []
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


def _parting(kept: Kept) -> str | None:
    """The server's last word to the session of before: a shutdown in order says 57P01, a crash 57P02 or nothing."""
    return None if kept.parting is None else kept.parting.sqlstate


def _allowed(kept: Kept, sql: str, until_ns: int) -> tuple[Any, ...] | None:
    """The only row of the answer; None where the server says that we may not ask, or that there is none."""
    try:
        rows = kept.ask(sql, until_ns=until_ns)
    except NoAnswer as failure:
        if failure.lost:
            raise
        return None
    return rows[0] if rows else None
