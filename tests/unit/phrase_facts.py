"""Every phrase key of the analysis, with the facts that fill its phrase.

Fields, wherever they occur: `at_s` is seconds since the recording began; `member`, `endpoint`, `proxy`, `server`,
`pool` are names; `how` is how a poll failed ("refused", "unreachable", "connect_timeout", "silent", "closed",
"error", "unresolved"); `seconds` is a duration; `action` is "write" or "read". None: unknown.
"""

from __future__ import annotations

from collections.abc import Mapping

EVIDENCE: Mapping[str, tuple[str, ...]] = {
    "evidence.lease_expired": ("member", "at_s", "revision"),  # leader and members/X went at one revision
    "evidence.leader_key_deleted": ("member", "at_s"),  # the leader key alone
    "evidence.leader_key_taken": ("member", "at_s"),
    "evidence.leader_key_kept": ("member",),
    "evidence.member_key_lost": ("member", "at_s"),
    "evidence.member_state": ("member", "state", "at_s"),  # that the member reported: stopping, stopped, ...
    "evidence.failover_asked": ("leader", "candidate", "at_s"),
    "evidence.rest_failed": ("member", "how", "at_s"),
    "evidence.rest_answers": ("member", "at_s"),
    "evidence.rest_role": ("member", "role", "at_s"),
    "evidence.sql_failed": ("member", "how", "at_s"),
    "evidence.sql_primary": ("member", "at_s"),  # direct SQL answers, not in recovery
    "evidence.sql_replica": ("member", "at_s"),
    "evidence.postgres_started": ("member", "at_s"),  # with a new start time
    "evidence.ran_on": ("member", "at_s"),  # it ran, though no source reached it
    "evidence.paused": ("member", "at_s"),  # pause mode: Patroni may be restarted and leaves its PostgreSQL alone
    "evidence.demoted": ("member", "at_s"),
    "evidence.etcd_failed": ("endpoint", "how", "at_s"),
    "evidence.quorum_lost": ("at_s",),
    "evidence.quorum_gone": ("at_s",),  # inferred: most members did not answer
    "evidence.quorum_kept": (),  # no row shows a loss
    "evidence.quorum_regained": ("at_s",),
    "evidence.quorum_elected": ("endpoint", "before", "term", "at_s"),  # terms of etcd, before and after
    "evidence.quorum_answers": ("at_s",),  # most members answer again; no election was reported
    "evidence.raft_elected": ("endpoint", "at_s"),
    "evidence.failsafe": ("member",),
    "evidence.proxy_failed": ("proxy", "how", "at_s"),
    "evidence.proxy_back": ("proxy", "at_s"),
    "evidence.proxy_answered": ("action", "server", "at_s"),  # a server answered through it again
    "evidence.proxy_restarted": ("proxy", "at_s"),
    "evidence.proxy_full": ("proxy", "sessions", "limit", "at_s"),
    "evidence.proxy_room": ("proxy", "at_s"),
    "evidence.route_up": ("pool", "server", "at_s"),
    "evidence.route_down": ("pool", "server", "check_status", "at_s"),
    "evidence.last_acknowledged": ("action", "server", "at_s"),
    "evidence.first_acknowledged": ("action", "server", "at_s"),
    "evidence.operations_failed": ("action", "count", "message", "at_s"),
    "evidence.many_failed": ("action", "count", "message", "at_s"),  # its rows are the first and the last
    "evidence.no_failure": ("action", "ok"),
    "evidence.stable": ("at_s",),  # 5 s have passed without a failure
    "evidence.streaming": ("member", "replicas", "at_s"),
    "evidence.timeline_older": ("member", "timeline", "leader", "newer", "at_s"),
    "evidence.two_primaries": ("members", "seconds", "at_s"),
    "evidence.observer_slept": ("seconds", "at_s"),
    "evidence.nothing_else": ("member",),  # unknown cause: nothing else changed, every source answered
    "evidence.seen": ("source", "kind", "subject", "at_s"),  # unknown cause: any other event
    "evidence.recording_ended": ("at_s",),
}

REASONS: Mapping[str, tuple[str, ...]] = {
    "reason.lease_expired": ("member",),  # the key was not released: it expired
    "reason.lease_not_expired": ("member",),  # the leader key was released, the member's own key stayed
    "reason.leader_key_kept": ("member",),
    "reason.leader_key_changed": ("member",),
    "reason.full_since_key": ("member",),  # the loss of the leader filled the proxy
    "reason.no_failover_asked": (),
    "reason.failover_asked": ("at_s",),
    "reason.leader_named": ("leader",),  # the request names the leader: a switchover, no manual failover
    "reason.no_leader_named": (),
    "reason.rest_how": ("member", "how"),  # the first poll of REST failed in another way
    "reason.rest_answers": ("member",),
    "reason.rest_not_observed": ("member",),
    "reason.rest_accepts": ("member",),  # REST went on accepting connections, so Patroni ran
    "reason.sql_how": ("member", "how"),
    "reason.sql_primary": ("member",),  # its PostgreSQL went on as a primary
    "reason.ran_on": ("member",),  # it ran, though no source reached it
    "reason.said_stopped": ("member", "state"),
    "reason.not_said_stopped": ("member",),
    "reason.crashed_first": ("member",),  # the key was released because PostgreSQL was gone
    "reason.quorum_kept": (),
    "reason.quorum_lost": ("at_s",),
    "reason.proxy_how": ("proxy", "how"),
    "reason.proxy_refused": ("proxy",),  # a frozen proxy would have accepted the connection
    "reason.traffic_passed": ("at_s",),  # an operation was acknowledged while the proxy would have been away
    "reason.outage_unexplained": ("action", "seconds"),  # the cause is harmless, the outage is not
    "reason.operations_failed": ("count",),
    "reason.endpoint_down": ("endpoint",),
}
