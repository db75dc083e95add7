"""The views of a recording file: the questions that people ask, each as one name to select from.

A view computes nothing that the tables do not hold, so every number of a report can be counted again with
`observer query "select * from VIEW where recording_id = 1"`.
docs/reference/sqlite.md describes each view and its columns.
"""

from collections.abc import Mapping
from typing import NamedTuple

from observer.store.schema import INTERESTING


class View(NamedTuple):
    """A view: what it shows, in one sentence, and its select."""

    description: str
    select: str


def _utc(nanoseconds: str) -> str:
    """Return SQL for the wall clock at a moment of the recording, to the millisecond, in whole numbers."""
    at = f"(r.began_unix_ns + {nanoseconds})"
    return f"strftime('%Y-%m-%dT%H:%M:%S', {at} / 1000000000, 'unixepoch') || printf('.%03dZ', {at} / 1000000 % 1000)"


def _detail(*names: str, of: str = "detail") -> str:
    """Return SQL for columns that come from a JSON object, one for each name."""
    return ", ".join(f"json_extract({of}, '$.{name}') as {name}" for name in names)


# The last row that a recording holds ends it if the daemon was killed.
_ENDS = """ends as (
  select id as recording_id, coalesce(ended_ns,
    max(coalesce((select max(by_ns) from events e where e.recording_id = recordings.id), 0),
        coalesce((select max(finished_ns) from operations o where o.recording_id = recordings.id), 0))) as until_ns
  from recordings)"""

# A leadership begins when the value of the leader key changes, or when the key is created again. Its timeline is the
# newest that the leader itself reported as a primary, before this leadership ended and after the one before it had.
_LEADERS = f"""
with keys as (
  select id, recording_id, kind, by_ns, case kind when 'leader.lost' then null else subject end as holder
  from events where kind in ('leader.seen', 'leader.elected', 'leader.lost')),
changes as (
  select *, lag(holder) over w as held, lag(id) over w is null as first
  from keys window w as (partition by recording_id order by by_ns, id)),
periods as (
  select recording_id, holder, by_ns as from_ns, lead(by_ns) over w as to_ns, lag(by_ns) over w as since_ns
  from changes where first or holder is not held or kind = 'leader.elected'
  window w as (partition by recording_id order by by_ns, id)),
{_ENDS}
select p.recording_id, p.holder as member,
  (select json_extract(m.detail, '$.timeline') from events m
   where m.kind = 'member.changed' and m.recording_id = p.recording_id and m.subject = p.holder
     and m.by_ns < coalesce(p.to_ns, m.by_ns + 1) and m.by_ns >= coalesce(p.since_ns, 0)
     and json_extract(m.detail, '$.timeline') is not null
     and (json_extract(m.detail, '$.in_recovery') = 0
       or json_extract(m.detail, '$.role') in ('primary', 'master', 'promoted'))
   order by m.by_ns desc, m.id desc limit 1) as timeline,
  {_utc("p.from_ns")} as from_utc,
  case when p.to_ns is not null then {_utc("p.to_ns")} end as to_utc,
  round((coalesce(p.to_ns, max(ends.until_ns, p.from_ns)) - p.from_ns) / 1e9, 3) as seconds,
  p.from_ns, p.to_ns
from periods p join recordings r on r.id = p.recording_id join ends on ends.recording_id = p.recording_id
where p.holder is not null
"""

_PER_SECOND = f"""
select {_utc("c.second * 1000000000")} as utc, c.action, c.ok, c.failed, c.unknown, round(c.max_ns / 1e6, 1) as max_ms,
  c.recording_id, c.second
from counted_seconds c join recordings r on r.id = c.recording_id
"""

_SERVED_BY = """
select action, coalesce(server, address) as server, in_recovery, sum(operations) as operations,
  sum(iif(probe = 'kept', operations, 0)) as kept, sum(iif(probe = 'fresh', operations, 0)) as fresh,
  group_concat(distinct address) as addresses, group_concat(distinct timeline) as timelines, recording_id
from (select * from counted_servers order by address, timeline)
group by recording_id, action, coalesce(server, address), in_recovery
"""


def _outages(table: str, *more: str) -> str:
    own = "".join(f"o.{name}, " for name in more)
    return f"""
select o.incident_id, o.action, {own}{_utc("o.began_ns")} as from_utc,
  case when not o.open then {_utc("o.ended_ns")} end as to_utc,
  round((o.ended_ns - o.began_ns) / 1e9, 3) as seconds, o.open, o.failed, o.unknown, o.recording_id,
  i.number as incident
from {table} o join recordings r on r.id = o.recording_id join incidents i on i.id = o.incident_id
"""


