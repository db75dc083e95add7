"""Ready commands that count a recording's tables anew, one line of shell each. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from reports.text.old_facts import READ_ONLY, ConsistencyFact, RecordingFact

RATES = ("rate_per_s", "fresh_per_s", "deadline_ms")


def _command(sql: str) -> str:
    return f'observer query "{sql}"'


def of_recording(recording: RecordingFact) -> str:
    """The recording's own row: when it began and ended, the cluster's id, the observer's settings."""
    columns = "began_utc, ended_ns / 1e9 as seconds, cluster_id, settings"
    return _command(f"select {columns} from recordings where id = {recording['id']}")


def ports(recording: RecordingFact) -> str:
    """Who served each action, by address and role."""
    return _command(
        "select action, server, address, in_recovery, sum(operations) as operations from counted_servers "
        f"where recording_id = {recording['id']} group by 1, 2, 3, 4"
    )


def read_only(recording: RecordingFact) -> str:
    """The writes that met a server that takes none, by incident."""
    return _command(
        "select (select min(number) from incidents i where i.recording_id = o.recording_id and o.finished_ns between "
        "i.began_ns and i.ended_ns) as incident, count(*) as writes from operations o "
        f"where recording_id = {recording['id']} and action = 'write' and sqlstate = '{READ_ONLY}' group by 1"
    )


def proxy(recording: RecordingFact) -> list[str]:
    """Everything that the section of the proxy counts."""
    found = [ports(recording), reads_by_role(recording), read_only(recording)] if recording["served"] else []
    found += [pauses(recording)] if recording["checks"]["pauses"] else []
    return found + ([crowded(), sessions(recording)] if recording["crowds"] else [])


def reads_by_role(recording: RecordingFact) -> str:
    """The reads by kind of connection and by the role of who served them."""
    return _command(
        "select probe, in_recovery, count(*) as reads from operations "
        f"where recording_id = {recording['id']} and action = 'read' and outcome = 'ok' group by 1, 2"
    )


def pauses(recording: RecordingFact) -> str:
    """The pauses between two checks of a server in a row, ms, as checking.py takes them, the shortest first."""
    kinds = "('route.up', 'route.down', 'route.changed')"
    breaks = "('proxy.restarted', 'source.blind', 'source.sees')"

    def told(name: str) -> str:
        return f"json_extract(detail, '$.{name}') as {name}"

    went_up = "cast(substr(was, 6) as int) + 1"
    whole = "cast(substr(was, instr(was, '/') + 1) as int)"
    went_down = "cast(substr(was, 4) as int) - 1"
    return _command(
        f"with e as (select id, kind, subject, by_ns, {told('status')}, {told('page')}, {told('initial')}, "
        f"{told('check_duration_ms')}, sum(source = 'haproxy' and kind in {breaks}) over (order by by_ns, id) as part "
        f"from events where recording_id = {recording['id']} and source = 'haproxy'), "
        "r as (select id, by_ns, subject, status, check_duration_ms as took, lag(id) over w as after_id, "
        "lag(by_ns) over w as after_ns, lag(status) over w as was, lag(initial) over w as first, "
        f"lag(check_duration_ms) over w as checked from e where kind in {kinds} "
        "window w as (partition by part, page, subject order by by_ns, id)) "
        "select subject, after_id, id, (by_ns - after_ns) / 1e6 - took as pause_ms from r "
        "where coalesce(first, 0) = 0 and checked is not null and took is not null and status = case "
        f"when was like 'UP %/%' then iif({went_down} > 0, 'UP ' || ({went_down}) || '/' || {whole}, 'DOWN') "
        f"when was like 'DOWN %/%' then iif({went_up} < {whole}, 'DOWN ' || ({went_up}) || '/' || {whole}, 'UP') end "
        "order by pause_ms"
    )


def load(recording: RecordingFact) -> list[str]:
    """Everything that the section of the load counts."""
    own = f"recording_id = {recording['id']}"
    commands = [
        f"select action, outcome, count(*) as operations from operations where {own} group by 1, 2",
        "select action, outcome, stage, sqlstate, message, count(*) as operations from operations "
        f"where {own} and outcome <> 'ok' group by 1, 2, 3, 4, 5 order by 6 desc",
        "select action, server, outcome, count(*) as operations from operations "
        f"where {own} and outcome <> 'ok' group by 1, 2, 3",
        "select action, server, address, in_recovery, group_concat(distinct timeline) as timelines, "
        f"sum(operations) as operations from counted_servers where {own} group by 1, 2, 3, 4",
    ]
    if recording["baseline"]:
        commands.append(_baseline(recording))
    if recording["lags"]:
        lags = ", ".join(f"json_extract(detail, '$.{name}') as {name}" for name in ("lag_bytes", "lag_s"))
        since = f"by_ns >= {round(recording['lags'][0]['from_s'] * 1000)}000000"
        sampled = f"{own} and source = 'postgres' and kind = 'replication.sampled' and {since}"
        apart = ", ".join(map(str, recording["lags_apart"]))
        sampled += f" and id not in ({apart})" if apart else ""
        commands.append(f"select id, by_ns / 1e9 as at_s, subject, {lags} from events where {sampled}")
    rates = ", ".join(f"json_extract(settings, '$.traffic.{key}') as {key}" for key in RATES)
    commands.append(f"select {rates} from recordings where id = {recording['id']}")
    return [_command(sql) for sql in commands]


