"""The parts of a cluster: names, addresses, versions, and what captures of members, pools and dashboards hold."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

from observer.model.recording import SECOND_NS
from reports.analysis.index import Index
from reports.analysis.results.evidence import EtcdLeader
from reports.analysis.results.recording import Capture, Dashboard, DashboardSpan, Part

# The order of a request's way back, and of the proxy's addresses.
KINDS = ("etcd", "patroni", "postgres", "haproxy")
ROUTES = ("write", "read", "stats")


def parts(index: Index) -> tuple[Part, ...]:
    """Return all parts with their addresses: etcd, Patroni, PostgreSQL, HAProxy."""
    header, settings = index.recording.header, index.recording.header.settings
    inside: dict[tuple[str, str], dict[str, int | None]] = defaultdict(dict)  # with the row that shows it first
    outside: dict[tuple[str, str], list[str]] = defaultdict(list)

    def uses(kind: str, name: str, address: object, row: int | None) -> None:
        own = inside[kind, name]
        if isinstance(address, str) and address:
            own.setdefault(address, row)

    def used(kind: str, name: str, address: str | None) -> None:
        outside[kind, name] += [address] if address and address not in outside[kind, name] else []

    etcd = etcd_names(index)
    for endpoint, name in etcd.items():
        used("etcd", name, endpoint)
    versions = [e for e in index.of_kinds("versions.captured") if e.subject in etcd]
    for event in (e for e in versions if e.source == "etcd"):
        for url in (*(event.detail.get("client_urls") or ()), *(event.detail.get("peer_urls") or ())):
            uses("etcd", etcd[event.subject], _address(url), event.id)
    for event in index.of_kinds("member.changed", "identity.learned"):
        if event.kind == "identity.learned":
            uses("postgres", event.subject, event.detail.get("address"), event.id)
        elif event.source == "etcd":
            uses("patroni", event.subject, _address(event.detail.get("api_url")), event.id)
            uses("postgres", event.subject, _address(event.detail.get("conn_url")), event.id)
    for kind in ("patroni", "postgres"):
        members = setting(settings, kind, "members")
        for name, at in (members if isinstance(members, Mapping) else {}).items():
            used(kind, str(name), _address(at) if kind == "patroni" else dsn_address(str(at)))
    for route, port in ports(settings).items():
        used("haproxy", route, port)
    for url in _strings(settings, "haproxy", "stats"):
        used("haproxy", "stats", _address(url))
    leads = (e for e in versions if e.detail.get("leads"))
    led = {("etcd", etcd[e.subject]): header.utc(e.by_ns).isoformat() for e in islice(leads, 1)}
    found = []
    for key in sorted({*inside, *outside}, key=_order):
        rows = tuple(dict.fromkeys(row for row in inside[key].values() if row is not None))
        found.append(Part(*key, tuple(inside[key]), tuple(outside[key]), led.get(key), rows))
    return tuple(found)


def _order(key: tuple[str, str]) -> tuple[int, int, str]:
    kind, name = key
    return KINDS.index(kind), ROUTES.index(name) if kind == "haproxy" else 0, name


def watchers(index: Index) -> tuple[Part, ...]:
    """Return what monitors the cluster, as far as the settings show: Prometheus and the observer's own metrics."""
    settings = index.recording.header.settings
    url, listen = _address(setting(settings, "prometheus", "url")), setting(settings, "metrics", "listen")
    rows = tuple(e.id for e in index.of_kinds("dashboards.captured") if e.id is not None)[:1]
    prometheus = (Part("prometheus", "prometheus", (), (url,), None, rows),) if url else ()
    return (*prometheus, *((Part("observer", "observer", (), (str(listen),), None, ()),) if listen else ()))


def names(index: Index) -> dict[str, str]:
    """Return the names for addresses: those of etcd's members, and "" for the only proxy."""
    proxies = _strings(index.recording.header.settings, "haproxy", "stats")
    return etcd_names(index) | ({proxies[0]: ""} if len(proxies) == 1 else {})


