"""The first operation that a server answered through a proxy that had been away: it shows the proxy's return."""

from __future__ import annotations

from collections.abc import Iterator

from observer.model.recording import NEW, Operation, Outcome, Window
from reports.analysis.incident_context import IncidentContext

# The class of SQLSTATEs of the connection, which the client library raises as well; all others are a server's own.
CONNECTION = "08"


def answered(operation: Operation) -> bool:
    """Return whether a server answered, even with an error: only then did the route through the proxy work."""
    state = operation.sqlstate
    return operation.outcome is Outcome.OK or (state is not None and not state.startswith(CONNECTION))


def answered_again(context: IncidentContext) -> tuple[Operation, Window] | None:
    """Return the first answer on a connection made since the proxy went away, and the window of the proxy's return.

    None: the proxy was not seen away, or no operation of the incident got an answer.
    """
    began = [one.began_ns for one in context.unreachable("haproxy")]
    if not began or not context.outages:
        return None
    until_ns = max(context.until_ns, *(outage.ended_ns for outage in context.outages))
    own = [o for o in context.index.recording.between(min(began), until_ns) if o.started_ns >= min(began)]
    first = next(_on_new_connections(own), None)
    if first is None:
        return None
    failed = [o.started_ns for o in own if not answered(o) and o.started_ns < first.started_ns]
    return first, Window(max(failed, default=min(began)), first.finished_ns)


def _on_new_connections(operations: list[Operation]) -> Iterator[Operation]:
    """Yield operations answered on a new connection: a proxy that is asked to stop still serves the open ones."""
    failed: set[tuple[str, str]] = set()
    for one in sorted(operations, key=lambda o: o.finished_ns):
        if not answered(one):
            failed.add((one.action, one.probe))
        elif one.probe == NEW or (one.action, one.probe) in failed:
            yield one
