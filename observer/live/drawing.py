"""Draw the live view as lines of coloured text, for a terminal of any width. Pure.

It uses the terminal's own 16 colours, so that it reads on light and dark backgrounds. A word repeats what a colour
says.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rich.text import Text

from observer.live.assessment import Assessment, ExpectedBack, assess, pools_of
from observer.live.outage_clock import KEPT_S, ActionState, Second
from observer.live.state import ACTIONS, ClusterState
from observer.live.words import cause_of_failure, sentence, stamp
from observer.model.recording import SECOND_NS, Event, RecordingHeader

BANNERS = {"ok": "green", "warning": "black on yellow", "alarm": "bold white on red"}
TONES = {"bad": "red", "good": "green", "note": "bold cyan", "plain": ""}
KINDS_BY_TONE: Mapping[str, frozenset[str]] = {
    "note": frozenset({"fault.told", "repair.told", "note.told", "stop.asked", "failover.asked"}),
    "good": frozenset(
        {"leader.elected", "quorum.regained", "route.up", "source.sees", "lease.renewed", "workload.present"}
        | {"proxy.room"}
    ),
    "bad": frozenset(
        {"leader.lost", "member.lost", "quorum.lost", "route.down", "source.blind", "lease.overdue"}
        | {"audit.failed", "workload.absent", "observer.slept", "clock.stepped", "proxy.restarted", "proxy.full"}
    ),
}
BARS = "▁▂▃▄▅▆▇█"
NARROW = 80  # columns of the left part; a wider terminal shows the events beside it
LEAST = 50  # columns that the events need to stand beside the left part
INCIDENTS = 3


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the list of events: an event in words, or a message of the daemon. `tone` is a key of TONES."""

    at_ns: int
    source: str
    text: str
    tone: str


@dataclass(frozen=True, slots=True)
class Frame:
    """Everything that one drawing shows. `incidents` are those that the analysis found at `analyzed_ns`."""

    state: ClusterState
    recording: RecordingHeader
    path: str
    lines: Sequence[Line] = ()
    incidents: Sequence[str] = ()
    analyzed_ns: int = 0


def line_of(event: Event) -> Line:
    """Return an event as a line; what the first poll found is no news and has no colour."""
    tones = (tone for tone, kinds in KINDS_BY_TONE.items() if event.kind in kinds)
    return Line(
        event.by_ns, event.source, sentence(event), "plain" if event.detail.get("initial") else next(tones, "plain")
    )


def draw(frame: Frame, now_ns: int, width: int, height: int, expected_back: ExpectedBack) -> list[Text]:
    """Return at most `height` lines, none wider than `width`."""
    state = frame.state
    assessment = assess(state, now_ns, expected_back)
    wide = width >= NARROW + 2 + LEAST
    column = NARROW if wide else width
    lines = [*_head(frame, now_ns, assessment, width), *_cluster(state, now_ns), *_traffic(state, now_ns, column)]
    found = list(_incidents(frame, width, assessment.level == "alarm"))
    if wide:
        events = _events(frame, height - 4 - len(found))
        lines = [*_beside(lines, 3, events, column), Text(""), *found]
    else:
        lines += found
        lines += [Text(""), Text("last events", style="bold"), *_events(frame, height - len(lines) - 2)]
    for line in lines:
        line.truncate(width, overflow="ellipsis")
    return lines[:height]


def _head(frame: Frame, now_ns: int, assessment: Assessment, width: int) -> Iterator[Text]:
    scope = frame.recording.scope or "cluster not found yet"
    seconds, late = now_ns // SECOND_NS, len(frame.state.late_polls)
    late_polls = f"{late} {'poll' if late == 1 else 'polls'} late   " if late else ""
    clock = f"{late_polls}{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02} "
    title = Text().append("observer", style="bold").append(f" {scope}, recording {frame.recording.id} in {frame.path}")
    title.truncate(max(0, width - len(clock) - 1), overflow="ellipsis")
    title.pad_right(max(0, width - len(clock) - len(title.plain)))
    yield title.append(clock)
    banner = Text(f" {assessment.summary}", style=BANNERS[assessment.level])
    banner.truncate(width, overflow="ellipsis")
    banner.pad_right(max(0, width - banner.cell_len))
    yield banner
    yield Text(f" {assessment.waiting_for}" if assessment.waiting_for else "", style="bold")