_LOST_WRITES = f"""
select l.token, {_utc("l.acknowledged_ns")} as acknowledged_utc, l.server, l.timeline, l.operation_id, l.recording_id
from judged_losses l join recordings r on r.id = l.recording_id
"""

_OPERATIONS_UTC = f"""
select o.id, o.recording_id, {_utc("o.due_ns")} as due_utc, {_utc("o.started_ns")} as started_utc,
  {_utc("o.finished_ns")} as finished_utc, round((o.finished_ns - o.due_ns) / 1e6, 1) as took_ms, o.action, o.probe,
  o.token, o.outcome, o.stage, o.sqlstate, o.server, o.address, o.in_recovery, o.timeline, o.saw, o.message
from operations o join recordings r on r.id = o.recording_id
"""

_INCIDENT_OPERATIONS = """
select i.recording_id, i.number as incident, i.cause, o.action, o.outcome, count(*) as operations,
  sum(o.probe = 'kept') as kept, sum(o.probe = 'fresh') as fresh
from incidents i join operations o on o.recording_id = i.recording_id and o.finished_ns > i.began_ns
  and o.finished_ns <= i.ended_ns
group by i.id, o.action, o.outcome
"""

_FAILURES = f"""
with failed as (
  select *, (select min(number) from incidents i where i.recording_id = o.recording_id
    and o.finished_ns between i.began_ns and i.ended_ns) as incident
  from operations o where outcome <> 'ok' and {INTERESTING})
select recording_id, incident, action, outcome, stage, sqlstate, message, server, count(*) as operations
from failed group by recording_id, incident, action, outcome, stage, sqlstate, message, server
"""

# A percentile is the value at its nearest rank.
_LATENCIES = f"""
with ranked as (
  select recording_id, action, probe, outcome, (finished_ns - due_ns) / 1e6 as ms, count(*) over own as n,
    row_number() over (partition by recording_id, action, probe, outcome order by finished_ns - due_ns) as rank
  from operations window own as (partition by recording_id, action, probe, outcome))
select recording_id, action, probe, outcome, count(*) as operations,
  {", ".join(f"max(case when rank <= (n * {p} + 99) / 100 then ms end) as p{p}_ms" for p in (50, 95, 99))},
  max(ms) as max_ms
from ranked group by recording_id, action, probe, outcome
"""

_WRITE_DURABILITY = """
select o.recording_id, o.outcome, count(*) as writes, count(a.present = 1 or null) as present,
  count(a.present = 0 or null) as absent, sum(a.id is null) as not_read_back
from operations o left join audits a on a.id = (
  select id from audits where recording_id = o.recording_id and o.token between first_token and last_token
  order by audited_ns desc, id desc limit 1)
where o.action = 'write' group by o.recording_id, o.outcome
"""

# Tokens sort in the order in which they were written. `acknowledged` and `seen` are the newest tokens that an earlier
# write or an earlier read had returned before this read began.
_READS_SEEN = """
with moments as (
  select recording_id, finished_ns as at_ns, 1 as ended, iif(action = 'write', token, null) as acknowledged,
    saw as seen, null as id
  from operations where outcome = 'ok' and (action = 'write' or saw is not null)
  union all
  select recording_id, started_ns, 0, null, null, id
  from operations where action = 'read' and outcome = 'ok' and saw is not null),
newest as (
  select recording_id, id, max(acknowledged) over w as acknowledged, max(seen) over w as seen
  from moments window w as (partition by recording_id order by at_ns, ended rows unbounded preceding))
select n.recording_id, o.id, o.server, o.in_recovery, o.saw, n.acknowledged, n.seen,
  coalesce(o.saw < n.acknowledged, 0) as behind, coalesce(o.saw < n.seen, 0) as went_back,
  coalesce((select not present from audits a where a.recording_id = o.recording_id
    and o.saw between first_token and last_token and audited_ns >= o.finished_ns
    order by audited_ns desc, id desc limit 1), 0) as lost,
  case when o.saw < n.acknowledged then (select count(*) from operations m where m.recording_id = o.recording_id
    and m.action = 'write' and m.outcome = 'ok' and m.finished_ns < o.started_ns and m.token > o.saw)
  end as writes_behind,
  case when o.saw < n.acknowledged then (select o.started_ns - min(m.finished_ns) from operations m
    where m.recording_id = o.recording_id and m.action = 'write' and m.outcome = 'ok'
    and m.finished_ns < o.started_ns and m.token > o.saw) / 1e9
  end as seconds_behind
from newest n join operations o on o.id = n.id
"""

