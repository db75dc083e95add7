"""Checks of etcd and of the members by REST and by SQL. Each check is a pure function of the observations."""

import re
from collections.abc import Iterator

from observer.config.settings import Settings
from observer.doctor.finding import CONFIGURATION, CREDENTIALS, NOTHING_ANSWERS, Finding, error, note, ok, unanswered
from observer.doctor.observations import Failure, Observations, RestObservation, SqlObservation, netloc_of

CLOCK_S = 1.0
OLDEST_TESTED = {"etcd": (3, 4), "Patroni": (3, 0), "PostgreSQL": (15, 0)}


def endpoints(observed: Observations, settings: Settings) -> Iterator[Finding]:
    """Check that each member of etcd answers, accepts the credentials, and has a leader."""
    for address, member in observed.etcd.items():
        component, failure = f"etcd {address}", member.failure
        if failure is not None and failure.refused:
            meaning = "etcd requires a user, or does not accept this user and password"
            yield error(component, CREDENTIALS, failure.message, meaning, "set user and password in [etcd]")
        elif failure is not None:
            remedy = "start this member of etcd, or correct endpoints in [etcd]"
            if failure.how == "closed" and settings.etcd.ca is None:
                remedy = "set ca in [etcd] if it requires TLS; else set endpoints to etcd's client port"
            elif settings.etcd.ca is not None:
                remedy = "leave out ca in [etcd] if it does not speak TLS; else check the files, or endpoints"
            yield unanswered(component, failure.how, failure.message, remedy)
        elif member.status is not None and not member.status.leader:
            meaning = "this member of etcd has no quorum, so Patroni cannot elect a leader"
            remedy = "start the other members of etcd, or repair the network between them"
            yield error(component, NOTHING_ANSWERS, "etcd has no leader", meaning, remedy)
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
        yield error(
            f"etcd {address}",
            CONFIGURATION,
            f"it belongs to another etcd cluster than {', '.join(largest)}",
            "the recording would mix the data of two clusters",
            f"leave {address} out of endpoints in [etcd]",
        )


def scope(observed: Observations, settings: Settings) -> Iterator[Finding]:
    """Check that etcd has the scope, that the scope has a leader, and that Patroni is not paused."""
    if observed.absent is not None:
        meaning = "the recording would have neither leader nor members"
        yield error("scope", CONFIGURATION, observed.absent, meaning, "set scope and namespace in [cluster]")
    if observed.cluster is None:
        return
    component, cluster = f"scope {observed.cluster.scope}", observed.cluster
    if cluster.leader is None:
        remedy = "read Patroni's logs; `patronictl list` shows the members"
        yield note(component, "no member has the leader key", "the cluster has no primary at the moment", remedy)
    else:
        times = ", ".join(f"{name} {cluster.config.get(name, '?')}" for name in ("ttl", "loop_wait", "retry_timeout"))
        yield ok(component, f"{len(cluster.members)} members, leader {cluster.leader}; {times}")
    if cluster.config.get("pause"):
        meaning = "Patroni is in maintenance mode and will not replace a leader that fails"
        yield note(component, "paused", meaning, "run `patronictl resume` to allow failovers")


def member_names(observed: Observations, settings: Settings) -> Iterator[Finding]:
    """Check that the members of the configuration are those that etcd knows."""
    if observed.cluster is None:
        return
    known = ", ".join(observed.cluster.members)
    for section, members in (("patroni", settings.patroni.members), ("postgres", settings.postgres.members)):
        for name in members or {}:
            if name not in observed.cluster.members:
                yield error(
                    f"[{section}] {name}",
                    CONFIGURATION,
                    f"etcd has no member of that name (it knows {known})",
                    "its data could not be matched to a member, so roles and routes would be missing",
                    f"name it in members of [{section}] as Patroni does",
                )
        for name in sorted(set(observed.cluster.members) - set(members or observed.cluster.members)):
            remedy = f"add {name} to members of [{section}], or leave members out if this machine reaches the addresses"
            meaning = "observer will not poll this member there"
            yield note(f"[{section}] {name}", "missing in members", meaning, f"{remedy} in etcd")


def rest(observed: Observations, settings: Settings) -> Iterator[Finding]:
    """Check that the REST API of each member answers and belongs to that member."""
    for name, member in observed.rest.items():
        component, failure = f"REST of {name}", member.failure
        remedy = f'start Patroni of {name}, or set members = {{ {name} = "http://HOST:PORT" }} in [patroni]'
        if failure is not None and failure.message.startswith("the answer is not Patroni's"):
            meaning = "another service listens there"
            yield error(component, CONFIGURATION, f"{member.url}: {failure.message}", meaning, remedy)
        elif failure is not None:
            message = f"{member.url}: {failure.message}"
            yield unanswered(component, failure.how, message, remedy, member.from_etcd)
        elif (mismatch := _rest_mismatch(name, member, observed)) is not None:
            yield mismatch
        else:
            yield ok(component, f"{member.role}, {member.state}, Patroni {member.version}")


