"""How the board reads as a whole: is all well, and if not, what is being waited for. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from observer.live.board import ACTIONS, Board, Expect, is_up
from observer.model.recording import SECOND_NS

PAUSED = "Patroni is paused, so nobody takes over until it is resumed"

Level = Literal["well", "warning", "alarm"]


@dataclass(frozen=True, slots=True)
class State:
    """One sentence for the head of the view, one for what is being waited for (may be empty)."""

    level: Level
    says: str
    waits: str


def state_of(board: Board, now_ns: int, expect: Expect) -> State:
    """The sentences for this moment."""
    waits = waiting(board, now_ns, expect)
    going = _going(board, now_ns)
    running = {action: board.flows[action].running_ns(now_ns) for action in ACTIONS}
    if any(running.values()):
        parts = [
            f"{action.upper()}S FAIL for {running_ns / SECOND_NS:.1f} s"
            for action, running_ns in running.items()
            if running_ns
        ]
        return State("alarm", "   ".join([*parts, going] if going else parts), waits)
    troubles = troubles_of(board)
    if troubles:
        return State("warning", "; ".join([*troubles, going] if going else troubles), waits)
    if board.leader is None:
        return State("warning", "looking for the cluster", waits)
    return State("well", f"all is well: {going}" if going else "no trouble seen; nothing is written or read", waits)


def troubles_of(board: Board) -> list[str]:
    """What is not as it should be, though reads and writes may go on."""
    found: list[str] = []
    if board.quorum is False:
        found.append("etcd has no quorum")
    if board.leader is None and board.held_by is not None:
        found.append("nobody leads")
    for name, node in board.nodes.items():
        role = " (leader)" if name == board.leader else ""
        if node.silent:
            found.append(f"{name}{role} is silent")
        elif node.blind:
            what = {"patroni": "Patroni", "postgres": "PostgreSQL"}
            found += [f"{what.get(witness, witness)} of {name}{role}: {how}" for witness, how in node.blind.items()]
    found += [f"etcd {address}: {how}" for address, how in board.etcd_blind.items() if address != "watch"]
    found += [f"HAProxy: {how}" for how in board.proxies.values()]
    found += [f"{subject} ({source}): {how}" for (source, subject), how in board.others_blind.items()]
    found += [f"no tables for {action}s" for action in ACTIONS if board.flows[action].absent is not None]
    return found


def waiting(board: Board, now_ns: int, expect: Expect) -> str:
    """What has to happen next until writes are back; empty while nothing is amiss."""
    if board.quorum is False:
        return "no leader can hold or take the key until most of etcd answers again"
    if board.leader is None:
        if board.held_by is None:
            return ""
        gone = f"{board.held_by} lost the leader key {(now_ns - board.leader_ns) / SECOND_NS:.1f} s ago"
        return f"{gone}; {PAUSED}" if board.config.get("pause") else f"{gone}; the replicas elect one of them"
    leader = board.nodes.get(board.leader)
    if leader is None:
        return ""
    if leader.silent or "patroni" in leader.blind or board.overdue:
        paused = f"{board.leader} is silent; {PAUSED}"
        return paused if board.config.get("pause") else countdown(board, now_ns, expect)
    if not board.flows["write"].running_ns(now_ns):
        return ""
    if board.proxies:
        return "HAProxy does not answer: nobody comes through it, however well the cluster is"
    if leader.role != "primary":
        return f"{board.leader} holds the leader key and is being promoted"
    way = (board.primary_pool, board.leader)
    if board.primary_pool is None:
        return f"{board.leader} is the primary"
    if not any(is_up(route) for key, route in board.routes.items() if key[1:] == way):
        return f"{board.leader} is the primary; HAProxy's checks have not noticed yet"
    return f"{board.leader} is the primary and has a route; the next write should pass"


def countdown(board: Board, now_ns: int, expect: Expect) -> str:
    """How long the lease of a silent leader still runs, and when writes may be back, from the live settings."""
    left_s = board.lease_left_s(now_ns)
    if left_s is None:
        return f"{board.leader} is silent, and how long its lease still runs is not known"
    text = f"lease of {board.leader} ends in {left_s:.0f} s"
    if not board.flows["write"].running_ns(now_ns):
        return text
    span = expect(board.config, board.proxy)
    if span is None:
        return f"{text}; writes cannot be back before"
    text = f"{text}; writes expected back in {left_s + span[0]:.0f} to {left_s + span[1]:.0f} s"
    return text if board.proxy.get("inter_ms") else f"{text}, HAProxy's checks aside"


def pools_of(board: Board) -> dict[str, list[tuple[str, bool, str]]]:
    """Each pool with its servers: name, whether clients are sent there, the check's word. Of several proxies each."""
    pools: dict[str, list[tuple[str, bool, str]]] = {}
    several = len({page for page, _, _ in board.routes}) > 1
    for (page, pool, server), route in sorted(board.routes.items()):
        name = f"{pool} of {page.partition('://')[2].rstrip('/')}" if several else pool
        pools.setdefault(name, []).append((server, is_up(route), str(route.get("check_status") or "")))
    return pools


def _going(board: Board, now_ns: int) -> str:
    """Which actions go on: acknowledged of late, and no outage runs. Others are not spoken of."""
    flows = ((action, board.flows[action]) for action in ACTIONS)
    going = [f"{action}s" for action, flow in flows if flow.per_s(now_ns) and not flow.running_ns(now_ns)]
    return f"{' and '.join(going)} go on" if going else ""
