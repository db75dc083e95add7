"""HAProxy's stats page: the servers that its pools route to."""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from observer.model.recording import Event, Window
from observer.model.redaction import without_credentials
from observer.sources.polling import ANONYMOUS, Access, Job, Now, Observation, Poller, PollFailed, Record
from observer.sources.web import Target

# Columns that only grow while the process lives. The polls themselves make those of the stats frontend grow.
COUNTERS = ("stot", "bin", "bout", "req_tot")
# Columns that a capture records beside those of a server, by the name in its detail.
CAPTURED = {"weight": "weight", "active": "act", "backup": "bck", "downtime_s": "downtime", "sessions": "scur"}
CAPTURED |= {"sessions_max": "smax", "sessions_limit": "slim", "check_rise": "check_rise", "check_fall": "check_fall"}
VERSION = re.compile(rb"HAProxy version (\d[\w.+~-]*)")


@dataclass(frozen=True, slots=True)
class Server:
    """One server of one pool, as the stats page describes it; an empty column is None.

    `check_status` lacks the "* " of a check under way. `address` is present only with `stats show-legends`.
    """

    pool: str
    server: str
    address: str | None
    status: str
    check_status: str | None
    check_code: int | None
    check_duration_ms: int | None
    last_change_s: int | None

    @property
    def up(self) -> bool:
        """Return whether the pool routes to it: "UP", "UP 1/3", "no check"."""
        return self.status.startswith(("UP", "no check"))


@dataclass(frozen=True, slots=True)
class SessionCount:
    """The sessions of the frontend that is nearest to its limit; `limit` None: it has none."""

    sessions: int = 0
    limit: int | None = None

    @property
    def limit_reached(self) -> bool:
        """Return whether a new client has to wait until another one disconnects."""
        return self.limit is not None and self.sessions >= self.limit


@dataclass(frozen=True, slots=True)
class Page:
    """A stats page at one moment: the servers and the counters of each row, by pool and name, and the sessions."""

    servers: Mapping[tuple[str, str], Server]
    counters: Mapping[tuple[str, str], tuple[int, ...]]
    sessions: SessionCount = SessionCount()


class Pools(NamedTuple):
    """The pool that leads to the primary and the one that leads to replicas; None if it is unclear."""

    primary: str | None
    replicas: str | None


def job(url: str, every_ms: int, record: Record, now_ns: Now, access: Access = ANONYMOUS) -> Job:
    """Return a poll of one stats page every `every_ms`; ";csv" is appended to the URL once."""
    target, address, subject = Target(access), csv_url(url), without_credentials(url)

    def poll() -> Page:
        return page_of(_rows(target, address))

    def compare(before: Page | None, after: Page) -> list[Observation]:
        return changes(before, after, subject)

    return Job(f"haproxy {subject}", every_ms, Poller("haproxy", subject, poll, compare, record, now_ns).run)


def capture(url: str, record: Record, now_ns: Now, access: Access = ANONYMOUS) -> bool:
    """Record pools.captured (all rows of the page) and versions.captured {haproxy}. Return whether HAProxy answered."""
    subject, began_ns, answered = without_credentials(url), now_ns(), False

    def captured(kind: str, detail: Mapping[str, Any]) -> None:
        record(Event("haproxy", kind, subject, Window(began_ns, now_ns()), detail))

    with closing(Target(access)) as target, suppress(PollFailed):
        captured("pools.captured", {"pools": [_captured(row) for row in _rows(target, csv_url(url))]})
        answered = True
        code, html = target.get(csv_url(url).removesuffix(";csv"))  # only the HTML page shows the version
        if code == 200 and (version := VERSION.search(html)) is not None:
            captured("versions.captured", {"haproxy": version.group(1).decode()})
    return answered


def csv_url(url: str) -> str:
    """Return the URL of the page as CSV."""
    return url if url.endswith(";csv") else f"{url};csv" if urlsplit(url).path else f"{url}/;csv"


def rows_of(text: str) -> Iterator[dict[str, str]]:
    """Yield the rows of the CSV by the names of its header. Raise PollFailed if it is anything else."""
    if not text.startswith("# pxname,svname,"):
        raise PollFailed("error", f"the answer is no CSV of HAProxy: it begins with {text[:40]!r}")
    lines = csv.reader(text[2:].splitlines())
    header = next(lines)
    for line in lines:
        if len(line) > 2:
            yield dict(zip(header, line, strict=False))


def page_of(rows: Iterable[Mapping[str, str]]) -> Page:
    """Return the page of these rows."""
    servers: dict[tuple[str, str], Server] = {}
    counters: dict[tuple[str, str], tuple[int, ...]] = {}
    frontends: list[SessionCount] = []
    for row in rows:
        key = (row["pxname"], row["svname"])
        counters[key] = tuple(_number(row.get(name)) or 0 for name in COUNTERS)
        if row["svname"] not in ("FRONTEND", "BACKEND") and row.get("type", "2") == "2":
            servers[key] = _server(row)
        elif row["svname"] == "FRONTEND":
            frontends.append(SessionCount(_number(row.get("scur")) or 0, _number(row.get("slim")) or None))
    return Page(servers, counters, session_count_of(frontends))


