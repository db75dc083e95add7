"""Checks of etcd and of the members by REST and by SQL. Each check is a pure function of the observations."""

import re
from collections.abc import Iterator

from observer.config.settings import Settings
from observer.doctor.finding import Finding, ok, problem, unanswered
from observer.doctor.observations import Observations, RestObservation, SqlObservation, netloc_of

CLOCK_S = 1.0
OLDEST_TESTED = {"etcd": (3, 4), "Patroni": (3, 0), "PostgreSQL": (15, 0)}


def endpoints(observed: Observations, settings: Settings) -> Iterator[Finding]:
    """Check that each member of etcd answers, accepts the credentials, and has a leader."""
    for address, member in observed.etcd.items():
        component, failure = f"etcd {address}", member.failure
        if failure is not None and failure.refused:
            yield problem("etcd_refused", component, message=failure.message)
        elif failure is not None:
            remedy = "start this member of etcd, or correct endpoints in [etcd]"
            if failure.how == "closed" and settings.etcd.ca is None:
                remedy = "set ca in [etcd] if it requires TLS; else set endpoints to etcd's client port"
            elif settings.etcd.ca is not None:
                remedy = "leave out ca in [etcd] if it does not speak TLS; else check the files, or endpoints"
            yield unanswered(component, failure.how, failure.message, remedy)
        elif member.status is not None and not member.status.leader:
            yield problem("etcd_no_leader", component)
        elif member.status is not None:
            leads = ", leader" if member.status.leader == member.status.member else ""
            yield ok(component, f"{member.status.version}{leads}")


def one_etcd(observed: Observations, settings: Settings) -> Iterator[Finding]:
    """Check that all endpoints belong to one etcd cluster."""
    clusters: dict[int, list[str]] = {}
    for address, member in observed.etcd.items():
        if member.cluster is not None:
            clusters.setdefault(member.cluster, []).append(address)
    if len(clusters) < 2:
        return
    largest, *others = sorted(clusters.values(), key=len, reverse=True)
    for address in [address for found in others for address in found]:
        yield problem("etcd_other_cluster", f"etcd {address}", address=address, largest=", ".join(largest))


def scope(observed: Observations, settings: Settings) -> Iterator[Finding]:
    """Check that etcd has the scope, that the scope has a leader, and that Patroni is not paused."""
    if observed.absent is not None:
        yield problem("scope_absent", "scope", absent=observed.absent)
    if observed.cluster is None:
        return
    component, cluster = f"scope {observed.cluster.scope}", observed.cluster
    if cluster.leader is None:
        yield problem("no_leader_key", component)
    else:
        times = ", ".join(f"{name} {cluster.config.get(name, '?')}" for name in ("ttl", "loop_wait", "retry_timeout"))
        yield ok(component, f"{len(cluster.members)} members, leader {cluster.leader}; {times}")
    if cluster.config.get("pause"):
        yield problem("paused", component)


def member_names(observed: Observations, settings: Settings) -> Iterator[Finding]:
    """Check that the members of the configuration are those that etcd knows."""
    if observed.cluster is None:
        return
    known = ", ".join(observed.cluster.members)
    for section, members in (("patroni", settings.patroni.members), ("postgres", settings.postgres.members)):
        for name in members or {}:
            if name not in observed.cluster.members:
                yield problem("unknown_member", f"[{section}] {name}", known=known, section=section)
        for name in sorted(set(observed.cluster.members) - set(members or observed.cluster.members)):
            yield problem("missing_member", f"[{section}] {name}", name=name, section=section)


def rest(observed: Observations, settings: Settings) -> Iterator[Finding]:
    """Check that the REST API of each member answers and belongs to that member."""
    for name, member in observed.rest.items():
        component, failure = f"REST of {name}", member.failure
        remedy = f'start Patroni of {name}, or set members = {{ {name} = "http://HOST:PORT" }} in [patroni]'
        if failure is not None:
            message = f"{member.url}: {failure.message}"
            if failure.message.startswith("the answer is not Patroni's"):
                yield problem("rest_not_patroni", component, message=message, remedy=remedy)
            else:
                yield unanswered(component, failure.how, message, remedy, member.from_etcd)
        elif (mismatch := _rest_mismatch(name, member, observed)) is not None:
            yield mismatch
        else:
            yield ok(component, f"{member.role}, {member.state}, Patroni {member.version}")


def _rest_mismatch(name: str, member: RestObservation, observed: Observations) -> Finding | None:
    component, remedy = f"REST of {name}", f"correct the URL of {name} in members of [patroni]"
    if observed.cluster is not None and member.scope not in (None, observed.cluster.scope):
        return problem("rest_other_scope", component, url=member.url, scope=member.scope, remedy=remedy)
    other = member.name if member.name not in (None, name) else owner_by_address(name, member.url, observed)
    title = f"{member.url} is answered by {other}" if other is not None else None
    return _mismatch(component, member.url, member.system, observed, title, remedy)