def etcd_names(index: Index) -> dict[str, str]:
    """Return the names of etcd's members by endpoint: their own, or a number if they did not report one."""
    endpoints = _strings(index.recording.header.settings, "etcd", "endpoints")
    found = {endpoint: f"etcd{number}" for number, endpoint in enumerate(endpoints, 1)}
    for event in index.of_kinds("versions.captured"):
        if event.source == "etcd" and event.subject in found:
            found[event.subject] = str(event.detail.get("name") or found[event.subject])
    return found


def last_etcd_leader(index: Index) -> str | None:
    """Return the name of etcd's last known leader; None: no member reported one."""
    leader: str | None = None
    for event in index.of_kinds("raft.elected", "versions.captured"):
        if event.kind == "raft.elected":
            leader = str(event.detail["leader"]) if event.detail.get("leader") else None
        elif event.detail.get("leads") and leader is None:
            leader = event.subject
    return None if leader is None else etcd_names(index).get(leader)


def etcd_leader_at(index: Index, at_ns: int) -> EtcdLeader | None:
    """Return etcd's last known leader at a moment."""
    found: EtcdLeader | None = None
    for event in index.of_kinds("raft.elected", "versions.captured"):
        if event.by_ns > at_ns:
            break
        leader = event.detail.get("leader") if event.kind == "raft.elected" else None
        if event.kind == "versions.captured" and event.source == "etcd" and event.detail.get("leads"):
            leader = event.subject
        found = found if leader is None else EtcdLeader(str(leader), event.id)
    return found


def setting(settings: Mapping[str, Any], section: str, key: str) -> Any:
    """Return one of the observer's settings; None: not set."""
    own = settings.get(section)
    return own.get(key) if isinstance(own, Mapping) else None


def ports(settings: Mapping[str, Any]) -> dict[str, str]:
    """Return the addresses ("host:port") that writes and reads are sent to."""
    found = {key: dsn_address(str(setting(settings, "traffic", key) or "")) for key in ("write", "read")}
    return {key: address for key, address in found.items() if address}


def dsn_address(dsn: str) -> str | None:
    """Return "host:port" of a libpq connection string of either form; None: it names no host."""
    if "://" in dsn:
        return _address(dsn)
    words = dict(re.findall(r"(\w+)\s*=\s*'?([^'\s]*)'?", dsn))
    return f"{words['host']}:{words.get('port', '5432')}" if words.get("host") else None


def _address(url: object) -> str | None:
    if not isinstance(url, str) or "://" not in url:
        return None
    try:
        return urlsplit(url).netloc.rpartition("@")[2] or None
    except ValueError:
        return None


def _strings(settings: Mapping[str, Any], section: str, key: str) -> list[str]:
    values = setting(settings, section, key)
    return [str(value) for value in values] if isinstance(values, (list, tuple)) else []


# The components of a `versions.captured` event.
COMPONENTS = ("observer", "python", "host", "libpq", "psycopg2", "patroni", "etcd", "haproxy", "postgres")
LSN_WITHIN_NS = 15 * SECOND_NS
TOGETHER_NS = 2 * SECOND_NS
# A capture belongs to the incident with which it begins, within this time: incidents are found while they go on.
ASKED_NS = SECOND_NS


def captures(index: Index) -> tuple[Capture, ...]:
    """Return the captures; those of members and of pools within 2 s of each other are one."""
    found: list[Capture] = []
    for event in index.of_kinds("cluster.captured", "pools.captured"):
        name = "members" if event.kind == "cluster.captured" else "pools"
        rows = [dict(row) for row in event.detail.get(name) or () if isinstance(row, Mapping)]
        ids = [] if event.id is None else [event.id]
        if name == "members":
            ids += _add_positions(index, event.by_ns, rows)
        last = found[-1] if found else None
        if last is not None and not getattr(last, name) and event.by_ns - last.at_ns < TOGETHER_NS:
            capture = found.pop()
        else:
            utc = index.recording.header.utc(event.by_ns).isoformat()
            capture = Capture(event.by_ns, utc, (), (), None, None, ())
        own: dict[str, Any] = {name: tuple(rows), f"{name}_id": event.id}
        found.append(replace(capture, event_ids=(*capture.event_ids, *ids), **own))
    return tuple(found)