def session_count_of(frontends: Sequence[SessionCount]) -> SessionCount:
    """Return the fullest frontend, or the sum of all if they have the same limit.

    A frontend without a `maxconn` of its own shows that of the whole process, which limits the sessions of all.
    """
    limited = [(count.sessions, count.limit) for count in frontends if count.limit is not None]
    if len({limit for _, limit in limited}) == 1:
        return SessionCount(sum(count.sessions for count in frontends), limited[0][1])
    return SessionCount(*max(limited, key=lambda pair: pair[0] / pair[1], default=(0, None)))


def changes(before: Page | None, after: Page, subject: str) -> list[Observation]:
    """Return what changed between two pages: first the proxy itself, then its routes."""
    observations: list[Observation] = []
    if before is not None and restarted(before, after):
        observations.append(("proxy.restarted", subject, {}))
    full = after.sessions.limit_reached
    if full != (before is not None and before.sessions.limit_reached):
        observations.append(("proxy.full" if full else "proxy.room", subject, asdict(after.sessions)))
    old = {} if before is None else before.servers
    for key, server in after.servers.items():
        was = old.get(key)
        if was is not None and not differs(was, server):
            continue
        kind = "route.up" if server.up else "route.down"
        if was is not None and was.up == server.up:
            kind = "route.changed"
        observations.append((kind, "/".join(key), _detail(server, was, subject, initial=before is None)))
    for key, was in old.items():
        if key not in after.servers:
            gone = Server(was.pool, was.server, was.address, "gone", None, None, None, None)
            observations.append(("route.down", "/".join(key), _detail(gone, was, subject)))
    return observations


def restarted(before: Page, after: Page) -> bool:
    """Return whether another process answered the second page: a counter of a row fell."""
    return any(
        now < was
        for key, counters in after.counters.items()
        if key in before.counters
        for now, was in zip(counters, before.counters[key], strict=True)
    )


def differs(was: Server, now: Server) -> bool:
    """Return whether a server's state or the result of its check changed; a check under way has no code yet."""
    codes = {was.check_code, now.check_code} - {None}
    return (was.status, was.check_status, was.address) != (now.status, now.check_status, now.address) or len(codes) > 1


def roles_of_pools(servers: Iterable[Server], leader: str | None, addresses: Mapping[str, str]) -> Pools:
    """Return which pool leads where, from the servers that are UP and the leader.

    `addresses` are "host:port" of each member's PostgreSQL; a server is matched by name, then by address. The primary's
    pool has only the leader UP; the replicas' pool has others UP and, if there is a choice, not the leader. With two
    candidates, or none, the result is None.
    """
    names = {address: member for member, address in addresses.items()}
    up: dict[str, set[str]] = {}
    for server in servers:
        if server.up:
            known = server.server in addresses or server.server == leader or server.address is None
            member = server.server if known else names.get(server.address or "", server.server)
            up.setdefault(server.pool, set()).add(member)
    if leader is None:
        return Pools(None, None)
    primary = [pool for pool, members in up.items() if members == {leader}]
    others = [pool for pool, members in up.items() if members - {leader}]
    replicas = [pool for pool in others if leader not in up[pool]] or others
    return Pools(*(pools[0] if len(pools) == 1 else None for pools in (primary, replicas)))


def _rows(target: Target, address: str) -> Iterator[dict[str, str]]:
    code, body = target.get(address)
    if code != 200:
        raise PollFailed("error", f"HTTP {code}", {"http": code})
    return rows_of(body.decode("utf-8", "replace"))


def _server(row: Mapping[str, str]) -> Server:
    check_status = row.get("check_status", "")
    under_way = check_status.startswith("* ")  # then the status is of the previous check, and the code is 0
    return Server(
        pool=row["pxname"],
        server=row["svname"],
        address=row.get("addr") or None,
        status=row.get("status", ""),
        check_status=check_status.removeprefix("* ") or None,
        check_code=_number(row.get("check_code")) if not under_way else None,
        check_duration_ms=_number(row.get("check_duration")),
        last_change_s=_number(row.get("lastchg")),
    )


def _detail(server: Server, was: Server | None, page: str, initial: bool = False) -> dict[str, Any]:
    before = None if was is None else {"status": was.status, "check_status": was.check_status}
    return {**asdict(server), "page": page, "before": before, **({"initial": True} if initial else {})}


def _captured(row: Mapping[str, str]) -> dict[str, Any]:
    return {**asdict(_server(row)), **{name: _number(row.get(column)) for name, column in CAPTURED.items()}}


def _number(text: str | None) -> int | None:
    return int(text) if text and text.lstrip("-").isdigit() else None
