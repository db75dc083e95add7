"""Small writes to each member directly while HAProxy does not answer, to see if the cluster still accepts writes."""

from collections.abc import Callable, Mapping

from observer.config.access import has_traffic, postgres_credentials
from observer.config.settings import Settings
from observer.model.recording import Event, Window
from observer.postgres.persistent import PersistentConnection
from observer.postgres.session import NoAnswer
from observer.sources.postgres import direct_dsn

# A message in the WAL is a transaction that is written, flushed and acknowledged like any other, but changes no table.
# Only a primary accepts it.
WRITE = (
    "select pg_is_in_recovery(), "
    "case when not pg_is_in_recovery() then (pg_logical_emit_message(true, 'observer', 'direct'))::text end"
)


def write_directly(
    settings: Settings, members: Mapping[str, str], record: Callable[[Event], None], now_ns: Callable[[], int]
) -> None:
    """Record write.proved for each member that accepts a direct write.

    `members` are connection strings by name. Do nothing if the recording sends no traffic.
    """
    if not has_traffic(settings):
        return
    credentials, deadline_ms = postgres_credentials(settings), settings.traffic.deadline_ms
    for member, dsn in sorted(members.items()):
        connection, began_ns = PersistentConnection(direct_dsn(dsn, credentials), deadline_ms, now_ns), now_ns()
        try:
            in_recovery, lsn = connection.ask(WRITE)[0]
        except NoAnswer:
            continue
        finally:
            connection.close()
        if not in_recovery:
            record(Event("daemon", "write.proved", member, Window(began_ns, now_ns()), {"lsn": lsn}))