def _add_positions(index: Index, at_ns: int, rows: list[dict[str, Any]]) -> list[int]:
    """Add the nearest sampled WAL position to each member's row; return the rows of the samples."""
    ids = []
    for member, (position, row_id) in sorted(_positions(index, at_ns).items()):
        for row in rows:
            if row.get("name") == member and "lsn" not in row:
                row |= {"lsn": lsn(position), "lsn_id": row_id}
                ids += [] if row_id is None else [row_id]
    return ids


def _positions(index: Index, at_ns: int) -> dict[str, tuple[int, int | None]]:
    nearest: dict[str, tuple[int, int, int | None]] = {}
    for event in index.between(at_ns - LSN_WITHIN_NS, at_ns + LSN_WITHIN_NS):
        if event.kind == "replication.sampled" and event.source == "postgres":
            replayed, position = event.detail.get("replay_lsn"), event.detail.get("lsn")
            if event.detail.get("in_recovery") and replayed is not None:
                position = replayed
            away_ns, known = abs(event.by_ns - at_ns), nearest.get(event.subject)
            if isinstance(position, int) and (known is None or away_ns < known[0]):
                nearest[event.subject] = (away_ns, position, event.id)
    return {member: (position, row) for member, (_, position, row) in nearest.items()}


def lsn(position: int) -> str:
    """Return a WAL position as PostgreSQL writes it: 0/5051970."""
    return f"{position >> 32:X}/{position & 0xFFFFFFFF:X}"


def versions(index: Index) -> dict[str, dict[str, list[int]]]:
    """Return the versions of each component that its members reported last, each with the rows of first report."""
    reported: dict[str, dict[str, tuple[str, int | None]]] = {}
    for event in index.of_kinds("versions.captured", "member.changed"):
        if event.kind == "versions.captured":
            own, reporter = [(name, event.detail.get(name)) for name in COMPONENTS], f"{event.source} {event.subject}"
        elif event.source == "patroni":
            own, reporter = [("patroni", event.detail.get("patroni_version"))], event.subject
        else:
            continue
        for name, version in own:
            known = reported.setdefault(name, {})
            if version and (reporter not in known or known[reporter][0] != str(version)):
                known[reporter] = (str(version), event.id)
    found: dict[str, dict[str, list[int]]] = {name: {} for name in COMPONENTS if reported.get(name)}
    for name, rows in found.items():
        for version, row in reported[name].values():
            rows.setdefault(version, []).extend([] if row is None else [row])
    return found


def dashboards(index: Index) -> tuple[DashboardSpan, ...]:
    """Return all captured spans, the longest first; of repeated captures of one incident only the last."""
    found: list[DashboardSpan] = []
    for event in index.of_kinds("dashboards.captured"):
        from_ns, to_ns = (int(event.detail.get(key) or 0) for key in ("from_ns", "to_ns"))
        # A span from 0 covers the whole recording and belongs to no incident.
        found = [f for f in found if not (min(f.from_ns, from_ns) > 0 and abs(f.from_ns - from_ns) <= ASKED_NS)]
        found.append(DashboardSpan(from_ns, to_ns, _boards(event.detail.get("panels") or ()), event.id))
    return tuple(sorted(found, key=lambda span: (span.from_ns - span.to_ns, span.from_ns)))


def _boards(panels: Iterable[Any]) -> tuple[Dashboard, ...]:
    rows: dict[str, list[Mapping[str, Any]]] = {}
    for row in panels:
        if isinstance(row, Mapping):
            rows.setdefault(str(row.get("board")), []).append(row)
    return tuple(
        Dashboard(
            board=board,
            panels=len(own),
            empty=tuple(str(row.get("panel")) for row in own if not row.get("data")),
            series={str(row.get("panel")): int(row.get("series") or 0) for row in own},
        )
        for board, own in rows.items()
    )
