"""SQL that sources and traffic share."""

from __future__ import annotations

# pg_control_checkpoint() lags behind a promotion. On a replica only the WAL receiver shows the timeline, and only to a
# user that may read statistics; to others it is unknown.
CURRENT_TIMELINE = """CASE WHEN pg_is_in_recovery() THEN (SELECT received_tli FROM pg_stat_wal_receiver)
 ELSE ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int END"""