def _rest_mismatch(name: str, member: RestObservation, observed: Observations) -> Finding | None:
    component, remedy = f"REST of {name}", f"correct the URL of {name} in members of [patroni]"
    if observed.cluster is not None and member.scope not in (None, observed.cluster.scope):
        foreign = f"{member.url} belongs to the scope {member.scope}"
        return error(component, CONFIGURATION, foreign, "it is a member of another cluster", remedy)
    other = member.name if member.name not in (None, name) else owner_by_address(name, member.url, observed)
    title = f"{member.url} is answered by {other}" if other is not None else None
    return _mismatch(component, member.url, member.system, observed, title, remedy)


def _mismatch(
    component: str, address: str, system: str | None, observed: Observations, title: str | None, remedy: str
) -> Finding | None:
    """Return the finding for an address of another cluster, or, with a `title`, of another member."""
    expected = observed.cluster.cluster_id if observed.cluster is not None else None
    if expected and system not in (None, expected):
        meaning = "its system identifier is not that of this cluster"
        return error(component, CONFIGURATION, f"{address} belongs to the database system {system}", meaning, remedy)
    meaning = "a fault of one member would be recorded as a fault of the other"
    return None if title is None else error(component, CONFIGURATION, title, meaning, remedy)


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
        component = f"SQL of {name}"
        if member.failure is not None:
            yield _sql_failure(name, member, member.failure)
        elif (mismatch := _sql_mismatch(name, member, observed)) is not None:
            yield mismatch
        else:
            yield ok(component, f"{'replica' if member.in_recovery else 'primary'}, PostgreSQL {member.version}")
        if member.failure is None and not member.may_monitor:
            meaning = "PostgreSQL's timeline and the lag of replicas stay unknown"
            yield note(component, "the user may not read statistics", meaning, "GRANT pg_monitor TO the user")


def _sql_failure(name: str, member: SqlObservation, failure: Failure) -> Finding:
    component, message = f"SQL of {name}", f"{member.address}: {failure.message}"
    if failure.refused:
        meaning = "the server answers and accepts neither this user nor this password from this machine"
        remedy = "set dsn in [postgres], or PGPASSWORD; or allow this address in pg_hba.conf"
        return error(component, CREDENTIALS, message, meaning, remedy)
    remedy = f'start PostgreSQL of {name}, or set members = {{ {name} = "host=HOST port=PORT" }} in [postgres]'
    return unanswered(component, failure.how, message, remedy, member.from_etcd)


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
        meaning = "there are two primaries: the writes of one of them will be lost"
        remedy = "stop one of them, unless both addresses lead to the same server"
        yield error("roles", CONFIGURATION, f"{' and '.join(primaries)} accept writes", meaning, remedy)
    leader = observed.cluster.leader if observed.cluster is not None else None
    by_rest = [name for name, member in observed.rest.items() if member.role == "primary"]
    for source, found in (("SQL", primaries), ("REST", by_rest)):
        if leader is not None and len(found) == 1 and found[0] != leader:
            title = f"the leader is {leader} in etcd, and the primary is {found[0]} by {source}"
            meaning = "names and addresses are mixed up, or a failover is under way"
            remedy = f"check the addresses of {leader} and {found[0]}, then run `observer doctor` again"
            yield error("roles", CONFIGURATION, title, meaning, remedy)


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
            meaning = f"observer was not tested with a version before {oldest}; some data may be missing"
            yield note(product, f"version {', '.join(old)}", meaning, "upgrade it, or expect unknowns in the report")
        if len({_number(version) for version in found.values()}) > 1:
            listed = ", ".join(f"{name} {version}" for name, version in found.items())
            meaning = "members of different versions may behave differently in a failover"
            yield note(product, f"versions differ: {listed}", meaning, "finish the upgrade before measuring")


def _number(version: str) -> tuple[int, ...]:
    """Return the first two numbers of a version: "15.18" -> (15, 18), "3.4.23" -> (3, 4)."""
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2])


def clocks(observed: Observations, settings: Settings) -> Iterator[Finding]:
    """Check that the clocks of the servers agree with that of this machine."""
    servers = {name: member for name, member in observed.sql.items() if member.failure is None}
    for name, member in servers.items():
        if abs(member.ahead_s) > CLOCK_S + member.within_s:
            yield note(
                f"clock of {name}",
                f"{abs(member.ahead_s):.0f} s {'ahead of' if member.ahead_s > 0 else 'behind'} this machine's clock",
                "durations stay correct; its logs will not match the UTC times of the recording",
                "synchronize both clocks with chrony or ntpd",
            )
    ahead_s = [abs(member.ahead_s) for member in servers.values()]
    if ahead_s and max(ahead_s) <= CLOCK_S:
        yield ok("clocks", f"within {max(ahead_s):.2f} s of this machine's clock")