def _baseline(recording: RecordingFact) -> str:
    """Rate and latencies of the calm spells; a percentile is the value at its nearest rank."""
    spells = recording["baseline"][0]["spells"]
    bounds = [[f"{round(at_s * 1000)}000000" for at_s in spell] for spell in spells]
    calm = " or ".join(f"finished_ns > {after} and finished_ns <= {by}" for after, by in bounds)
    seconds = round(sum(to_s - from_s for from_s, to_s in spells), 3)
    ranked = "over (partition by action, probe, outcome"
    percentiles = ", ".join(f"max(case when r <= (c * {p} + 99) / 100 then ms end) as p{p}" for p in (50, 95, 99))
    return (
        "with o as (select action, probe, outcome, (finished_ns - due_ns) / 1e6 as ms, "
        f"row_number() {ranked} order by finished_ns - due_ns) as r, count(*) {ranked}) as c from operations "
        f"where recording_id = {recording['id']} and ({calm})) select action, probe, outcome, count(*) as operations, "
        f"count(*) / {seconds} as per_s, {percentiles}, max(ms) as worst from o group by 1, 2, 3"
    )


def meanwhile(recording_id: int, blind_id: int, sees_id: int | None = None) -> str:
    """How the operations ended that finished while a source was blind, between its two rows of events."""
    until = "" if sees_id is None else f" and finished_ns <= (select by_ns from events where id = {sees_id})"
    return _command(
        f"select action, outcome, count(*) as operations from operations where recording_id = {recording_id} "
        f"and finished_ns > (select by_ns from events where id = {blind_id}){until} group by 1, 2"
    )


def writes_of(recording_id: int, number: int) -> str:
    """How the writes of an incident ended."""
    return _command(
        "select outcome, count(*) as writes from operations o join incidents i on i.recording_id = o.recording_id "
        f"where o.recording_id = {recording_id} and i.number = {number} and action = 'write' "
        "and finished_ns > i.began_ns and finished_ns <= i.ended_ns group by 1"
    )


def copies(recording_id: int, member: str, start_id: int, streaming_id: int) -> str:
    """The lines of a member's log on a rewind or a new copy that was done, between two rows of events."""
    moments = " and ".join(f"(select by_ns from events where id = {row})" for row in (start_id, streaming_id))
    return _command(
        f"select id, detail from events where recording_id = {recording_id} and kind = 'log.told' "
        f"and subject = '{member}' and json_extract(detail, '$.says') in ('rewind_ended', 'bootstrap_ended') "
        f"and coalesce(json_extract(detail, '$.code'), 0) = 0 and by_ns between {moments}"
    )


def serving() -> str:
    """Which node serves the persistent reads now."""
    return _command(
        "select server, in_recovery from operations where action = 'read' and probe = 'kept' order by id desc limit 1"
    )


def fresh_reads(recording_id: int, first_id: int, last_id: int) -> str:
    """How the reads on new connections between two rows of operations ended."""
    return _command(
        f"select outcome, count(*) as reads from operations where recording_id = {recording_id} and action = 'read' "
        f"and probe = 'fresh' and id between {first_id} and {last_id} group by 1"
    )


def due_reads(recording_id: int, from_s: float, to_s: float) -> str:
    """How the reads that were due in a stretch ended."""
    after, by = (f"{round(at_s * 1_000_000)}000" for at_s in (from_s, to_s))
    return _command(
        f"select outcome, in_recovery, count(*) as reads from operations where recording_id = {recording_id} "
        f"and action = 'read' and due_ns >= {after} and due_ns < {by} group by 1, 2"
    )


def crowded() -> str:
    """When the proxy was full, and when it had room again."""
    return _command(
        "select id, by_ns / 1e9 as at_s, kind, detail from events where kind in ('proxy.full', 'proxy.room') "
        "order by by_ns"
    )


def sessions(recording: RecordingFact) -> str:
    """The most sessions at once that each server had had, at each look at the statistics that was kept whole."""
    told = ", ".join(f"json_extract(value, '$.{name}') as {name}" for name in ("pool", "server", "sessions_max"))
    return _command(
        f"select events.id, by_ns / 1e9 as at_s, {told} from events, json_each(detail, '$.pools') "
        f"where recording_id = {recording['id']} and kind = 'pools.captured' order by by_ns"
    )


