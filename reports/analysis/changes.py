"""What changed between two reports of a source on a member, and which server of a proxy is which member."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from observer.model.recording import Event, Recording
from reports.analysis.leadership import says_primary


@dataclass(frozen=True, slots=True)
class Change:
    """A `member.changed` and the one before it from the same source; `before` None: the first.

    `ran_since` is the start time of PostgreSQL that the source reported last: a server that is starting reports none.
    """

    event: Event
    before: Event | None
    ran_since: Any = None

    @property
    def role(self) -> tuple[bool, bool] | None:
        """Return whether the member was a primary before and after, if that changed."""
        if self.before is None:
            return None
        before, after = says_primary(self.before), says_primary(self.event)
        return None if before is None or after is None or before == after else (before, after)

    @property
    def left_running(self) -> bool:
        """Return whether the member reported that it was running, and now reports another state."""
        if self.before is None or self.event.detail.get("deleted"):
            return False
        state = self.event.detail.get("state")
        return is_running(self.before.detail.get("state")) and state is not None and not is_running(state)

    @property
    def restarted(self) -> bool:
        """Return whether the start time of the member's PostgreSQL changed."""
        after = started(self.event)
        return self.ran_since is not None and after is not None and after != self.ran_since


def started(event: Event) -> Any:
    """Return the start time of PostgreSQL, as the source writes it; None: it does not report one."""
    return event.detail.get("postmaster_start_time") or event.detail.get("started")


def is_running(state: Any) -> bool:
    """Return whether a state of Patroni means that PostgreSQL serves. A replica of Patroni 4 reports "streaming"."""
    return state in ("running", "streaming", "in archive recovery")


def changes(recording: Recording) -> tuple[Change, ...]:
    """Return every `member.changed` with the one before it."""
    last: dict[tuple[str, str], Event] = {}
    since: dict[tuple[str, str], Any] = {}
    found: list[Change] = []
    for event in recording.events:
        key = (event.source, event.subject)
        if event.kind == "member.changed":
            found.append(Change(event, last.get(key), since.get(key)))
            last[key] = event
            since[key] = started(event) or since.get(key)
    return tuple(found)


def addresses(recording: Recording) -> Mapping[str, str]:
    """Return the member by address ("host:port"), as etcd, the settings and PostgreSQL itself report it."""
    known: dict[str, str] = {}
    for event in recording.events:
        if event.kind == "identity.learned" and isinstance(event.detail.get("address"), str):
            known[event.detail["address"]] = event.subject
        if event.kind == "member.changed" and isinstance(event.detail.get("conn_url"), str):
            known[event.detail["conn_url"].partition("://")[2].partition("/")[0].rpartition("@")[2]] = event.subject
    return known


def members(recording: Recording) -> frozenset[str]:
    """Return the names of all members that etcd, Patroni or PostgreSQL reports."""
    reports = [e for e in recording.events if e.source in ("etcd", "patroni", "postgres")]
    named = {e.subject for e in reports if e.kind in ("member.changed", "leader.seen", "leader.elected")}
    polled = {e.subject for e in recording.events if e.source in ("patroni", "postgres") and e.kind == "source.blind"}
    return frozenset(named | polled)


def member_of(route: Event, names: frozenset[str], known: Mapping[str, str]) -> str:
    """Return the member behind a server of a proxy: by its name, then by its address; else the server's own name."""
    server = str(route.detail.get("server") or route.subject.rpartition("/")[2])
    if server in names:
        return server
    address = route.detail.get("address")
    return known.get(address, server) if isinstance(address, str) else server