def _mismatch(
    component: str, address: str, system: str | None, observed: Observations, title: str | None, remedy: str
) -> Finding | None:
    """Return the finding for an address of another cluster, or, with a `title`, of another member."""
    expected = observed.cluster.cluster_id if observed.cluster is not None else None
    if expected and system not in (None, expected):
        return problem("other_system", component, address=address, system=system, remedy=remedy)
    return None if title is None else problem("other_member", component, title=title, remedy=remedy)


def owner_by_address(name: str, url: str, observed: Observations) -> str | None:
    """Return the other member that has this address in etcd, None if no other member has it."""
    if observed.cluster is None:
        return None
    owners = {
        netloc_of(address): owner
        for owner, found in observed.cluster.members.items()
        for address in (found.api_url, found.conn_url)
        if address
    }
    owner = owners.get(netloc_of(url) if "://" in url else url.rpartition("@")[2].partition("/")[0])
    return owner if owner != name else None


def sql(observed: Observations, settings: Settings) -> Iterator[Finding]:
    """Check that the PostgreSQL of each member accepts the user, belongs to that member, and shows its statistics."""
    for name, member in observed.sql.items():
        component, failure = f"SQL of {name}", member.failure
        if failure is not None:
            message = f"{member.address}: {failure.message}"
            remedy = f'start PostgreSQL of {name}, or set members = {{ {name} = "host=HOST port=PORT" }} in [postgres]'
            if failure.refused:
                yield problem("sql_refused", component, message=message)
            else:
                yield unanswered(component, failure.how, message, remedy, member.from_etcd)
            continue
        if (mismatch := _sql_mismatch(name, member, observed)) is not None:
            yield mismatch
        else:
            yield ok(component, f"{'replica' if member.in_recovery else 'primary'}, PostgreSQL {member.version}")
        if not member.may_monitor:
            yield problem("sql_no_statistics", component)


def _sql_mismatch(name: str, member: SqlObservation, observed: Observations) -> Finding | None:
    other = owner_by_address(name, member.address, observed) or _owner_by_start(name, member, observed)
    title = f"{member.address} is the PostgreSQL of {other}" if other is not None else None
    remedy = f"correct the address of {name} in members of [postgres]"
    return _mismatch(f"SQL of {name}", member.address, member.system, observed, title, remedy)


def _owner_by_start(name: str, member: SqlObservation, observed: Observations) -> str | None:
    """Return the only other member whose REST API reports this server's start time, if that of `name` does not."""
    own = observed.rest.get(name)
    if own is None or own.started is None or own.started == member.started:
        return None
    found = [other for other, rest in observed.rest.items() if rest.started == member.started and other != name]
    return found[0] if len(found) == 1 else None


def roles(observed: Observations, settings: Settings) -> Iterator[Finding]:
    """Check that one server accepts writes, and that etcd, REST and SQL agree on it."""
    primaries = [name for name, member in observed.sql.items() if member.in_recovery is False]
    if len(primaries) > 1:
        yield problem("two_primaries", "roles", members=" and ".join(primaries))
    leader = observed.cluster.leader if observed.cluster is not None else None
    by_rest = [name for name, member in observed.rest.items() if member.role == "primary"]
    for source, found in (("SQL", primaries), ("REST", by_rest)):
        if leader is not None and len(found) == 1 and found[0] != leader:
            yield problem("leaders_differ", "roles", leader=leader, primary=found[0], source=source)


def versions(observed: Observations, settings: Settings) -> Iterator[Finding]:
    """Check that no version is older than those that observer was tested with, and that the members agree."""
    by_product = {
        "etcd": {a: member.status.version for a, member in observed.etcd.items() if member.status is not None},
        "Patroni": {name: member.version for name, member in observed.rest.items() if member.version},
        "PostgreSQL": {name: member.version.split()[0] for name, member in observed.sql.items() if member.version},
    }
    for product, found in by_product.items():
        old = sorted({version for version in found.values() if _number(version) < OLDEST_TESTED[product]})
        if old:
            oldest = ".".join(map(str, OLDEST_TESTED[product]))
            yield problem("untested_version", product, versions=", ".join(old), oldest=oldest)
        if len({_number(version) for version in found.values()}) > 1:
            listed = ", ".join(f"{name} {version}" for name, version in found.items())
            yield problem("versions_differ", product, versions=listed)


def _number(version: str) -> tuple[int, ...]:
    """Return the first two numbers of a version: "15.18" -> (15, 18), "3.4.23" -> (3, 4)."""
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2])


def clocks(observed: Observations, settings: Settings) -> Iterator[Finding]:
    """Check that the clocks of the servers agree with that of this machine."""
    servers = {name: member for name, member in observed.sql.items() if member.failure is None}
    for name, member in servers.items():
        if abs(member.ahead_s) > CLOCK_S + member.within_s:
            direction = "ahead of" if member.ahead_s > 0 else "behind"
            yield problem("clock_differs", f"clock of {name}", seconds=abs(member.ahead_s), direction=direction)
    ahead_s = [abs(member.ahead_s) for member in servers.values()]
    if ahead_s and max(ahead_s) <= CLOCK_S:
        yield ok("clocks", f"within {max(ahead_s):.2f} s of this machine's clock")