def _cluster(state: ClusterState, now_ns: int) -> Iterator[Text]:
    yield _leader(state, now_ns)
    yield Text("")
    size = max([6, *map(len, state.members)])
    heads = f"{'member':<{size}}  {'role':<9}{'timeline':>8}  {'state':<12}{'lag':>9}  {'REST API':<12} SQL"
    yield Text().append(heads, style="bold")
    for name in sorted(state.members):
        yield _member(state, name, size)
    yield Text("")
    yield _etcd(state)
    yield from _pools(state)
    yield Text("")


def _leader(state: ClusterState, now_ns: int) -> Text:
    line = Text().append("leader  ", style="bold")
    if state.leader is None:
        if state.last_leader is None:
            return line.append("unknown")
        return line.append(f"none for {(now_ns - state.leader_since_ns) / SECOND_NS:.1f} s", style="bold red")
    line.append(state.leader, style="bold")
    left_s, lease = state.lease_left_s(now_ns), state.etcd.lease
    if left_s is None or lease is None:
        return line.append("   lease unknown", style="dim")
    ahead = round(10 * min(1.0, left_s / lease.ttl_s)) if lease.ttl_s else 0
    line.append(f"   lease {left_s:2.0f} of {lease.ttl_s:.0f} s ")
    return line.append("━" * ahead, style="red" if state.lease_overdue else "green").append(
        "─" * (10 - ahead), style="dim"
    )


def _member(state: ClusterState, name: str, size: int) -> Text:
    member, role, timeline = state.members[name], state.role(name), state.timeline(name)
    rest, key = state.report(name, "patroni") or {}, member.reports.get("etcd")
    reported = rest.get("replication_state") or rest.get("state")
    line = Text().append(f"{name:<{size}}  ", style="bold" if name == state.leader else "")
    line.append(f"{role or 'unknown':<9}", style={None: "red", "primary": "bold green"}.get(role, ""))
    line.append(f"{'-' if timeline is None else timeline:>8}  ")
    word = str(reported or (f"({key.get('state')})" if key else "-")) if member.has_key else "key gone"
    line.append(f"{word:<12.12}", style="" if member.has_key else "red")
    line.append(f"{_bytes(member.lag_bytes) if role == 'replica' else '-':>9}  ")
    for source, column in (("patroni", 12), ("postgres", 0)):
        how = state.unreachable.get((source, name))
        text = cause_of_failure(how) if how else "answers" if source in member.reports else "-"
        line.append(f"{text:<{column}} ", style="bold red" if how else "green" if text == "answers" else "")
    return line


def _etcd(state: ClusterState) -> Text:
    hosts = {address.rpartition(":")[0] for address in state.etcd.endpoints}
    host = hosts.pop() if len(hosts) == 1 else ""
    line = Text(f"etcd    {host} " if host else "etcd    ")
    for address, answer in sorted(state.etcd.endpoints.items()):
        how = state.unreachable.get(("etcd", address))
        leads = " (leader)" if address == state.etcd.leader and answer == "leader" else ""
        known = {"no leader": "no leader", "blind": "no answer"}.get(answer, f"ok{leads}")
        word = cause_of_failure(how) if how else known
        style = "green" if word.startswith("ok") else "bold red"
        line.append(f"{address.removeprefix(host)} ").append(f"{word}  ", style=style)
    if state.quorum is False:
        line.append("NO QUORUM", style="bold white on red")
    return line


