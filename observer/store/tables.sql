-- The tables of a recording file: a public interface that changes only by a migration at the end. INTERESTING and
-- SERVED_ONCE stand for the texts of schema.py, which queries repeat.

-- Migration 1: what the daemon records, and what the analysis stores.

create table recordings (
  id integer primary key,
  began_utc text not null,
  ended_ns integer,
  ended text,
  boot text not null,
  anchor_ns integer not null,
  pid integer not null,
  cluster_id text,
  scope text,
  settings text not null,
  began_unix_ns integer not null
);

create table events (
  id integer primary key,
  recording_id integer not null references recordings (id),
  source text not null,
  kind text not null,
  subject text not null,
  after_ns integer not null,
  by_ns integer not null,
  utc text not null,
  detail text not null
);

create table operations (
  id integer primary key,
  recording_id integer not null references recordings (id),
  action text not null,
  probe text not null,
  token text not null,
  due_ns integer not null,
  started_ns integer not null,
  finished_ns integer not null,
  outcome text not null,
  stage text not null,
  sqlstate text,
  server text,
  address text,
  in_recovery integer,
  timeline integer,
  saw text,
  message text
);

create table audits (
  id integer primary key,
  recording_id integer not null references recordings (id),
  audited_ns integer not null,
  first_token text not null,
  last_token text not null,
  present integer not null,
  server text,
  timeline integer
);

create index events_by on events (recording_id, by_ns);

create index events_kind on events (kind, recording_id, by_ns);

create index operations_finished on operations (recording_id, finished_ns);

create index operations_interesting on operations (recording_id, finished_ns) where INTERESTING;

create index audits_recording on audits (recording_id, audited_ns);

create table incidents (
  id integer primary key,
  recording_id integer not null references recordings (id),
  number integer not null,
  cause text not null,
  target text,
  targets text not null,
  confidence text not null,
  began_ns integer not null,
  ended_ns integer not null,
  write_outage_s real,
  read_outage_s real,
  write_open integer not null,
  read_open integer not null,
  leader_before text,
  leader_after text,
  timeline_before integer,
  timeline_after integer,
  brownout_s real,
  lost_writes integer,
  redundancy_back_s real,
  fault_to_write_s real
);

create table phases (
  id integer primary key,
  recording_id integer not null references recordings (id),
  incident_id integer not null references incidents (id),
  name text not null,
  began_ns integer not null,
  ended_ns integer not null,
  seconds real not null,
  shortest_s real not null,
  longest_s real not null,
  bound_min_s real,
  bound_max_s real
);

create table evidence (
  id integer primary key,
  recording_id integer not null references recordings (id),
  incident_id integer not null references incidents (id),
  phase_id integer references phases (id),
  role text not null,
  cause text,
  table_name text,
  ids text not null,
  says text not null,
  facts text not null
);

create table judged_outages (
  id integer primary key,
  recording_id integer not null references recordings (id),
  incident_id integer not null references incidents (id),
  action text not null,
  began_ns integer not null,
  ended_ns integer not null,
  open integer not null,
  before_id integer,
  after_id integer,
  first_failure_ns integer not null,
  failed integer not null,
  unknown integer not null
);

create table judged_losses (
  id integer primary key,
  recording_id integer not null references recordings (id),
  token text not null,
  acknowledged_ns integer not null,
  server text,
  timeline integer,
  operation_id integer,
  audit_id integer
);

-- Migration 2: the counts of operations, which the writer keeps up, so that no reader has to count a day of them.

create table counted_seconds (
  recording_id integer not null references recordings (id),
  second integer not null,
  action text not null,
  ok integer not null,
  failed integer not null,
  unknown integer not null,
  max_ns integer not null,
  primary key (recording_id, second, action)
);

create table counted_servers (
  recording_id integer not null references recordings (id),
  action text not null,
  probe text not null,
  server text,
  address text,
  in_recovery integer,
  timeline integer,
  operations integer not null
);

create unique index counted_servers_once on counted_servers (SERVED_ONCE);

insert into counted_seconds
select recording_id, finished_ns / 1000000000, action, sum(outcome = 'ok'), sum(outcome = 'fail'),
  sum(outcome = 'unknown'), max(finished_ns - due_ns)
from operations group by 1, 2, 3;

insert into counted_servers
select recording_id, action, probe, server, address, in_recovery, timeline, count(*)
from operations where outcome = 'ok' group by 1, 2, 3, 4, 5, 6, 7;

-- Migration 3: the outages of persistent and of new connections, each computed from its own operations.

create table judged_outages_alone (
  id integer primary key,
  recording_id integer not null references recordings (id),
  incident_id integer not null references incidents (id),
  action text not null,
  probe text not null,
  began_ns integer not null,
  ended_ns integer not null,
  open integer not null,
  before_id integer,
  after_id integer,
  first_failure_ns integer not null,
  failed integer not null,
  unknown integer not null
);
