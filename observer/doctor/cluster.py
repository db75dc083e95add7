"""What is wrong with etcd and with the members, by REST and by SQL. Pure: each check is a function of what was seen."""

from __future__ import annotations

import re
from collections.abc import Iterator

from observer.config.settings import Settings
from observer.doctor.finding import CONFIGURATION, CREDENTIALS, NOTHING_ANSWERS, Finding, bad, note, unanswered, well
from observer.doctor.looks import Failure, RestSeen, Seen, SqlSeen, netloc_of

CLOCK_S = 1.0
OLDEST = {"etcd": (3, 4), "Patroni": (3, 0), "PostgreSQL": (15, 0)}
"""The oldest versions that observer was tried with."""


def endpoints(seen: Seen, settings: Settings) -> Iterator[Finding]:
    """Each member of etcd answers, speaks the third version of its protocol, and has a leader."""
    for address, member in seen.etcd.items():
        about = f"etcd {address}"
        if member.failure is not None and member.failure.refused:
            yield bad(
                about,
                CREDENTIALS,
                member.failure.error,
                "etcd wants a user, or does not take this one",
                "set user and password in [etcd]",
            )
        elif member.failure is not None:
            mend = "start it, or correct endpoints in [etcd]"
            if member.failure.how == "closed" and settings.etcd.ca is None:
                mend = "name the CA's file as ca in [etcd] if it wants TLS; else correct endpoints, its clients' port"
            elif settings.etcd.ca is not None:
                mend = "leave out ca in [etcd] if it does not speak TLS; else check the files, or endpoints"
            yield unanswered(about, member.failure.how, member.failure.error, mend)
        elif member.status is not None and not member.status.leader:
            yield bad(
                about,
                NOTHING_ANSWERS,
                "it has no leader",
                "etcd has no quorum as this member sees it: no leader of Patroni can be elected",
                "start the other members of etcd, or mend the network between them",
            )
        elif member.status is not None:
            leads = ", leads" if member.status.leader == member.status.member else ""
            yield well(about, f"{member.status.version}{leads}")


def one_etcd(seen: Seen, settings: Settings) -> Iterator[Finding]:
    """All endpoints are of one cluster of etcd."""
    clusters: dict[int, list[str]] = {}
    for address, member in seen.etcd.items():
        if member.cluster is not None:
            clusters.setdefault(member.cluster, []).append(address)
    if len(clusters) < 2:
        return
    kept, *others = sorted(clusters.values(), key=len, reverse=True)
    for address in [address for found in others for address in found]:
        yield bad(
            f"etcd {address}",
            CONFIGURATION,
            f"it belongs to another etcd than {', '.join(kept)}",
            "what one of them holds, the other does not know: the recording would mix two clusters",
            f"leave {address} out of endpoints in [etcd]",
        )


def scope(seen: Seen, settings: Settings) -> Iterator[Finding]:
    """etcd holds the scope, and somebody leads in it."""
    if seen.absent is not None:
        means = "the recording would see neither leader nor members"
        yield bad("scope", CONFIGURATION, seen.absent, means, "set scope and namespace in [cluster]")
    if seen.cluster is None:
        return
    about, cluster = f"scope {seen.cluster.scope}", seen.cluster
    if cluster.leader is None:
        mend = "see what Patroni's logs say; `patronictl list` shows the members"
        yield note(about, "nobody holds the leader key", "the cluster has no primary at the moment", mend)
    else:
        times = ", ".join(f"{name} {cluster.config.get(name, '?')}" for name in ("ttl", "loop_wait", "retry_timeout"))
        yield well(about, f"{len(cluster.members)} members, {cluster.leader} leads; {times}")
    if cluster.config.get("pause"):
        means = "Patroni is in maintenance mode: a leader that dies is not replaced"
        yield note(about, "paused", means, "`patronictl resume`, if failovers are to be seen")


