"""The first operation that a server answered through a proxy that had been away: it shows the proxy's return."""

from __future__ import annotations

from collections.abc import Iterator

from observer.model.recording import Operation, Outcome, Window
from reports.analysis.incident_context import IncidentContext

# A server's own codes; those of class 08 are of the connection, which others tell of as well.
CONNECTION = "08"


def answered(operation: Operation) -> bool:
    """Whether a server answered, be it with an error: only then did the way through the proxy work."""
    state = operation.sqlstate
    return operation.outcome is Outcome.OK or (state is not None and not state.startswith(CONNECTION))


def answered_again(context: IncidentContext) -> tuple[Operation, Window] | None:
    """The first answer on a connection that was made since the proxy was seen away, and between when it came back.

    None: nobody saw it away, or nobody got an answer in the incident.
    """
    began = [spell.began_ns for spell in context.spells("haproxy")]
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
    """Those that were answered on a new connection: a proxy that is asked to stop still serves those that it has."""
    failed: set[tuple[str, str]] = set()
    for one in sorted(operations, key=lambda o: o.finished_ns):
        if not answered(one):
            failed.add((one.action, one.probe))
        elif one.probe == "fresh" or (one.action, one.probe) in failed:
            yield one