_READER_SWITCHES = f"""
with reads as (
  select id, recording_id, finished_ns, server, in_recovery, lag(id) over w as before_id,
    lag(server) over w as server_before, lag(in_recovery) over w as in_recovery_before
  from operations where action = 'read' and probe = 'kept' and outcome = 'ok'
  window w as (partition by recording_id order by finished_ns, id))
select reads.id, {_utc("reads.finished_ns")} as utc, server, in_recovery, before_id, server_before, in_recovery_before,
  recording_id
from reads join recordings r on r.id = reads.recording_id
where before_id is null or server is not server_before or in_recovery is not in_recovery_before
"""

_UNREACHABLE = f"""
with failing as (
  select *, sum(kind = 'source.sees') over (partition by recording_id, source, subject order by by_ns, id
    rows between unbounded preceding and 1 preceding) as period
  from events where kind in ('source.blind', 'source.sees')),
periods as (
  select recording_id, source, subject, group_concat(json_extract(detail, '$.how'), ', ')
      filter (where kind = 'source.blind') as how,
    min(coalesce(json_extract(detail, '$.since_ns'), by_ns)) filter (where kind = 'source.blind') as from_ns,
    min(by_ns) filter (where kind = 'source.blind') as known_ns,
    max(by_ns) filter (where kind = 'source.sees') as to_ns,
    min(id) filter (where kind = 'source.blind') as blind_id, max(id) filter (where kind = 'source.sees') as sees_id
  from failing group by recording_id, source, subject, coalesce(period, 0)),
{_ENDS}
select p.source, p.subject, p.how, {_utc("p.from_ns")} as from_utc,
  case when p.to_ns is not null then {_utc("p.to_ns")} end as to_utc,
  round((coalesce(p.to_ns, max(ends.until_ns, p.from_ns)) - p.from_ns) / 1e9, 3) as seconds,
  {
    ", ".join(
        f"(select count(*) from operations o where o.recording_id = p.recording_id and o.finished_ns > p.known_ns "
        f"and o.finished_ns <= coalesce(p.to_ns, ends.until_ns) and {condition}) as {name}"
        for name, condition in (
            ("writes", "o.action = 'write' and o.outcome = 'ok'"),
            ("reads", "o.action = 'read' and o.outcome = 'ok'"),
            ("failed", "o.outcome <> 'ok'"),
        )
    )
},
  p.blind_id, p.sees_id, p.from_ns, p.to_ns, p.recording_id
from periods p join recordings r on r.id = p.recording_id join ends on ends.recording_id = p.recording_id
where p.blind_id is not null
"""

_REPLICA_LAG = """
with samples as (
  select * from events where kind = 'replication.sampled' and source = 'postgres'),
lags as (
  select id, recording_id, by_ns, utc, subject as member, null as lag_bytes, json_extract(detail, '$.lag_s') as lag_s
  from samples where json_extract(detail, '$.lag_s') is not null
  union all
  select samples.id, recording_id, by_ns, utc, key, max(value, 0), null from samples, json_each(detail, '$.lag_bytes')
  where json_each.type in ('integer', 'real'))
select id, utc, by_ns / 1e9 as at_s, member, lag_bytes, lag_s, recording_id from lags
"""

_MEMBER_ROLES = f"""
select id, utc, subject as member, {_detail("in_recovery", "timeline", "started")}, recording_id
from events where kind = 'member.changed' and source = 'postgres'
"""

_REBUILT_MEMBERS = """
select id, utc, subject as member, iif(json_extract(detail, '$.says') = 'rewind_ended', 'rewind', 'bootstrap') as how,
  recording_id
from events where kind = 'log.told' and json_extract(detail, '$.says') in ('rewind_ended', 'bootstrap_ended')
  and cast(coalesce(json_extract(detail, '$.code'), 0) as int) = 0
"""