def named(seen: Seen, settings: Settings) -> Iterator[Finding]:
    """The members that the file names are those that etcd knows."""
    if seen.cluster is None:
        return
    known = ", ".join(seen.cluster.members)
    for section, members in (("patroni", settings.patroni.members), ("postgres", settings.postgres.members)):
        for name in members or {}:
            if name not in seen.cluster.members:
                yield bad(
                    f"[{section}] {name}",
                    CONFIGURATION,
                    f"etcd knows no member of that name (it knows {known})",
                    "what is seen there would be nobody's: roles and routes could not be put together",
                    f"name it in members of [{section}] as Patroni does",
                )
        for name in sorted(set(seen.cluster.members) - set(members or seen.cluster.members)):
            mend = f"add {name} to members of [{section}], or leave members out if etcd's addresses are reached here"
            yield note(f"[{section}] {name}", "not named", "this member is not looked at by that way", mend)


def rest(seen: Seen, settings: Settings) -> Iterator[Finding]:
    """Each member's REST API answers, and is that member's."""
    for name, member in seen.rest.items():
        about = f"REST of {name}"
        mend = f'start it, or set members = {{ {name} = "http://HOST:PORT" }} in [patroni]'
        if member.failure is not None and member.failure.error.startswith("the answer is not of Patroni"):
            means = "another service listens there"
            yield bad(about, CONFIGURATION, f"{member.url}: {member.failure.error}", means, mend)
        elif member.failure is not None:
            yield unanswered(
                f"{about}", member.failure.how, f"{member.url}: {member.failure.error}", mend, member.from_etcd
            )
        elif (wrong := _rest_of_another(name, member, seen)) is not None:
            yield wrong
        else:
            yield well(about, f"{member.role}, {member.state}, Patroni {member.version}")


def _rest_of_another(name: str, member: RestSeen, seen: Seen) -> Finding | None:
    about, cluster = f"REST of {name}", seen.cluster
    mend = f"correct the URL of {name} in members of [patroni]"
    if cluster is not None and member.scope not in (None, cluster.scope):
        means = "it is a member of another cluster"
        return bad(about, CONFIGURATION, f"{member.url} answers for the scope {member.scope}", means, mend)
    if cluster is not None and cluster.cluster_id and member.system not in (None, cluster.cluster_id):
        means = "its database is not this cluster's"
        return bad(about, CONFIGURATION, f"{member.url} answers for the database {member.system}", means, mend)
    other = member.name if member.name not in (None, name) else owner_by_address(name, member.url, seen)
    if other is not None:
        means = "a fault of one member would be seen as the other's"
        return bad(about, CONFIGURATION, f"{member.url} is answered by {other}", means, mend)
    return None


def owner_by_address(name: str, url: str, seen: Seen) -> str | None:
    """The other member that has this URL's or connection string's address in etcd; None where nobody else has."""
    if seen.cluster is None:
        return None
    owners = {
        netloc_of(address): owner
        for owner, found in seen.cluster.members.items()
        for address in (found.api_url, found.conn_url)
        if address
    }
    owner = owners.get(netloc_of(url) if "://" in url else url.rpartition("@")[2].partition("/")[0])
    return owner if owner != name else None


def sql(seen: Seen, settings: Settings) -> Iterator[Finding]:
    """Each member's PostgreSQL lets us in, and is that member's."""
    for name, member in seen.sql.items():
        about = f"SQL of {name}"
        if member.failure is not None:
            yield _sql_failed(name, member, member.failure)
        elif (wrong := _sql_of_another(name, member, seen)) is not None:
            yield wrong
        else:
            role = "replica" if member.in_recovery else "primary"
            yield well(about, f"{role}, PostgreSQL {member.version}")
        if member.failure is None and not member.monitors:
            means = "the timeline and the lag of replicas stay unknown"
            yield note(about, "the user may not read statistics", means, "GRANT pg_monitor TO it")


def _sql_failed(name: str, member: SqlSeen, failure: Failure) -> Finding:
    about = f"SQL of {name}"
    if failure.refused:
        means = "the server is there, and takes neither this user nor this password from here"
        mend = "set dsn in [postgres], or PGPASSWORD; or let this address in by pg_hba.conf"
        return bad(about, CREDENTIALS, f"{member.place}: {failure.error}", means, mend)
    mend = f'start it, or set members = {{ {name} = "host=HOST port=PORT" }} in [postgres]'
    return unanswered(about, failure.how, f"{member.place}: {failure.error}", mend, member.from_etcd)


