"""The board as lines of coloured text, for a terminal of any width. Pure.

Only the terminal's own colours are used, and plain text has none, so that it reads on light and on dark ones; what a
colour says, a word says too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.text import Text

from observer.live.assessment import State, pools_of, state_of
from observer.live.board import ACTIONS, Board, Expect, Node
from observer.live.outage_clock import KEPT_S, Flow, Second
from observer.live.words import stamp
from observer.model.recording import SECOND_NS

HEADS = {"well": "green", "warning": "black on yellow", "alarm": "bold white on red"}
TONES = {"bad": "red", "good": "green", "told": "bold cyan", "plain": ""}
BARS = "▁▂▃▄▅▆▇█"
NARROW = 80  # the left part; what a wider terminal has beside it shows the events
LEAST = 50  # columns that events need to stand beside the rest
INCIDENTS = 3


def draw(board: Board, now_ns: int, width: int, height: int, expect: Expect) -> list[Text]:
    """At most `height` lines, none wider than `width`."""
    state = state_of(board, now_ns, expect)
    wide = width >= NARROW + 2 + LEAST
    column = NARROW if wide else width
    lines = [*_head(board, now_ns, state, width), *_cluster(board, now_ns, column), *_traffic(board, now_ns, column)]
    found = list(_incidents(board, width, state.level == "alarm"))
    if wide:
        events = _events(board, height - 4 - len(found))
        lines = [*_beside(lines, 3, events, column), Text(""), *found]
    else:
        lines += found
        lines += [Text(""), Text("last events", style="bold"), *_events(board, height - len(lines) - 2)]
    for line in lines:
        line.truncate(width, overflow="ellipsis")
    return lines[:height]


def _head(board: Board, now_ns: int, state: State, width: int) -> Iterator[Text]:
    recording = board.recording
    where = (
        f" {recording.scope or 'a cluster yet to be found'}, recording {recording.id} in {board.path}"
        if recording
        else ""
    )
    seconds = now_ns // SECOND_NS
    looks = "look runs" if len(board.late) == 1 else "looks run"
    late = f"{len(board.late)} {looks} late   " if board.late else ""
    clock = f"{late}{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02} "
    title = Text().append("observer", style="bold").append(where)
    title.truncate(max(0, width - len(clock) - 1), overflow="ellipsis")
    title.pad_right(max(0, width - len(clock) - len(title.plain)))
    yield title.append(clock)
    banner = Text(f" {state.says}", style=HEADS[state.level])
    banner.truncate(width, overflow="ellipsis")
    banner.pad_right(max(0, width - banner.cell_len))
    yield banner
    yield Text(f" {state.waits}" if state.waits else "", style="bold")


def _cluster(board: Board, now_ns: int, width: int) -> Iterator[Text]:
    yield _leader(board, now_ns)
    yield Text("")
    size = max([6, *map(len, board.nodes)])
    heads = f"{'node':<{size}}  {'role':<9}{'timeline':>8}  {'state':<12}{'lag':>9}  {'REST':<12} SQL"
    yield Text().append(heads, style="bold")
    for name, node in sorted(board.nodes.items()):
        yield _node(name, node, board.leader == name, size)
    yield Text("")
    yield _etcd(board)
    servers = max((len(pool) for pool in pools_of(board)), default=0)
    unseen = "dim" if board.proxies else ""  # then this is only what was seen last
    for pool, members in pools_of(board).items():
        line = Text().append(f"{'pool':<6}  {pool:<{servers}}  ", style=unseen)
        for server, up, check in members:
            said = ("UP" if up else "DOWN") + ("?" if unseen else "")
            line.append(f"{server} ").append(said, style=unseen or ("green" if up else "dim"))
            line.append(f" {check}  " if check else "  ", style="dim")
        if not any(up for _, up, _ in members):
            line.append("nobody to send clients to", style="bold red")
        line.rstrip()
        yield line
    for url, how in board.proxies.items():
        yield Text(f"{'proxy':<6}  {url} ").append(how, style="bold red")
    yield Text("")


def _leader(board: Board, now_ns: int) -> Text:
    line = Text().append("leader  ", style="bold")
    if board.leader is None:
        gone = f" since {(now_ns - board.leader_ns) / SECOND_NS:.1f} s" if board.held_by else ""
        return line.append(f"nobody{gone}", style="bold red" if board.held_by else "")
    line.append(board.leader, style="bold")
    left_s, lease = board.lease_left_s(now_ns), board.glance.lease
    if left_s is None or lease is None:
        return line.append("   lease not read", style="dim")
    ahead = round(10 * min(1.0, left_s / lease.ttl_s)) if lease.ttl_s else 0
    line.append(f"   lease {left_s:2.0f} of {lease.ttl_s:.0f} s ")
    return line.append("━" * ahead, style="red" if board.overdue else "green").append("─" * (10 - ahead), style="dim")


def _node(name: str, node: Node, leads: bool, size: int) -> Text:
    rest, key = node.sees("patroni"), node.told.get("etcd")
    state = (rest or {}).get("replication_state") or (rest or {}).get("state")
    role = node.role or "unknown"
    line = Text().append(f"{name:<{size}}  ", style="bold" if leads else "")
    line.append(f"{role:<9}", style="red" if node.role is None else "bold green" if role == "primary" else "")
    line.append(f"{node.timeline if node.timeline is not None else '-':>8}  ")
    word = "key gone" if not node.key else str(state or (f"({key.get('state')})" if key else "-"))
    line.append(f"{word:<12.12}", style="red" if not node.key else "")
    line.append(f"{_bytes(node.lag_bytes) if node.role == 'replica' else '-':>9}  ")
    for witness, size in (("patroni", 12), ("postgres", 0)):
        how = node.blind.get(witness)
        text = how.replace("connect_timeout", "timed out") if how else "answers" if witness in node.told else "-"
        line.append(f"{text:<{size}} ", style="bold red" if how else "green" if text != "-" else "")
    return line


def _etcd(board: Board) -> Text:
    hosts = {address.rpartition(":")[0] for address in board.glance.endpoints}
    host = hosts.pop() if len(hosts) == 1 else ""
    line = Text(f"etcd    {host} " if host else "etcd    ")
    for address, word in sorted(board.glance.endpoints.items()):
        blind = board.etcd_blind.get(address)
        leads = " leads" if address == board.glance.etcd_leader and word == "leader" else ""
        said = blind or ("no leader" if word == "no leader" else "?" if word == "blind" else f"well{leads}")
        line.append(f"{address.removeprefix(host)} ").append(
            f"{said}  ", style="green" if said.startswith("well") else "bold red"
        )
    if board.quorum is False:
        line.append("NO QUORUM", style="bold white on red")
    return line


def _traffic(board: Board, now_ns: int, width: int) -> Iterator[Text]:
    for action in ACTIONS:
        flow = board.flows[action]
        running_ns = flow.running_ns(now_ns)
        line = Text(f"{action + 's':<7} {flow.per_s(now_ns):5.1f}/s  {_counts(flow)}")
        total_s = (flow.outage_ns + running_ns) / SECOND_NS
        if total_s:
            line.append(f"  out {total_s:.1f} s in {flow.outages + bool(running_ns)}", style="bold red")
        if flow.absent is not None:
            line.append(f"  no tables: {flow.absent}", style="bold red")
        elif flow.why and (running_ns or flow.due_ns is not None):
            line.append(f"  {flow.why}", style="red")
        line.truncate(width, overflow="ellipsis")
        yield line
        yield _spark(flow.lately(now_ns)[-max(1, min(KEPT_S, width - 8)) :])


def _spark(seconds: Sequence[Second | None]) -> Text:
    """The last minute: a bar's height is what was acknowledged, red where anything failed, a cross where all did."""
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


def _counts(flow: Flow) -> str:
    return f"{flow.ok} ok, {flow.failed} failed, {flow.unknown} unknown"


def _incidents(board: Board, width: int, alarm: bool) -> Iterator[Text]:
    """The newest on as many lines as it needs, a few before it on one each; in an alarm, with when that was known."""
    *before, last = board.incidents[-INCIDENTS:] or ("",)
    for text in before:
        yield Text(text, style="cyan")
    if last and alarm:
        last = f"{last} (as judged at {board.judged_ns / SECOND_NS:.0f} s)"
    words, indent = last.split(), ""
    while words:
        line = indent + words.pop(0)
        while words and len(line) + 1 + len(words[0]) <= width:
            line += " " + words.pop(0)
        yield Text(line, style="bold cyan")
        indent = "  "


def _events(board: Board, count: int) -> list[Text]:
    newest = list(board.lines)[-count:] if count > 0 else []
    return [
        Text().append(f"{stamp(line.at_ns)}  {line.who:<9} ", style="dim").append(line.text, style=TONES[line.tone])
        for line in newest
    ]


def _beside(left: list[Text], start: int, right: list[Text], column: int) -> list[Text]:
    """The right lines beside the left ones, from line `start` on."""
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
