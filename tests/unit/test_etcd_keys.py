"""Patroni's keys in etcd, as a real Patroni wrote them, and the events that they produce."""

from __future__ import annotations

from typing import Any

from observer.sources.keys import Key, initial_observations, leader_seen, member_of, observations_of

MEMBER_3 = (
    b'{"conn_url":"postgres://127.0.0.1:15631/postgres","api_url":"http://127.0.0.1:8211/patroni","state":"running",'
    b'"role":"master","version":"3.0.2","xlog_location":67667976,"timeline":1}'
)
MEMBER_4 = MEMBER_3.replace(b"master", b"primary").replace(b"3.0.2", b"4.0.4")


def key(name: str, value: bytes, revision: int = 5, created: int = 5, lease: int = 0) -> Key:
    return Key(f"/service/demo/{name}", value, revision, created, lease)


def recorded(name: str, before: bytes | None, after: bytes | None) -> list[tuple[str, str, dict[str, Any]]]:
    was = None if before is None else key(name, before)
    now = None if after is None else key(name, after, revision=6)
    return [(kind, subject, dict(detail)) for kind, subject, detail in observations_of(name, was, now, 6, "demo")]


def test_a_leader_key_that_is_gone_names_who_held_it() -> None:
    lease = key("leader", b"p1", lease=77)
    assert observations_of("leader", lease, None, 6, "demo") == [
        ("leader.lost", "p1", {"revision": 6, "key": "/service/demo/leader", "lease": 77})
    ]


def test_a_leader_key_that_was_taken_names_the_new_leader_and_the_last_one() -> None:
    taken = key("leader", b"p2", 7, 7, 88)
    assert observations_of("leader", None, taken, 7, "demo", previous="p1") == [
        ("leader.elected", "p2", {"revision": 7, "lease": 88, "key": "/service/demo/leader", "previous": "p1"})
    ]


def test_a_leader_key_that_passed_from_hand_to_hand_is_an_election_without_a_loss() -> None:
    ((kind, subject, detail),) = recorded("leader", b"p1", b"p2")
    assert (kind, subject, detail["previous"]) == ("leader.elected", "p2", "p1")


def test_a_leader_key_that_is_written_again_by_its_holder_records_nothing() -> None:
    assert recorded("leader", b"p1", b"p1") == []


def test_a_leader_key_with_a_new_creation_revision_was_gone_in_between() -> None:
    events = observations_of("leader", key("leader", b"p1", 5, 5), key("leader", b"p1", 9, 9), 9, "demo")
    assert [(kind, subject) for kind, subject, _ in events] == [("leader.lost", "p1"), ("leader.elected", "p1")]


def test_a_member_is_recorded_whole_and_master_is_called_primary() -> None:
    assert recorded("members/patroni1", None, MEMBER_3) == [
        (
            "member.changed",
            "patroni1",
            {
                "revision": 6,
                "deleted": False,
                "state": "running",
                "role": "primary",
                "timeline": 1,
                "version": "3.0.2",
                "conn_url": "postgres://127.0.0.1:15631/postgres",
                "api_url": "http://127.0.0.1:8211/patroni",
            },
        )
    ]
    assert member_of(key("members/p", MEMBER_4))["role"] == "primary"


def test_a_member_whose_position_alone_moved_records_nothing() -> None:
    assert recorded("members/patroni1", MEMBER_3, MEMBER_3.replace(b"67667976", b"67667999")) == []


def test_a_member_whose_state_changed_is_recorded() -> None:
    ((kind, _, detail),) = recorded("members/patroni1", MEMBER_3, MEMBER_3.replace(b"running", b"stopped"))
    assert (kind, detail["state"]) == ("member.changed", "stopped")


def test_a_member_whose_key_is_gone_is_lost() -> None:
    assert recorded("members/patroni1", MEMBER_3, None) == [("member.lost", "patroni1", {"revision": 6})]


def test_a_member_that_cannot_be_read_is_recorded_with_nothing_known() -> None:
    ((_, _, detail),) = recorded("members/patroni1", None, b"no json")
    assert detail["state"] is None
    assert detail["role"] is None


def test_config_and_history_are_recorded_as_they_are_now_and_only_when_they_change() -> None:
    assert recorded("config", None, b'{"ttl": 30}') == [
        ("config.changed", "demo", {"revision": 6, "config": {"ttl": 30}})
    ]
    assert recorded("config", b'{"ttl":30}', b'{"ttl": 30}') == []
    assert recorded("history", b"", b'[[1,67108864,"no recovery target specified"]]') == [
        ("history.changed", "demo", {"revision": 6, "history": [[1, 67108864, "no recovery target specified"]]})
    ]
    ((kind, _, detail),) = recorded("sync", b"", b'{"leader":"p1","sync_standby":"p2"}')
    assert (kind, detail["value"]) == ("sync.changed", {"leader": "p1", "sync_standby": "p2"})
    assert recorded("failsafe", None, b'{"p1":"http://h"}')[0][0] == "failsafe.changed"


def test_passwords_in_the_configuration_are_not_recorded() -> None:
    config = (
        b'{"standby_cluster": {"password": "geheim"}, "postgresql": {"parameters": {"password_encryption": "md5", '
        b'"primary_conninfo": "host=a password=geheim user=b", '
        b'"archive_command": "PGPASSWORD=geheim backup http://u:ge@heim@h/%p"}}}'
    )
    ((_, _, detail),) = recorded("config", None, config)
    assert "heim" not in str(detail)
    assert detail["config"]["postgresql"]["parameters"]["password_encryption"] == "md5"


def test_a_switchover_that_is_asked_for_names_leader_and_candidate() -> None:
    assert recorded("failover", None, b'{"leader":"p1","member":"p2","scheduled_at":null}') == [
        ("failover.asked", "demo", {"revision": 6, "leader": "p1", "candidate": "p2", "scheduled_at": None})
    ]


def test_a_request_for_failover_is_cleared_by_an_empty_value_or_by_deletion_once() -> None:
    asked = b'{"leader":"p1","member":"p2"}'
    cleared = [("failover.cleared", "demo", {"revision": 6})]
    assert recorded("failover", asked, b"{}") == cleared
    assert recorded("failover", asked, b"") == cleared
    assert recorded("failover", asked, None) == cleared
    assert recorded("failover", b"{}", None) == []


def test_positions_and_other_keys_records_nothing() -> None:
    assert recorded("status", b'{"optime":1}', b'{"optime":2}') == []
    assert recorded("optime/leader", None, b"12") == []
    assert recorded("initialize", None, b"77") == []


def test_what_is_found_at_first_is_recorded_as_initial_in_the_order_it_was_written() -> None:
    keys = {
        "leader": key("leader", b"p1", 9, 9, 7),
        "config": key("config", b"{}", 8),
        "status": key("status", b"{}", 30),
        "members/p1": key("members/p1", MEMBER_3, 20),
    }
    events = initial_observations(keys, "demo")
    assert [kind for kind, _, _ in events] == ["config.changed", "leader.seen", "member.changed"]
    assert all(detail["initial"] for _, _, detail in events)


def test_a_leader_that_is_found_after_a_unreachable_period_is_not_initial() -> None:
    kind, subject, detail = leader_seen(key("leader", b"p1"))
    assert (kind, subject) == ("leader.seen", "p1")
    assert "initial" not in detail
