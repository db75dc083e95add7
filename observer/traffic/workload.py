"""What is written and read: the SQL of each workload, and what its answers mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from observer.session import address_of

# The timeline as the server itself has it at this moment. pg_control_checkpoint() would lag behind a promotion; on a
# replica only the WAL receiver knows, and shows it only to those who may read statistics: otherwise it is unknown.
TIMELINE = """CASE WHEN pg_is_in_recovery() THEN (SELECT received_tli FROM pg_stat_wal_receiver)
 ELSE ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int END"""
# inet_server_addr() is the server's own address, also behind a proxy.
_WHO = f"host(inet_server_addr()), inet_server_port(), pg_is_in_recovery(), {TIMELINE}"

PROBE_TABLE = 'CREATE TABLE IF NOT EXISTS observer_probe (token text COLLATE "C" PRIMARY KEY, at timestamptz)'
_PROBE_WRITE = f"INSERT INTO observer_probe (token, at) VALUES (%s, now()) RETURNING {_WHO}"
# The newest by the index, backwards: max() would read every token of the recording. The collation of a table that
# somebody else made may order tokens in another way.
_PROBE_READ = f"""SELECT {_WHO}, (SELECT token FROM observer_probe
 WHERE token COLLATE "C" >= %s AND token COLLATE "C" < %s ORDER BY token COLLATE "C" DESC LIMIT 1)"""

PREFIX = "observer "  # of event_name in `events`
_HOMEWORK_WRITE = f"""INSERT INTO events (event_name, owner_name)
 SELECT %s, owner_name FROM owners ORDER BY id LIMIT 1 RETURNING {_WHO}"""
# No index on event_name: the newest rows hold the newest token, and a hundred of them cost the same at any size.
_HOMEWORK_READ = f"""SELECT {_WHO}, (SELECT max(event_name COLLATE "C") FROM
 (SELECT event_name FROM events ORDER BY id DESC LIMIT 100) newest
 WHERE event_name COLLATE "C" >= %s AND event_name COLLATE "C" < %s)"""

_NO_SUCH_TABLE = "42P01"


@dataclass(frozen=True, slots=True)
class Workload:
    """The statements of one workload. `knock` is the write that is tried while the tables are absent.

    `prefix` stands before the token in the column that holds it.
    """

    name: str
    write: str
    knock: str
    read: str
    prefix: str
    empty: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said of itself, and the newest token that a read found."""

    address: str | None
    in_recovery: bool | None
    timeline: int | None
    saw: str | None = None


WORKLOADS = {
    "probe": Workload("probe", _PROBE_WRITE, f"{PROBE_TABLE}; {_PROBE_WRITE}", _PROBE_READ, "", "nothing was written"),
    "homework": Workload(
        "homework", _HOMEWORK_WRITE, _HOMEWORK_WRITE, _HOMEWORK_READ, PREFIX, "the table owners holds no row"
    ),
}


def token(tag: str, n: int) -> str:
    """The n-th token of a recording; those of one recording sort as text."""
    return f"{tag}-{n:010d}"


def bounds(workload: Workload, tag: str) -> tuple[str, str]:
    """The half-open range, in the order of bytes, of what the column holds for the tokens of one recording."""
    return f"{workload.prefix}{tag}-", f"{workload.prefix}{tag}."


def absent(sqlstate: str | None) -> bool:
    """Whether an error says that the tables are not there."""
    return sqlstate == _NO_SUCH_TABLE


def answer(workload: Workload, row: Sequence[Any]) -> Answer:
    """A row of a write or a read."""
    host, port, in_recovery, timeline, *rest = row
    saw = rest[0].removeprefix(workload.prefix) if rest and rest[0] is not None else None
    return Answer(address_of(host, port), in_recovery, timeline, saw)
