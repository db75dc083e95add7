"""The SQL of each workload, and the meaning of its answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from observer.postgres.session import CURRENT_TIMELINE, address_of

# inet_server_addr() is the server's own address, also behind a proxy.
_WHO = f"host(inet_server_addr()), inet_server_port(), pg_is_in_recovery(), {CURRENT_TIMELINE}"

# CREATE TABLE IF NOT EXISTS needs the right to create even if the table exists.
PROBE_TABLE = """DO $$BEGIN IF to_regclass('observer_probe') IS NULL THEN
    CREATE TABLE IF NOT EXISTS observer_probe (token text COLLATE "C" PRIMARY KEY, at timestamptz); END IF; END$$"""
_PROBE_WRITE = f"INSERT INTO observer_probe (token, at) VALUES (%s, now()) RETURNING {_WHO}"
# A backward index scan finds the newest; max() would read every token of the recording. The table may have been
# created with another collation, which may order tokens in another way.
_PROBE_READ = f"""SELECT {_WHO}, (SELECT token FROM observer_probe
 WHERE token COLLATE "C" >= %s AND token COLLATE "C" < %s ORDER BY token COLLATE "C" DESC LIMIT 1)"""

PREFIX = "observer "  # of event_name in `events`
_HOMEWORK_WRITE = f"""INSERT INTO events (event_name, owner_name)
 SELECT %s, owner_name FROM owners ORDER BY id LIMIT 1 RETURNING {_WHO}"""
# No index on event_name: the newest rows hold the newest token, and a hundred of them cost the same at any size.
_HOMEWORK_READ = f"""SELECT {_WHO}, (SELECT max(event_name COLLATE "C") FROM
 (SELECT event_name FROM events ORDER BY id DESC LIMIT 100) newest
 WHERE event_name COLLATE "C" >= %s AND event_name COLLATE "C" < %s)"""


def _held(table: str, column: str) -> str:
    """Return a query for the server's identity and the runs of tokens that it holds, as [[first n, last n], ...].

    A day of writes comes back as a handful of numbers. The query needs no index and compares bytes, so it is right
    under any locale.
    """
    return f"""SELECT {_WHO}, (SELECT array_agg(ARRAY[first_n, last_n] ORDER BY first_n) FROM
 (SELECT min(n) AS first_n, max(n) AS last_n FROM
  (SELECT n, n - row_number() OVER (ORDER BY n) AS run FROM
   (SELECT DISTINCT right({column}, 10)::bigint AS n FROM {table}
    WHERE {column} COLLATE "C" BETWEEN %s AND %s AND right({column}, 11) ~ '^-[0-9]{{10}}$') tokens) numbered
  GROUP BY run) runs)"""


_NO_SUCH_TABLE = "42P01"


@dataclass(frozen=True, slots=True)
class Workload:
    """The statements of one workload. `probe_insert` is the write that checks for absent tables.

    `check` fails if the tables are absent. `held` returns the runs of consecutive tokens between two values of the
    column, both included. `prefix` stands before the token in that column. `empty` is the reason if a write neither
    fails nor writes a row.
    """

    name: str
    write: str
    probe_insert: str
    read: str
    check: str
    held: str
    prefix: str
    empty: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server reported of itself, and the newest token that a read found."""

    address: str | None
    in_recovery: bool | None
    timeline: int | None
    saw: str | None = None


WORKLOADS = {
    "probe": Workload(
        name="probe",
        write=_PROBE_WRITE,
        probe_insert=f"{PROBE_TABLE}; {_PROBE_WRITE}",
        read=_PROBE_READ,
        check="SELECT token, at FROM observer_probe LIMIT 0",
        held=_held("observer_probe", "token"),
        prefix="",
        empty="nothing was written",
    ),
    "homework": Workload(
        name="homework",
        write=_HOMEWORK_WRITE,
        probe_insert=_HOMEWORK_WRITE,
        read=_HOMEWORK_READ,
        check="SELECT event_name, events.owner_name FROM events, owners LIMIT 0",
        held=_held("events", "event_name"),
        prefix=PREFIX,
        empty="the table owners holds no row",
    ),
}


def token(tag: str, n: int) -> str:
    """Return the n-th token of a recording; tokens of one recording sort as text."""
    return f"{tag}-{n:010d}"


def bounds(workload: Workload, tag: str) -> tuple[str, str]:
    """Return the half-open range, in the order of bytes, of the column's values for the tokens of one recording."""
    return f"{workload.prefix}{tag}-", f"{workload.prefix}{tag}."


def absent(sqlstate: str | None) -> bool:
    """Return whether an error means that the tables are absent."""
    return sqlstate == _NO_SUCH_TABLE


def answer(workload: Workload, row: Sequence[Any]) -> Answer:
    """Return the answer in a row of a write or a read."""
    host, port, in_recovery, timeline, *rest = row
    saw = rest[0].removeprefix(workload.prefix) if rest and rest[0] is not None else None
    return Answer(address_of(host, port), in_recovery, timeline, saw)
