"""Whether the cluster takes writes while its proxy does not: one small write to each member, directly."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from observer.model.recording import Event, Window
from observer.postgres.persistent import PersistentConnection
from observer.postgres.session import NoAnswer
from observer.sources.postgres import direct_dsn

# A message in the write-ahead log: a transaction that is written, flushed and acknowledged like any other, and that
# touches no table. Only a primary takes it.
WRITE = (
    "select pg_is_in_recovery(), "
    "case when not pg_is_in_recovery() then (pg_logical_emit_message(true, 'observer', 'direct'))::text end"
)


def prove(
    members: Mapping[str, str],
    credentials: str,
    deadline_ms: int,
    record: Callable[[Event], None],
    now_ns: Callable[[], int],
) -> bool:
    """Records write.proved for the member that took a direct write; `members` are connection strings by name."""
    for member, dsn in sorted(members.items()):
        kept, began_ns = PersistentConnection(direct_dsn(dsn, credentials), deadline_ms, now_ns), now_ns()
        try:
            in_recovery, lsn = kept.ask(WRITE)[0]
        except NoAnswer:
            continue
        finally:
            kept.close()
        if not in_recovery:
            record(Event("daemon", "write.proved", member, Window(began_ns, now_ns()), {"lsn": lsn}))
    return True