def _sql_of_another(name: str, member: SqlSeen, seen: Seen) -> Finding | None:
    about, cluster = f"SQL of {name}", seen.cluster
    mend = f"correct the address of {name} in members of [postgres]"
    if cluster is not None and cluster.cluster_id and member.system not in (None, cluster.cluster_id):
        means = "its database is not this cluster's"
        return bad(about, CONFIGURATION, f"{member.place} holds the database {member.system}", means, mend)
    other = owner_by_address(name, member.place, seen) or _owner_by_start(name, member, seen)
    if other is not None:
        means = "a fault of one member would be seen as the other's"
        return bad(about, CONFIGURATION, f"{member.place} is the PostgreSQL of {other}", means, mend)
    return None


def _owner_by_start(name: str, member: SqlSeen, seen: Seen) -> str | None:
    """The other member whose REST API tells of exactly this start of PostgreSQL, where our own tells of another."""
    own = seen.rest.get(name)
    if own is None or own.started is None or own.started == member.started:
        return None
    found = [other for other, rest in seen.rest.items() if rest.started == member.started and other != name]
    return found[0] if len(found) == 1 else None


def roles(seen: Seen, settings: Settings) -> Iterator[Finding]:
    """Exactly one server takes writes, and etcd, REST and SQL mean the same one."""
    primaries = [name for name, member in seen.sql.items() if member.in_recovery is False]
    if len(primaries) > 1:
        means = "two primaries at once: writes to one of them will be lost"
        mend = "stop one of them, unless both addresses lead to the same server"
        yield bad("roles", CONFIGURATION, f"{' and '.join(primaries)} both take writes", means, mend)
    leader = seen.cluster.leader if seen.cluster is not None else None
    by_rest = [name for name, member in seen.rest.items() if member.role == "primary"]
    for way, found in (("SQL", primaries), ("REST", by_rest)):
        if leader is not None and len(found) == 1 and found[0] != leader:
            means = "names and addresses are mixed up, or a failover is going on at this moment"
            mend = f"check the addresses of {leader} and {found[0]}, then look again"
            yield bad("roles", CONFIGURATION, f"etcd says that {leader} leads, {way} that {found[0]} does", means, mend)


def versions(seen: Seen, settings: Settings) -> Iterator[Finding]:
    """Nothing is older than what observer was tried with, and the members agree."""
    told = {
        "etcd": {a: member.status.version for a, member in seen.etcd.items() if member.status is not None},
        "Patroni": {name: member.version for name, member in seen.rest.items() if member.version},
        "PostgreSQL": {name: member.version.split()[0] for name, member in seen.sql.items() if member.version},
    }
    for what, found in told.items():
        old = sorted({version for version in found.values() if _number(version) < OLDEST[what]})
        if old:
            oldest = ".".join(map(str, OLDEST[what]))
            means = f"observer was never tried with one before {oldest}: what it does not tell stays unknown"
            yield note(what, f"version {', '.join(old)}", means, "upgrade it, or mind what the report calls unknown")
        if len({_number(version) for version in found.values()}) > 1:
            listed = ", ".join(f"{name} {version}" for name, version in found.items())
            means = "members of different versions may behave differently in a failover"
            yield note(what, f"versions differ: {listed}", means, "finish the upgrade before measuring")


def _number(version: str) -> tuple[int, ...]:
    """The first two numbers of a version: "15.18" -> (15, 18), "3.4.23" -> (3, 4)."""
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2])


def clocks(seen: Seen, settings: Settings) -> Iterator[Finding]:
    """The clocks of the servers agree with ours."""
    for name, member in seen.sql.items():
        if member.failure is None and abs(member.ahead_s) > CLOCK_S + member.within_s:
            way = "ahead of" if member.ahead_s > 0 else "behind"
            yield note(
                f"clock of {name}",
                f"{abs(member.ahead_s):.0f} s {way} ours",
                "durations are not touched by it; its logs and this recording's UTC will not match",
                "let chrony or ntpd keep the time on both",
            )
    told = [member.ahead_s for member in seen.sql.values() if member.failure is None]
    if told and all(abs(ahead_s) <= CLOCK_S for ahead_s in told):
        yield well("clocks", f"within {max(map(abs, told)):.2f} s of ours")
