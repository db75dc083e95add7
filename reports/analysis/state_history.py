"""The states of a recording over time: roles, routes, quorum, connection limits, leaders, promotions."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from observer.model.findings import Leadership
from observer.model.recording import Event
from reports.analysis.index import Index
from reports.analysis.leadership import says_primary
from reports.analysis.results.recording import ConnectionLimit, LeaderPeriod, Period, Promotion

AWAY = "away"


def roles(index: Index) -> tuple[Period, ...]:
    """Return the roles of each member, in order of the members.

    They come from direct SQL, or from Patroni if no PostgreSQL was polled. A member that becomes reachable again has
    its last role until it reports another one.
    """
    polled = {event.source for event in index.of_kinds("member.changed")}
    source = "postgres" if "postgres" in polled else "patroni"
    role: dict[str, str] = {}

    def state(event: Event) -> str | None:
        if event.source != source:
            return None
        if event.kind == "source.blind":
            return AWAY
        primary = says_primary(event) if event.kind == "member.changed" else None
        if primary is not None:
            role[event.subject] = "primary" if primary else "replica"
        return role.get(event.subject) if primary is not None or event.kind == "source.sees" else None

    return tuple(_periods(index, ("member.changed", "source.blind", "source.sees"), state))


def routes(index: Index) -> tuple[Period, ...]:
    """Return when each pool routed to each of its servers."""
    periods = _periods(index, ("route.up", "route.down"), lambda event: event.kind.rpartition(".")[2])
    return tuple(period for period in periods if period.what == "up")


def quorum_losses(index: Index) -> tuple[Period, ...]:
    """Return when etcd had no leader: as its members reported, or inferred if a majority did not answer."""
    periods = _periods(index, ("quorum.lost", "quorum.regained"), lambda event: event.kind.rpartition(".")[2])
    return tuple(period for period in periods if period.what == "lost")


def connection_limits(index: Index) -> tuple[ConnectionLimit, ...]:
    """Return when a proxy was at its connection limit."""
    periods: list[Any] = _periods(
        index, ("proxy.full", "proxy.room"), lambda e: (e.kind, e.detail.get("sessions"), e.detail.get("limit"))
    )
    return tuple(
        ConnectionLimit(one.subject, one.what[1], one.what[2], one.from_ns, one.to_ns, one.event_id, one.until_id)
        for one in periods
        if one.what[0] == "proxy.full"
    )


def _periods(index: Index, kinds: Sequence[str], state: Callable[[Event], Any]) -> list[Period]:
    """Return how long each subject was in each state, by subject. `state` None: the event shows no state."""
    found: list[Period] = []
    since: dict[str, tuple[Any, int, int | None]] = {}
    for event in index.of_kinds(*kinds):
        what, began = state(event), since.get(event.subject)
        if what is None or (began is not None and began[0] == what):
            continue
        if began is not None and began[1] < event.by_ns:
            found.append(Period(event.subject, began[0], began[1], event.by_ns, began[2], event.id))
        since[event.subject] = what, event.by_ns, event.id
    found += (Period(subject, own[0], own[1], index.end_ns, own[2], None) for subject, own in since.items())
    return sorted(found, key=lambda period: period.subject)


def leader_periods(index: Index, roles: Iterable[Period]) -> tuple[LeaderPeriod, ...]:
    """Return the period of each leader, with its timelines and with the periods in which it was a replica again."""
    header = index.recording.header
    return tuple(
        LeaderPeriod(
            member=led.member,
            timeline=led.timeline,
            timelines=_timelines(index, led),
            from_ns=led.from_ns,
            to_ns=led.until_ns,
            from_utc=header.utc(led.from_ns).isoformat(),
            demoted=_demoted(roles, led),
        )
        for led in index.leaderships
    )


def _timelines(index: Index, led: Leadership) -> tuple[int, ...]:
    until_ns = index.end_ns if led.until_ns is None else led.until_ns
    reported = {
        event.detail["timeline"]
        for event in index.events_of("member.changed", led.member)
        if event.source == "postgres" and led.from_ns <= event.by_ns <= until_ns
        if event.detail.get("in_recovery") is False and isinstance(event.detail.get("timeline"), int)
    }
    return tuple(sorted(reported | ({led.timeline} if led.timeline is not None else set())))


def _demoted(roles: Iterable[Period], led: Leadership) -> tuple[Period, ...]:
    until_ns = led.until_ns
    own = [r for r in roles if r.subject == led.member and r.to_ns > led.from_ns]
    own = [r for r in own if until_ns is None or r.from_ns < until_ns]
    first = next((i for i, role in enumerate(own) if role.what == "primary"), len(own))
    # The key is lost before the role is seen to change, so a replica's period that goes on is the next leader's.
    return tuple(r for r in own[first:] if r.what == "replica" and (until_ns is None or r.to_ns <= until_ns))


def promotions(index: Index) -> tuple[Promotion, ...]:
    """Return the first report of each timeline of each primary, in order of time."""
    found: dict[tuple[str, int], Promotion] = {}
    for event in index.of_kinds("log.told", "member.changed"):
        timeline = event.detail.get("timeline")
        if event.kind == "log.told" and event.detail.get("says") == "new_timeline":
            timeline = int(str(timeline))
        elif event.kind == "log.told" or not says_primary(event) or not isinstance(timeline, int):
            continue
        found.setdefault((event.subject, timeline), Promotion(event.subject, timeline, event.by_ns, event.id))
    return tuple(found.values())


def observer_suspended(index: Index) -> tuple[Period, ...]:
    """Return when the observer itself did not run."""
    return tuple(_window(event, "slept") for event in index.of_kinds("observer.slept") if event.source == "daemon")


def direct_writes(index: Index) -> tuple[Period, ...]:
    """Return the direct writes that were acknowledged while a proxy was down."""
    return tuple(_window(event, "written") for event in index.of_kinds("write.proved"))


def _window(event: Event, what: str) -> Period:
    return Period(event.subject, what, event.window.after_ns, event.by_ns, event.id, None)
