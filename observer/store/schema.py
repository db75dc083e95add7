"""The tables and views of a timeline: a public interface, changed only by adding a migration at the end of the list.

`PRAGMA user_version` counts the migrations applied, `PRAGMA application_id` marks the file as ours.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

APPLICATION_ID = 0x50744F62  # "PtOb"

SLOW_NS = 150_000_000
"""An operation that took longer, from when it was due, is worth the judge's look."""

INTERESTING = f"(outcome <> 'ok' or finished_ns - due_ns > {SLOW_NS})"
"""The condition of a partial index: SQLite uses it only where a query repeats it word for word."""

SERVED_ONCE = (
    "recording_id, action, probe, ifnull(server, ''), ifnull(address, ''), ifnull(in_recovery, -1), "
    "ifnull(timeline, -1)"
)
"""What makes a row of counted_servers unique; nulls differ from each other in an index of plain columns."""


def version_of(connection: sqlite3.Connection) -> int:
    """How many migrations a file has had."""
    return int(connection.execute("pragma user_version").fetchone()[0])


def migrate(connection: sqlite3.Connection) -> None:
    """Brings the schema to the newest version. Each migration is applied once, in order.

    All in one transaction with the two marks: whatever is cut off, a file is whole or as it was before.
    """
    done = version_of(connection)
    if done < len(MIGRATIONS):
        marks = f"pragma application_id = {APPLICATION_ID}; pragma user_version = {len(MIGRATIONS)};"
        connection.executescript(f"begin; {' '.join(MIGRATIONS[done:])} {marks} commit;")


def _utc(nanoseconds: str) -> str:
    """SQL for the wall clock at a moment of the recording, to the millisecond. Whole numbers: no rounding astray."""
    at = f"(r.began_unix_ns + {nanoseconds})"
    return f"strftime('%Y-%m-%dT%H:%M:%S', {at} / 1000000000, 'unixepoch') || printf('.%03dZ', {at} / 1000000 % 1000)"


_TABLES = """
create table recordings (
  id integer primary key, began_utc text not null, ended_ns integer, ended text, boot text not null,
  anchor_ns integer not null, pid integer not null, cluster_id text, scope text, settings text not null,
  began_unix_ns integer not null);
create table events (
  id integer primary key, recording_id integer not null references recordings(id), source text not null,
  kind text not null, subject text not null, after_ns integer not null, by_ns integer not null, utc text not null,
  detail text not null);
create table operations (
  id integer primary key, recording_id integer not null references recordings(id), action text not null,
  probe text not null, token text not null, due_ns integer not null, started_ns integer not null,
  finished_ns integer not null, outcome text not null, stage text not null, sqlstate text, server text, address text,
  in_recovery integer, timeline integer, saw text, message text);
create table audits (
  id integer primary key, recording_id integer not null references recordings(id), audited_ns integer not null,
  first_token text not null, last_token text not null, present integer not null, server text, timeline integer);
"""

_FOUND = """
create table incidents (
  id integer primary key, recording_id integer not null references recordings(id), number integer not null,
  cause text not null, target text, targets text not null, confidence text not null, began_ns integer not null,
  ended_ns integer not null, write_outage_s real, read_outage_s real, write_open integer not null,
  read_open integer not null, leader_before text, leader_after text, timeline_before integer, timeline_after integer,
  brownout_s real, lost_writes integer, redundancy_back_s real, fault_to_write_s real);
create table phases (
  id integer primary key, recording_id integer not null references recordings(id),
  incident_id integer not null references incidents(id), name text not null, began_ns integer not null,
  ended_ns integer not null, seconds real not null, shortest_s real not null, longest_s real not null,
  bound_min_s real, bound_max_s real);
create table evidence (
  id integer primary key, recording_id integer not null references recordings(id),
  incident_id integer not null references incidents(id), phase_id integer references phases(id), role text not null,
  cause text, table_name text, ids text not null, says text not null, facts text not null);
create table judged_outages (
  id integer primary key, recording_id integer not null references recordings(id),
  incident_id integer not null references incidents(id), action text not null, began_ns integer not null,
  ended_ns integer not null, open integer not null, before_id integer, after_id integer,
  first_failure_ns integer not null, failed integer not null, unknown integer not null);
create table judged_losses (
  id integer primary key, recording_id integer not null references recordings(id), token text not null,
  acknowledged_ns integer not null, server text, timeline integer, operation_id integer, audit_id integer);
"""

_INDEXES = f"""
create index events_by on events(recording_id, by_ns);
create index events_kind on events(kind, recording_id, by_ns);
create index operations_finished on operations(recording_id, finished_ns);
create index operations_interesting on operations(recording_id, finished_ns) where {INTERESTING};
create index audits_recording on audits(recording_id, audited_ns);
"""