# While a server goes up or down, each check moves its count by one ("UP 2/3", "UP 1/3", "DOWN"), so two neighbouring
# counts are two consecutive checks. A restarted proxy and a page that could not be polled break the sequence.
_WENT_UP, _OF = "cast(substr(was, 6) as int) + 1", "cast(substr(was, instr(was, '/') + 1) as int)"
_WENT_DOWN = "cast(substr(was, 4) as int) - 1"
_CHECK_PAUSES = f"""
with parts as (
  select id, recording_id, kind, subject, by_ns, utc, {_detail("status", "page", "initial", "check_duration_ms")},
    sum(kind in ('proxy.restarted', 'source.blind', 'source.sees'))
      over (partition by recording_id order by by_ns, id) as part
  from events where source = 'haproxy'),
checks as (
  select id, recording_id, by_ns, utc, subject, status, check_duration_ms as took, lag(id) over w as before_id,
    lag(by_ns) over w as before_ns, lag(status) over w as was, lag(initial) over w as first,
    lag(check_duration_ms) over w as took_before
  from parts where kind in ('route.up', 'route.down', 'route.changed')
  window w as (partition by recording_id, part, page, subject order by by_ns, id))
select subject as server, utc, round((by_ns - before_ns) / 1e6 - took, 3) as pause_ms, before_id, id, recording_id
from checks where coalesce(first, 0) = 0 and took_before is not null and took is not null and status = case
  when was like 'UP %/%' then iif({_WENT_DOWN} > 0, 'UP ' || ({_WENT_DOWN}) || '/' || {_OF}, 'DOWN')
  when was like 'DOWN %/%' then iif({_WENT_UP} < {_OF}, 'DOWN ' || ({_WENT_UP}) || '/' || {_OF}, 'UP') end
"""

_PROXY_SESSIONS = f"""
select events.id, utc, {_detail("pool", "server", "sessions", "sessions_max", "sessions_limit", of="value")},
  recording_id
from events, json_each(detail, '$.pools') where kind = 'pools.captured'
"""

_DASHBOARD_PANELS = f"""
select events.id, json_extract(detail, '$.from_ns') / 1e9 as from_s, json_extract(detail, '$.to_ns') / 1e9 as to_s,
  {_detail("board", "panel", "data", "series", of="value")}, recording_id
from events, json_each(detail, '$.panels') where kind = 'dashboards.captured'
"""

VIEWS: Mapping[str, View] = {
    "leaders": View("Who held the leader key, on which timeline, from when to when.", _LEADERS),
    "outages": View("Outages with their times in UTC.", _outages("judged_outages")),
    "outages_alone": View(
        "Outages of persistent and of new connections, each alone, with their times in UTC.",
        _outages("judged_outages_alone", "probe"),
    ),
    "incident_operations": View("How the operations of each incident ended.", _INCIDENT_OPERATIONS),
    "failures": View("Operations that were not acknowledged, by incident, error and server.", _FAILURES),
    "lost_writes": View("Lost writes with their times in UTC.", _LOST_WRITES),
    "write_durability": View("What the audits found of the writes, by their outcome.", _WRITE_DURABILITY),
    "reads_seen": View("Each read with the newest token that it should have returned.", _READS_SEEN),
    "served_by": View("Which server acknowledged how many operations, and in which role.", _SERVED_BY),
    "reader_switches": View("Persistent reads that another server, or another role, answered.", _READER_SWITCHES),
    "per_second": View("How the operations that finished in each second ended.", _PER_SECOND),
    "latencies": View("Percentiles of how long operations took since they were due.", _LATENCIES),
    "operations_utc": View("Operations with their times in UTC.", _OPERATIONS_UTC),
    "unreachable": View("Periods in which a source got no answer, with the operations meanwhile.", _UNREACHABLE),
    "member_roles": View("Role and timeline that PostgreSQL of each member reported, at each change.", _MEMBER_ROLES),
    "rebuilt_members": View("Members that pg_rewind or a new copy brought back, by their logs.", _REBUILT_MEMBERS),
    "replica_lag": View("How far replicas were behind, at each sample.", _REPLICA_LAG),
    "check_pauses": View("Pauses between two consecutive checks of a server by HAProxy.", _CHECK_PAUSES),
    "proxy_sessions": View("HAProxy's sessions by pool and server, each time its page was captured.", _PROXY_SESSIONS),
    "dashboard_panels": View("Which panels of the dashboards had data, at each capture.", _DASHBOARD_PANELS),
}
"""All views by name."""