def _pools(state: ClusterState) -> Iterator[Text]:
    """Draw each pool; while HAProxy does not answer, a question mark tells that this is the last known state."""
    pools, proxies = pools_of(state), state.unreachable_by("haproxy")
    size = max((len(pool) for pool in pools), default=0)
    outdated = "dim" if proxies else ""
    for pool, servers in pools.items():
        line = Text().append(f"{'pool':<6}  {pool:<{size}}  ", style=outdated)
        for server, route in servers:
            word = ("UP" if route.up else "DOWN") + ("?" if outdated else "")
            line.append(f"{server} ").append(word, style=outdated or ("green" if route.up else "dim"))
            line.append(f" {route.check}  " if route.check else "  ", style="dim")
        if not any(route.up for _, route in servers):
            line.append("no server is UP", style="bold red")
        line.rstrip()
        yield line
    for url, how in proxies.items():
        yield Text(f"{'proxy':<6}  {url} ").append(cause_of_failure(how), style="bold red")


def _traffic(state: ClusterState, now_ns: int, width: int) -> Iterator[Text]:
    for action in ACTIONS:
        own = state.traffic[action]
        running_ns = own.running_ns(now_ns)
        counts = f"{own.ok} ok, {own.failed} failed, {own.unknown} unknown"
        line = Text(f"{action + 's':<7} {own.per_s(now_ns):5.1f}/s  {counts}")
        total_s, count = (own.outage_ns + running_ns) / SECOND_NS, own.outage_count + bool(running_ns)
        if count:
            line.append(f"  {count} {'outage' if count == 1 else 'outages'}, {total_s:.1f} s", style="bold red")
        if own.missing_tables is not None:
            line.append(f"  no tables: {own.missing_tables}", style="bold red")
        elif own.outages.failures is not None:
            line.append(f"  {own.reason}", style="red")
        line.truncate(width, overflow="ellipsis")
        yield line
        yield _last_minute(own, now_ns, max(1, min(KEPT_S, width - 8)))


def _last_minute(own: ActionState, now_ns: int, width: int) -> Text:
    """Draw a column per second: its height is what was acknowledged; red: some failed; a cross: all failed."""
    seconds: Sequence[Second | None] = own.last_minute(now_ns)[-width:]
    most = max((second.ok for second in seconds if second is not None), default=0)
    line = Text("        ")
    for second in seconds:
        if second is None:
            line.append(" ")
        elif not second.ok:
            line.append("×", style="bold red")
        else:
            line.append(BARS[(len(BARS) - 1) * second.ok // most], style="red" if second.bad else "green")
    return line


def _incidents(frame: Frame, width: int, alarm: bool) -> Iterator[Text]:
    """Draw the newest incident on as many lines as it needs, and the two before it on one line each.

    During an alarm the newest one shows when it was analyzed, since it may not include the running outage.
    """
    *before, last = frame.incidents[-INCIDENTS:] or ("",)
    for text in before:
        yield Text(text, style="cyan")
    if last and alarm:
        last = f"{last} (analyzed at {frame.analyzed_ns / SECOND_NS:.0f} s)"
    words, indent = last.split(), ""
    while words:
        line = indent + words.pop(0)
        while words and len(line) + 1 + len(words[0]) <= width:
            line += " " + words.pop(0)
        yield Text(line, style="bold cyan")
        indent = "  "


def _events(frame: Frame, count: int) -> list[Text]:
    newest = frame.lines[-count:] if count > 0 else []
    return [
        Text().append(f"{stamp(line.at_ns)}  {line.source:<9} ", style="dim").append(line.text, style=TONES[line.tone])
        for line in newest
    ]


def _beside(left: list[Text], start: int, right: list[Text], column: int) -> list[Text]:
    """Return the left lines with the right ones beside them, from line `start` on."""
    lines = left + [Text("") for _ in range(start + len(right) - len(left))]
    for line, other in zip(lines[start:], right, strict=False):
        line.truncate(column, overflow="ellipsis")
        line.pad_right(column + 2 - line.cell_len)
        line.append_text(other)
    return lines


def _bytes(count: int | None) -> str:
    if count is None:
        return "-"
    for unit in ("B", "kB", "MB"):
        if abs(count) < 1024:
            return f"{count:.0f} {unit}"
        count = count // 1024
    return f"{count} GB"