# A spell of leadership begins where the holder of the key changes, or where the key is taken anew. Its timeline is the
# newest that the leader itself was seen on as a primary, before the spell ended and after the one before had.
_LEADERS = f"""
create view leaders as
with keys as (
  select id, recording_id, kind, by_ns, case kind when 'leader.lost' then null else subject end as holder
  from events where kind in ('leader.seen', 'leader.elected', 'leader.lost')),
told as (
  select *, lag(holder) over (partition by recording_id order by by_ns, id) as held,
    lag(id) over (partition by recording_id order by by_ns, id) is null as first
  from keys),
turns as (
  select recording_id, holder, by_ns as from_ns,
    lead(by_ns) over (partition by recording_id order by by_ns, id) as to_ns,
    lag(by_ns) over (partition by recording_id order by by_ns, id) as since_ns
  from told where first or holder is not held or kind = 'leader.elected'),
ends as (
  select id as recording_id, coalesce(ended_ns,
    max(coalesce((select max(by_ns) from events e where e.recording_id = recordings.id), 0),
        coalesce((select max(finished_ns) from operations o where o.recording_id = recordings.id), 0))) as until_ns
  from recordings)
select t.recording_id, t.holder as member,
  (select json_extract(m.detail, '$.timeline') from events m
   where m.kind = 'member.changed' and m.recording_id = t.recording_id and m.subject = t.holder
     and m.by_ns < coalesce(t.to_ns, m.by_ns + 1) and m.by_ns >= coalesce(t.since_ns, 0)
     and json_extract(m.detail, '$.timeline') is not null
     and (json_extract(m.detail, '$.in_recovery') = 0
       or json_extract(m.detail, '$.role') in ('primary', 'master', 'promoted'))
   order by m.by_ns desc, m.id desc limit 1) as timeline,
  {_utc("t.from_ns")} as from_utc,
  case when t.to_ns is not null then {_utc("t.to_ns")} end as to_utc,
  round((coalesce(t.to_ns, max(ends.until_ns, t.from_ns)) - t.from_ns) / 1e9, 3) as seconds,
  t.from_ns, t.to_ns
from turns t join recordings r on r.id = t.recording_id join ends on ends.recording_id = t.recording_id
where t.holder is not null;
"""

_VIEWS = f"""
{_LEADERS}
create view outages as
select o.incident_id, o.action, {_utc("o.began_ns")} as from_utc,
  case when not o.open then {_utc("o.ended_ns")} end as to_utc,
  round((o.ended_ns - o.began_ns) / 1e9, 3) as seconds, o.open, o.failed, o.unknown, o.recording_id
from judged_outages o join recordings r on r.id = o.recording_id;
create view lost_writes as
select l.token, {_utc("l.acknowledged_ns")} as acknowledged_utc, l.server, l.timeline, l.operation_id, l.recording_id
from judged_losses l join recordings r on r.id = l.recording_id;
create view operations_utc as
select o.id, o.recording_id, {_utc("o.due_ns")} as due_utc, {_utc("o.started_ns")} as started_utc,
  {_utc("o.finished_ns")} as finished_utc, round((o.finished_ns - o.due_ns) / 1e6, 1) as took_ms, o.action, o.probe,
  o.token, o.outcome, o.stage, o.sqlstate, o.server, o.address, o.in_recovery, o.timeline, o.saw, o.message
from operations o join recordings r on r.id = o.recording_id;
"""

# Kept up as operations are written, so that no reader has to count a day of them.
_COUNTED = f"""
create table counted_seconds (
  recording_id integer not null references recordings(id), second integer not null, action text not null,
  ok integer not null, failed integer not null, unknown integer not null, max_ns integer not null,
  primary key (recording_id, second, action)) without rowid;
create table counted_servers (
  recording_id integer not null references recordings(id), action text not null, probe text not null, server text,
  address text, in_recovery integer, timeline integer, operations integer not null);
create unique index counted_servers_once on counted_servers({SERVED_ONCE});
"""

_COUNT_ALL = """
insert into counted_seconds
select recording_id, finished_ns / 1000000000, action, sum(outcome = 'ok'), sum(outcome = 'fail'),
  sum(outcome = 'unknown'), max(finished_ns - due_ns)
from operations group by 1, 2, 3;
insert into counted_servers
select recording_id, action, probe, server, address, in_recovery, timeline, count(*)
from operations where outcome = 'ok' group by 1, 2, 3, 4, 5, 6, 7;
"""

_COUNTED_VIEWS = f"""
drop view if exists per_second;
drop view if exists served_by;
create view per_second as
select {_utc("c.second * 1000000000")} as utc, c.action, c.ok, c.failed, c.unknown, round(c.max_ns / 1e6, 1) as max_ms,
  c.recording_id, c.second
from counted_seconds c join recordings r on r.id = c.recording_id;
create view served_by as
select action, coalesce(server, address) as server, in_recovery, sum(operations) as operations, recording_id
from counted_servers group by recording_id, action, coalesce(server, address), in_recovery;
"""

_CONNECTIONS = f"""
create table judged_outages_alone (
  id integer primary key, recording_id integer not null references recordings(id),
  incident_id integer not null references incidents(id), action text not null, probe text not null,
  began_ns integer not null, ended_ns integer not null, open integer not null, before_id integer, after_id integer,
  first_failure_ns integer not null, failed integer not null, unknown integer not null);
create view outages_alone as
select o.incident_id, o.action, o.probe, {_utc("o.began_ns")} as from_utc,
  case when not o.open then {_utc("o.ended_ns")} end as to_utc,
  round((o.ended_ns - o.began_ns) / 1e9, 3) as seconds, o.open, o.failed, o.unknown, o.recording_id
from judged_outages_alone o join recordings r on r.id = o.recording_id;
"""

MIGRATIONS: Sequence[str] = (
    f"{_TABLES} {_FOUND} {_INDEXES} {_VIEWS}",  # what is recorded, and what the judge finds in it
    f"{_COUNTED} {_COUNT_ALL} {_COUNTED_VIEWS}",  # counts, so that no reader has to count a day of operations
    _CONNECTIONS,  # outages of kept and of new connections, each alone
)
