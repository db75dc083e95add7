"""What a cluster is made of, as its recording tells: parts and their ports, the proxy's checks, log positions.

Timeline in, plain facts out. Pure.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypedDict
from urllib.parse import urlsplit

from observer.model.recording import SECOND_NS, Event, Recording

LSN_WITHIN_NS = 15 * SECOND_NS


class PartFact(TypedDict):
    """A part of the cluster. `inside`: addresses that the cluster itself uses; `outside`: those the observer used.

    `led_utc`: when it said that it leads its kind (etcd's own leader), at its first look; None: it did not.
    """

    kind: str
    name: str
    inside: list[str]
    outside: list[str]
    led_utc: str | None
    event_ids: list[int]


class ProxyFact(TypedDict):
    """How the proxy checks its servers: good and bad answers in a row, milliseconds between checks. None: not told.

    `event_ids`: the row that tells rise and fall; `inter_told`: inter_ms is from the recording's settings.
    """

    rise: int | None
    fall: int | None
    inter_ms: int | None
    inter_told: bool
    event_ids: list[int]


def parts_of(recording: Recording) -> list[PartFact]:
    """Every part with its addresses, in the order of the request's path back: etcd, Patroni, PostgreSQL, HAProxy."""
    settings = recording.header.settings
    found: dict[tuple[str, str], PartFact] = {}

    def note(kind: str, name: str, inside: object = None, outside: object = None, row: int | None = None) -> None:
        part = found.setdefault((kind, name), _part(kind, name))
        for address, known in ((inside, part["inside"]), (outside, part["outside"])):
            if isinstance(address, str) and address and address not in known:
                known.append(address)
                part["event_ids"] += [] if row is None or row in part["event_ids"] else [row]

    etcd, led = _etcd_names(recording), ""
    for endpoint, name in etcd.items():
        note("etcd", name, outside=endpoint)
    peers = _etcd_addresses(recording, etcd)
    for name, address, row in peers:
        note("etcd", name, inside=address, row=row)
    for event in recording.events:
        if event.kind == "member.changed" and event.source == "etcd":
            note("patroni", event.subject, inside=_address(event.detail.get("api_url")), row=event.id)
            note("postgres", event.subject, inside=_address(event.detail.get("conn_url")), row=event.id)
        elif event.kind == "identity.learned":
            note("postgres", event.subject, inside=event.detail.get("address"), row=event.id)
        elif event.kind == "versions.captured" and event.detail.get("leads") and event.subject in etcd and not led:
            led = etcd[event.subject]
            found["etcd", led]["led_utc"] = recording.header.utc(event.by_ns).isoformat()
    for kind in ("patroni", "postgres"):
        told = settings.get(kind)
        members = told.get("members") if isinstance(told, Mapping) else None
        for name, where in (members if isinstance(members, Mapping) else {}).items():
            note(kind, str(name), outside=_address(where) if kind == "patroni" else dsn_address(str(where)))
    for key, port in ports_of(settings).items():
        note("haproxy", key, outside=port)
    for url in _strings(settings, "haproxy", "stats"):
        note("haproxy", "stats", outside=_address(url))
    order = ("etcd", "patroni", "postgres", "haproxy")
    ways = ("write", "read", "stats")
    return sorted(
        found.values(),
        key=lambda p: (order.index(p["kind"]), ways.index(p["name"]) if p["kind"] == "haproxy" else 0, p["name"]),
    )


def watchers_of(recording: Recording) -> list[PartFact]:
    """What watches the cluster, as far as the observer knows it: Prometheus that it asked, and itself."""
    settings = recording.header.settings
    prometheus, observer = _part("prometheus", "prometheus"), _part("observer", "observer")
    prometheus["outside"] = [address for url in (_told(settings, "prometheus", "url"),) if (address := _address(url))]
    asked = (event.id for event in recording.events if event.kind == "dashboards.captured" and event.id is not None)
    prometheus["event_ids"] = list(asked)[:1]
    observer["outside"] = [str(address) for address in (_told(settings, "metrics", "listen"),) if address]
    return [part for part in (prometheus, observer) if part["outside"]]


def _part(kind: str, name: str) -> PartFact:
    return {"kind": kind, "name": name, "inside": [], "outside": [], "led_utc": None, "event_ids": []}


def _told(settings: Mapping[str, Any], section: str, key: str) -> Any:
    told = settings.get(section)
    return told.get(key) if isinstance(told, Mapping) else None


def ports_of(settings: Mapping[str, Any]) -> dict[str, str]:
    """The addresses that writes and reads go to, as "host:port"."""
    traffic = settings.get("traffic")
    told = traffic if isinstance(traffic, Mapping) else {}
    return {key: address for key in ("write", "read") if (address := dsn_address(str(told.get(key) or "")))}


def dsn_address(dsn: str) -> str | None:
    """ "host:port" of a libpq connection string of either form; None: it names none."""
    if "://" in dsn:
        return _address(dsn)
    told = dict(re.findall(r"(\w+)\s*=\s*'?([^'\s]*)'?", dsn))
    return f"{told['host']}:{told.get('port', '5432')}" if told.get("host") else None


def psql_of(settings: Mapping[str, Any], key: str, sql: str, password: str = "") -> str | None:
    """The command that asks a server behind the port of an action; None: where it is was not told.

    `password`: what stands before it, as "PGPASSWORD=... ".
    """
    dsn = str(_told(settings, "traffic", key) or "")
    address = dsn_address(dsn)
    if address is None:
        return None
    host, _, port = address.rpartition(":")
    user = re.search(r"(?:^|\s)user\s*=\s*'?([^'\s]+)", dsn) or re.match(r"\w+://([^:@/]+)[:@]", dsn)
    base = re.search(r"(?:^|\s)dbname\s*=\s*'?([^'\s]+)", dsn) or re.match(r"\w+://[^/]*/(\w+)", dsn)
    options = [f"-h {host} -p {port}", *(f"-{o} {found[1]}" for o, found in (("U", user), ("d", base)) if found)]
    return f'{password}psql {" ".join(options)} -c "{sql}"'


def _address(url: object) -> str | None:
    if not isinstance(url, str) or "://" not in url:
        return None
    try:
        return urlsplit(url).netloc.rpartition("@")[2] or None
    except ValueError:
        return None


def _strings(settings: Mapping[str, Any], section: str, key: str) -> list[str]:
    values = _told(settings, section, key)
    return [str(value) for value in values] if isinstance(values, (list, tuple)) else []


def names_of(recording: Recording) -> dict[str, str]:
    """By which name to call what the observer knows by an address: members of etcd; "" for the only proxy."""
    proxies = _strings(recording.header.settings, "haproxy", "stats")
    return _etcd_names(recording) | ({proxies[0]: ""} if len(proxies) == 1 else {})


def _etcd_names(recording: Recording) -> dict[str, str]:
    """The members of etcd by their endpoints: their own names, or their numbers where they never told them."""
    endpoints = _strings(recording.header.settings, "etcd", "endpoints")
    names = {endpoint: f"etcd{number}" for number, endpoint in enumerate(endpoints, 1)}
    for event in recording.events:
        if event.kind == "versions.captured" and event.source == "etcd" and event.subject in names:
            names[event.subject] = str(event.detail.get("name") or names[event.subject])
    return names


def _etcd_addresses(recording: Recording, names: Mapping[str, str]) -> Iterator[tuple[str, str, int | None]]:
    """What etcd's members say of their own addresses, clients' and peers'."""
    for event in recording.events:
        if event.kind == "versions.captured" and event.source == "etcd" and event.subject in names:
            for url in (*(event.detail.get("client_urls") or ()), *(event.detail.get("peer_urls") or ())):
                address = _address(url)
                if address is not None:
                    yield names[event.subject], address, event.id


def etcd_leader_of(recording: Recording) -> str | None:
    """The name of the etcd member that led last, as its members told; None: nobody did."""
    leader: str | None = None
    for event in recording.events:
        if event.kind == "raft.elected":
            leader = str(event.detail["leader"]) if event.detail.get("leader") else None
        elif event.kind == "versions.captured" and event.detail.get("leads") and leader is None:
            leader = event.subject
    return None if leader is None else _etcd_names(recording).get(leader)


def proxy_of(recording: Recording) -> ProxyFact:
    """How the proxy checks, as far as its stats and the settings tell."""
    named = _whole(_told(recording.header.settings, "haproxy", "inter_ms"))
    fact: ProxyFact = {
        "rise": None,
        "fall": None,
        "inter_ms": named,
        "inter_told": named is not None,
        "event_ids": [],
    }
    for event in recording.events:
        if event.kind != "pools.captured":
            continue
        for row in event.detail.get("pools") or ():
            if isinstance(row, Mapping) and _whole(row.get("check_rise")):
                fact["rise"], fact["fall"] = _whole(row.get("check_rise")), _whole(row.get("check_fall"))
                fact["inter_ms"] = fact["inter_ms"] or _whole(row.get("inter_ms"))
                fact["event_ids"] = [] if event.id is None else [event.id]
                return fact
    return fact


def positions_at(recording: Recording, at_ns: int) -> dict[str, tuple[int, int | None]]:
    """Each member's position in the write-ahead log, as it was sampled nearest to a moment, with the row."""
    nearest: dict[str, tuple[int, int, int | None]] = {}
    for event in events_between(recording, at_ns - LSN_WITHIN_NS, at_ns + LSN_WITHIN_NS):
        if event.kind == "replication.sampled" and event.source == "postgres":
            replayed, lsn = event.detail.get("replay_lsn"), event.detail.get("lsn")
            position = replayed if event.detail.get("in_recovery") and replayed is not None else lsn
            away = abs(event.by_ns - at_ns)
            known = nearest.get(event.subject)
            if isinstance(position, int) and (known is None or away < known[0]):
                nearest[event.subject] = (away, position, event.id)
    return {member: (position, row) for member, (_, position, row) in nearest.items()}


def events_between(recording: Recording, from_ns: int, until_ns: int) -> Sequence[Event]:
    """Events that were known from a moment on until another, both included."""
    first = bisect_left(recording.events, from_ns, key=lambda event: event.by_ns)
    return recording.events[first : bisect_right(recording.events, until_ns, key=lambda event: event.by_ns)]


def written_lsn(position: int) -> str:
    """A position as PostgreSQL writes it: 0/5051970."""
    return f"{position >> 32:X}/{position & 0xFFFFFFFF:X}"


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
