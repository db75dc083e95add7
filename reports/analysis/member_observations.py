"""What each source observed of a member around an incident: Patroni's REST API, direct SQL and etcd."""

from __future__ import annotations

from dataclasses import dataclass

from observer.model.findings import Unreachable
from observer.model.recording import Event

# How a poll fails if nothing listens, and if there is no route to the member.
SHUT = ("refused", "closed", "error")
UNREACHED = ("unreachable", "connect_timeout")


@dataclass(frozen=True, slots=True)
class MemberObservations:
    """What was observed of one member around an incident.

    `rest`, `sql`: the period in which Patroni's REST API, or PostgreSQL by direct SQL, was unreachable. If there is
    none, `rest_observed`, `sql_observed`: it was reachable when the member went away, and went on answering.
    `expired`: the events that show that its lease ran out. `stopping`: the event in which it reported that it stops.
    `ran_on`: an event that shows that the member ran throughout, though neither answered. `paused`: the last report of
    Patroni before, if it was in pause mode then.
    """

    member: str
    rest: Unreachable | None
    rest_observed: bool
    sql: Unreachable | None
    sql_observed: bool
    sql_primary: Event | None
    leader_lost: Event | None
    expired: tuple[Event, ...]
    key_lost: Event | None
    stopping: Event | None
    restarted: Event | None
    ran_on: Event | None
    paused: Event | None

    @property
    def address_gone(self) -> bool:
        """Return whether REST was refused first, and then there was no route to PostgreSQL.

        This is a container that is killed: its address goes too, some hundredths of a second later.
        """
        if self.rest is None or self.sql is None or self.rest.how != "refused":
            return False
        if self.sql.how not in ("silent", *UNREACHED):
            return False
        return any(event.detail.get("how") in UNREACHED for event in self.sql.failures)

    @property
    def refused_first(self) -> bool:
        """Return whether SQL was refused first, though there was no route to REST: the same container, polled later."""
        return (
            self.rest is not None and self.rest.how in UNREACHED and self.sql is not None and self.sql.how == "refused"
        )