def durability(recordings: Iterable[RecordingFact]) -> list[str]:
    """What became of the writes: of each the last audit that covers its token."""
    return [_durability(recording) for recording in recordings]


def _durability(recording: RecordingFact) -> str:
    audit = "select id from audits where recording_id = o.recording_id and o.token between first_token and last_token"
    return _command(
        "select o.outcome, count(*) as writes, total(a.present = 1) as present, total(a.present = 0) as absent, "
        "total(a.id is null) as not_read_back from operations o left join audits a on a.id = "
        f"({audit} order by audited_ns desc, id desc limit 1) "
        f"where o.recording_id = {recording['id']} and o.action = 'write' group by 1"
    )


def consistency(fact: ConsistencyFact) -> list[str]:
    """The rows of what looks could not see, and of histories that were not the cluster's."""
    own: dict[int, set[int]] = {}
    for one in fact["hidden"]:
        own.setdefault(one["recording"], set()).update(one["event_ids"])
    rest = [(one["recording"], one["committed_id"]) for one in fact["hidden"]]
    rest += [(one["recording"], row) for one in fact["forks"] for row in (one["event_id"], one["rewound_id"])]
    for recording, row in rest:
        own.setdefault(recording, set()).update(() if row is None else (row,))
    return [
        _command(
            f"select id, by_ns / 1e9 as at_s, subject, kind, detail from events where recording_id = {recording} "
            f"and id in ({', '.join(map(str, sorted(ids)))})"
        )
        for recording, ids in sorted(own.items())
        if ids
    ]


def roles(recordings: Iterable[RecordingFact]) -> list[str]:
    """What PostgreSQL of each member said of its role, in order of time."""
    return [_roles(recording) for recording in recordings]


def _roles(recording: RecordingFact) -> str:
    return _command(
        "select id, by_ns / 1e9 as at_s, subject, json_extract(detail, '$.in_recovery') as in_recovery, "
        f"json_extract(detail, '$.timeline') as timeline from events where recording_id = {recording['id']} "
        "and source = 'postgres' and kind = 'member.changed' order by by_ns"
    )


def reads(recording_id: int) -> list[str]:
    """What the reads saw: by role and server how many were behind, each that was, each that went back, each lost."""
    read = f"recording_id = {recording_id} and action = 'read' and outcome = 'ok' and saw is not null"
    wrote = f"recording_id = {recording_id} and action = 'write' and outcome = 'ok'"

    def newest(known: str) -> str:
        """Of each read, the newest token that was known when it began."""
        return (
            f"with m as (select finished_ns as at, 1 as ended, {known} union all select started_ns, 0, null, id from "
            f"operations where {read}), n as (select id, max(token) over (order by at, ended rows unbounded preceding) "
            "as token from m)"
        )

    acked = newest(f"token, null as id from operations where {wrote}")
    seen = newest(f"saw as token, null as id from operations where {read}")
    missed = f"from operations where {wrote} and finished_ns < r.started_ns and token > r.saw"
    audit = (
        "select present from audits a where a.recording_id = r.recording_id and r.saw between first_token and "
        "last_token and audited_ns >= r.finished_ns order by audited_ns desc, id desc limit 1"
    )
    joined = "from n join operations r on r.id = n.id"
    return [
        _command(
            f"{acked} select r.in_recovery, r.server, count(*) as reads, total(r.saw < n.token) as behind {joined} "
            "group by 1, 2"
        ),
        _command(
            f"{acked} select r.id, r.server, (select count(*) {missed}) as writes, (r.started_ns - (select "
            f"min(finished_ns) {missed})) / 1e9 as seconds {joined} where r.saw < n.token"
        ),
        _command(f"{seen} select r.id, r.server {joined} where r.saw < n.token"),
        _command(f"select id, saw from operations r where {read} and ({audit}) = 0"),
    ]


def leaders(recording: RecordingFact) -> str:
    """Who held the leader key, from when to when."""
    return _command(f"select * from leaders where recording_id = {recording['id']}")


def blindness(recording: RecordingFact) -> str:
    """When each source ceased and began again to see its subject."""
    since = "json_extract(detail, '$.since_ns') / 1e9 as since_s, by_ns / 1e9 as told_s"
    return _command(
        f"select id, source, subject, kind, json_extract(detail, '$.how') as how, {since} from events "
        f"where recording_id = {recording['id']} and kind in ('source.blind', 'source.sees') order by by_ns"
    )


def notes(recording: RecordingFact) -> str:
    """What operators noted."""
    return _command(f"select * from events where recording_id = {recording['id']} and kind = 'note.told'")
