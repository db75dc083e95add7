"""The commented observer.toml of a cluster that `observer init` found."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from observer.sources.discovery import Discovery


@dataclass(frozen=True, slots=True)
class Found:
    """What is known of a cluster. `rest` and `postgres` are addresses to use in place of those in etcd.

    `tls` holds the options of [etcd], without secrets, that were needed to read etcd. `candidates` are connection
    strings of HAProxy of which it is not known whether they lead to the primary. `unreached` are members whose REST API
    did not answer.
    """

    where: str
    scope: str
    namespace: str
    etcd: Sequence[str]
    members: Discovery | None = None
    tls: Mapping[str, str] = field(default_factory=dict)
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
    workload: str = "probe"


def text(found: Found) -> str:
    """Return the file, with comments for the options that a person may want to change."""
    lines = [
        f"# The cluster {comment(found.scope)}, found through {comment(found.where)}.",
        "# `observer doctor` checks this file; `observer start` records. All options: docs/reference/configuration.md",
        "",
        "[cluster]",
        f"scope = {quoted(found.scope)}",
        f"namespace = {quoted(found.namespace)}",
        "",
        "[etcd]",
        f"endpoints = {_list(found.etcd)}",
        *[f"{option} = {quoted(value)}" for option, value in found.tls.items()],
        *(["# password: set it here or in OBSERVER_ETCD_PASSWORD"] if "user" in found.tls else []),
        "",
        *_members("patroni", "http://HOST:8008", found.rest, found),
        "",
        *_members("postgres", "host=HOST port=5432", found.postgres, found),
        "",
        "[haproxy]",
        f"stats = {_list([found.stats])}" if found.stats else '# stats = ["http://HOST:7000/"]   # the statistics page',
        f"inter_ms = {found.inter_ms}"
        if found.inter_ms
        else "# inter_ms = 3000   # `inter` and `rise` of haproxy.cfg; the statistics do not show them",
        f"rise = {found.rise}" if found.rise else "# rise = 2",
        "",
        "[traffic]",
        "# Connect as the application does, through HAProxy. Set the password here, in PGPASSWORD or in ~/.pgpass.",
        *_connection_strings(found),
        '# "probe" writes into a small table of its own, observer_probe; "homework" into the tables of the homework;',
        '# "none" sends no operations, so that no outage is measured.',
        f"workload = {quoted(found.workload)}",
        "",
        *_logs(found),
        "[objectives]   # for `observer report --check`",
        "# write_outage_s = 60",
        "# lost_writes = 0",
        "",
    ]
    return "\n".join(lines)


def quoted(text: str) -> str:
    """Return a basic string of TOML, in quotes and on one line.

    TOML escapes as JSON does, but also DEL. A lone surrogate, which no file in UTF-8 can hold, becomes U+FFFD.
    """
    valid = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return json.dumps(valid, ensure_ascii=False).replace("\x7f", "\\u007f")


def comment(text: str) -> str:
    """Return a text for a comment, on one line: as it is if that is possible, else quoted."""
    return text if text.isprintable() else quoted(text)


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else quoted(name)


def _list(values: Sequence[str]) -> str:
    return f"[{', '.join(map(quoted, values))}]"


def _table(pairs: Mapping[str, str]) -> str:
    return f"{{ {', '.join(f'{_key(name)} = {quoted(value)}' for name, value in pairs.items())} }}"


def _members(section: str, form: str, given: Mapping[str, str], found: Found) -> list[str]:
    known = found.members.members if found.members is not None else {}
    lines = [f"[{section}]"]
    if given:
        return [*lines, f"members = {_table(given)}"]
    key = "api_url" if section == "patroni" else "conn_url"
    lines.append(f"# The addresses come from etcd ({key}){':' if known else '.'}")
    for name, member in known.items():
        address = (member.api_url if section == "patroni" else member.conn_url) or "no address"
        lines.append(f"#   {comment(name)} = {comment(_bare(address))}")
    if found.unreached:
        lines.append(f"# {comment(', '.join(found.unreached))} did not answer from this machine. If etcd's addresses")
        lines.append("# belong to another network, such as Docker's, set addresses that this machine reaches:")
        lines.append(f"# members = {_table(dict.fromkeys(known, form))}")
    if section == "postgres":
        lines.append("# user, password and dbname are those of traffic.write, or:")
        lines.append('# dsn = "user=USER dbname=postgres"')
    return lines


def _connection_strings(found: Found) -> list[str]:
    write, read = "host=HOST port=5000 user=USER dbname=DATABASE", "host=HOST port=5001 user=USER dbname=DATABASE"
    hint = []
    if found.candidates and not (found.write and found.read):
        hint = ["# HAProxy publishes these ports; with PGPASSWORD set, `observer init` finds out where each one leads."]
        write, *rest = found.candidates
        read = rest[0] if rest else write
    return [
        *hint,
        f"write = {quoted(found.write)}" if found.write else f"# write = {quoted(write)}",
        f"read = {quoted(found.read)}" if found.read else f"# read = {quoted(read)}",
    ]


def _logs(found: Found) -> list[str]:
    if not found.logs:
        return []
    files = [f"{_key(name)} = {_list(paths)}" for name, paths in found.logs.items()]
    return ["[log.files]   # log files of the members; Docker provides the logs of containers", *files, ""]


def _bare(address: str) -> str:
    """Return an address without user, password and path."""
    if "://" not in address:
        return address
    scheme, _, rest = address.partition("://")
    return f"{scheme}://{re.split('[/?#]', rest, maxsplit=1)[0].rpartition('@')[2]}"
