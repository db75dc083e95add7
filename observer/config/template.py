"""The commented observer.toml of a cluster that was found."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from observer.sources.discovery import Discovery


@dataclass(frozen=True, slots=True)
class Found:
    """A cluster, as far as it could be found. `rest` and `postgres`: where etcd's own addresses are of no use here.

    `candidates`: connection strings of which it is not known which leads to the primary.
    """

    where: str
    scope: str
    namespace: str
    etcd: Sequence[str]
    members: Discovery | None = None
    rest: Mapping[str, str] = field(default_factory=dict)
    postgres: Mapping[str, str] = field(default_factory=dict)
    unreached: Sequence[str] = ()
    stats: str = ""
    write: str = ""
    read: str = ""
    candidates: Sequence[str] = ()
    inter_ms: int | None = None
    rise: int | None = None
    logs: Mapping[str, Sequence[str]] = field(default_factory=dict)


def text(found: Found) -> str:
    """The file, with a comment for whatever a person may want to change."""
    endpoints = ", ".join(map(_quoted, found.etcd))
    lines = [
        f"# The cluster {found.scope}, found by {found.where}. All options: docs/configuration.md",
        "# `observer doctor` checks what is written here; `observer start` records.",
        "",
        "[cluster]",
        f"scope = {_quoted(found.scope)}",
        f"namespace = {_quoted(found.namespace)}",
        "",
        "[etcd]",
        f"endpoints = [{endpoints}]",
        '# user, password; ca turns TLS on, cert and key are the client\'s: ca = "ca.crt"',
        "",
        *_members("patroni", "http://HOST:8008", found.rest, found),
        "",
        *_members("postgres", "host=HOST port=5432", found.postgres, found),
        "",
        "[haproxy]",
        f"stats = [{_quoted(found.stats)}]"
        if found.stats
        else '# stats = ["http://HOST:7000/"]   # HAProxy\'s page of statistics',
        f"inter_ms = {found.inter_ms}"
        if found.inter_ms
        else "# inter_ms = 3000   # as in haproxy.cfg; no page tells it",
        f"rise = {found.rise}" if found.rise else "# rise = 2",
        '# primary = "..."   # names of the pools; learned by themselves where this is left out',
        '# replicas = "..."',
        "",
        "[traffic]",
        "# As the application connects, through HAProxy. The password here, in PGPASSWORD or in ~/.pgpass.",
        *_ways(found),
        '# "probe": writes into a small table of its own, observer_probe; "homework": into the homework\'s events;',
        '# "none": nothing is written or read, and no outage is measured',
        f'workload = "{"homework" if found.where == "the local stack" else "probe"}"',
        "",
        *_logs(found),
        "[objectives]   # for `observer report --check`",
        "# write_outage_s = 60",
        "# lost_writes = 0",
        "",
    ]
    return "\n".join(lines)


def _members(section: str, form: str, given: Mapping[str, str], found: Found) -> list[str]:
    known = found.members.members if found.members is not None else {}
    lines = [f"[{section}]"]
    if given:
        pairs = ", ".join(f"{_key(name)} = {_quoted(address)}" for name, address in given.items())
        return [*lines, f"members = {{ {pairs} }}"]
    what = "api_url" if section == "patroni" else "conn_url"
    lines.append(f"# members come from etcd ({what}){':' if known else ''}")
    for name, member in known.items():
        address = (member.api_url if section == "patroni" else member.conn_url) or "no address"
        lines.append(f"#   {name} = {_bare(address)}")
    if found.unreached:
        lines.append(f"# {', '.join(found.unreached)} did not answer from here; where etcd's addresses are of another")
        pairs = ", ".join(f"{_key(name)} = {_quoted(form)}" for name in known)
        lines += ["# network, such as Docker's, name those that this machine reaches:", f"# members = {{ {pairs} }}"]
    if section == "postgres":
        lines.append("# user, password and dbname are those of traffic.write, or:")
        lines.append('# dsn = "user=USER dbname=postgres"')
    return lines


def _ways(found: Found) -> list[str]:
    write, read = "host=HOST port=5000 user=USER dbname=DATABASE", "host=HOST port=5001 user=USER dbname=DATABASE"
    hint = []
    if found.candidates and not (found.write and found.read):
        hint = ["# HAProxy publishes these; with PGPASSWORD set, `observer init` tells which leads where."]
        write, *rest = found.candidates
        read = rest[0] if rest else write
    return [
        *hint,
        f"write = {_quoted(found.write)}" if found.write else f"# write = {_quoted(write)}",
        f"read = {_quoted(found.read)}" if found.read else f"# read = {_quoted(read)}",
    ]


def _logs(found: Found) -> list[str]:
    if not found.logs:
        return []
    files = [f"{_key(name)} = {json.dumps(list(paths))}" for name, paths in found.logs.items()]
    return ["[log.files]   # what the members write to files; of containers the engine tells", *files, ""]


def _bare(address: str) -> str:
    """An address without user, password and path."""
    if "://" not in address:
        return address
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _quoted(name)


def _quoted(text: str) -> str:
    """A string of TOML: JSON's, but for the one letter that only TOML wants escaped."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
