"""HAProxy's stats page: rows by the names of the header, routes, restarts, and which pool leads where."""

from __future__ import annotations

import pytest

from observer.sources.haproxy import (
    Page,
    Pools,
    Server,
    changes,
    csv_url,
    page_of,
    restarted,
    roles_of_pools,
    rows_of,
)
from observer.sources.polling import PollFailed

HEADER = "# pxname,svname,scur,stot,bin,status,lastchg,type,check_status,check_code,check_duration,req_tot,addr,\n"


def page(*rows: str) -> Page:
    return page_of(rows_of(HEADER + "\n".join(rows) + "\n"))


def server(pool: str, name: str, status: str = "UP", address: str | None = None) -> Server:
    return Server(pool, name, address, status, None, None, None, None)


UP = "primary,p1,0,7,10,UP,9,2,L7OK,200,2,,127.0.0.1:5432,"
DOWN = "primary,p1,0,7,10,DOWN,0,2,L4CON,,0,,127.0.0.1:5432,"


def test_a_row_is_read_by_the_names_of_the_header() -> None:
    assert page(UP).servers == {
        ("primary", "p1"): Server("primary", "p1", "127.0.0.1:5432", "UP", "L7OK", 200, 2, 9),
    }


def test_columns_may_stand_in_any_order_after_the_first_two_and_may_be_missing() -> None:
    rows = rows_of("# pxname,svname,lastchg,status,\nprimary,p1,3,UP 1/3,\n")
    assert page_of(rows).servers[("primary", "p1")] == Server("primary", "p1", None, "UP 1/3", None, None, None, 3)


def test_the_rows_of_frontends_and_backends_are_no_servers() -> None:
    assert not page("primary,FRONTEND,0,1,1,OPEN,,0,,,,,,", "primary,BACKEND,0,1,1,UP,9,1,,,,,,").servers


@pytest.mark.parametrize(
    ("status", "up"),
    [
        ("UP", True),
        ("UP 1/3", True),
        ("no check", True),
        ("DOWN", False),
        ("DOWN 1/2", False),
        ("MAINT", False),
        ("MAINT (via x/y)", False),
        ("DRAIN", False),
        ("NOLB", False),
        ("gone", False),
    ],
)
def test_only_up_and_unchecked_servers_are_given_clients(status: str, up: bool) -> None:
    assert server("primary", "p1", status).up is up


def test_a_page_that_is_not_csv_is_refused() -> None:
    with pytest.raises(PollFailed) as failure:
        list(rows_of("<!DOCTYPE html><html>"))
    assert failure.value.how == "error"


def test_the_first_poll_records_every_route_as_initial() -> None:
    found = changes(None, page(UP, "primary,p2,0,0,0,DOWN,9,2,L7STS,503,2,,,"), "url")
    assert [(kind, subject, detail["initial"], detail["before"]) for kind, subject, detail in found] == [
        ("route.up", "primary/p1", True, None),
        ("route.down", "primary/p2", True, None),
    ]


def test_a_server_that_goes_down_is_recorded_with_what_it_was() -> None:
    ((kind, subject, detail),) = changes(page(UP), page(DOWN), "url")
    assert (kind, subject) == ("route.down", "primary/p1")
    assert detail["check_status"] == "L4CON"
    assert detail["before"] == {"status": "UP", "check_status": "L7OK"}
    assert "initial" not in detail


def test_a_route_names_its_page_because_two_proxies_may_have_equal_pools() -> None:
    after = page("primary,p2,0,7,10,UP,9,2,L7OK,200,2,,,")
    found = changes(page(UP), after, "http://h:7001/")
    assert [(kind, subject, detail["page"]) for kind, subject, detail in found] == [
        ("route.up", "primary/p2", "http://h:7001/"),
        ("route.down", "primary/p1", "http://h:7001/"),
    ]


def test_a_failing_check_that_keeps_the_route_is_no_change_of_the_route() -> None:
    ((kind, _, detail),) = changes(page(UP), page(UP.replace("UP", "UP 2/3").replace("L7OK,200", "L4CON,")), "url")
    assert (kind, detail["status"]) == ("route.changed", "UP 2/3")


def test_a_check_under_way_is_no_change() -> None:
    assert changes(page(UP), page(UP.replace("L7OK,200", "* L7OK,0")), "url") == []


def test_another_code_of_the_same_check_is_a_change() -> None:
    ((kind, _, _),) = changes(page(UP), page(UP.replace("200", "206")), "url")
    assert kind == "route.changed"


def test_time_that_passes_is_no_change() -> None:
    assert changes(page(UP), page(UP.replace(",9,", ",10,")), "url") == []


def test_a_server_that_vanished_is_down_with_status_gone() -> None:
    ((kind, subject, detail),) = changes(page(UP), page(), "url")
    assert (kind, subject, detail["status"]) == ("route.down", "primary/p1", "gone")
    assert changes(page(), page(), "url") == []


def test_a_server_that_is_new_is_recorded_without_being_initial() -> None:
    ((kind, _, detail),) = changes(page(), page(UP), "url")
    assert kind == "route.up"
    assert "initial" not in detail


def test_counters_that_fell_mean_another_process_which_is_recorded_first() -> None:
    before = page("stats,FRONTEND,1,9,100,OPEN,,0,,,,9,,", DOWN)
    after = page("stats,FRONTEND,1,1,10,OPEN,,0,,,,1,,", UP)
    assert restarted(before, after)
    assert [kind for kind, _, _ in changes(before, after, "url")] == ["proxy.restarted", "route.up"]
    assert not restarted(after, before)


def full_page(*rows: str) -> Page:
    return page_of(rows_of("# pxname,svname,scur,slim,\n" + "\n".join(rows) + "\n"))


def told_of_room(before: Page | None, after: Page) -> list[tuple[str, str, dict[str, int | None]]]:
    found = changes(before, after, "url")
    return [(kind, subject, dict(detail)) for kind, subject, detail in found if kind.startswith("proxy.")]


ROOM = full_page("stats,FRONTEND,3,100,", "primary,FRONTEND,96,100,", "primary,p1,90,,", "primary,BACKEND,96,10,")
FULL = full_page("stats,FRONTEND,3,100,", "primary,FRONTEND,97,100,", "primary,p1,90,,", "primary,BACKEND,97,10,")


def test_frontends_of_one_limit_share_that_of_the_process_which_is_full_when_the_sum_of_them_reaches_it() -> None:
    assert told_of_room(ROOM, FULL) == [("proxy.full", "url", {"sessions": 100, "limit": 100})]


def test_a_frontend_with_a_limit_of_its_own_is_full_by_itself() -> None:
    some = full_page("stats,FRONTEND,1,2000,", "primary,FRONTEND,49,50,")
    many = full_page("stats,FRONTEND,1,2000,", "primary,FRONTEND,50,50,")
    assert told_of_room(some, many) == [("proxy.full", "url", {"sessions": 50, "limit": 50})]


def test_sessions_of_frontends_with_different_limits_are_not_added_up() -> None:
    assert not full_page("stats,FRONTEND,60,100,", "primary,FRONTEND,60,110,").sessions.limit_reached


def test_the_connection_limit_is_recorded_once_when_reached_and_once_when_left() -> None:
    assert told_of_room(FULL, FULL) == []
    assert told_of_room(FULL, ROOM) == [("proxy.room", "url", {"sessions": 99, "limit": 100})]
    assert told_of_room(ROOM, ROOM) == []


def test_the_first_poll_records_a_reached_connection_limit_and_no_free_one() -> None:
    assert [kind for kind, _, _ in told_of_room(None, FULL)] == ["proxy.full"]
    assert told_of_room(None, ROOM) == []


def test_a_proxy_without_frontends_or_limits_is_never_full() -> None:
    assert not full_page("primary,BACKEND,7,7,").sessions.limit_reached
    assert not full_page("primary,FRONTEND,7,,").sessions.limit_reached


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        ("http://h:7001/", "http://h:7001/;csv"),
        ("http://h:7001", "http://h:7001/;csv"),
        ("http://h:7001/stats", "http://h:7001/stats;csv"),
        ("http://h:7001/stats;csv", "http://h:7001/stats;csv"),
    ],
)
def test_csv_is_asked_for_once(url: str, asked: str) -> None:
    assert csv_url(url) == asked


ADDRESSES = {"p1": "h1:5432", "p2": "h2:5432", "p3": "h3:5432"}


def test_the_pool_with_only_the_leader_up_is_the_primarys_and_the_one_with_the_others_is_the_replicas() -> None:
    servers = [server("rw", "p1"), server("rw", "p2", "DOWN"), server("ro", "p2"), server("ro", "p1", "DOWN")]
    assert roles_of_pools(servers, "p1", ADDRESSES) == Pools("rw", "ro")


def test_servers_of_another_name_are_matched_by_address() -> None:
    servers = [server("rw", "a", address="h2:5432"), server("ro", "b", address="h1:5432")]
    assert roles_of_pools(servers, "p2", ADDRESSES) == Pools("rw", "ro")


def test_a_pool_that_serves_reads_from_all_is_the_replicas_where_there_is_no_better() -> None:
    servers = [server("rw", "p1"), server("any", "p1"), server("any", "p2")]
    assert roles_of_pools(servers, "p1", ADDRESSES) == Pools("rw", "any")
    assert roles_of_pools([*servers, server("ro", "p2")], "p1", ADDRESSES) == Pools("rw", "ro")


def test_while_everything_counts_as_up_after_a_restart_no_pool_is_clear() -> None:
    servers = [server(pool, name) for pool in ("rw", "ro") for name in ADDRESSES]
    assert roles_of_pools(servers, "p1", ADDRESSES) == Pools(None, None)


def test_without_a_leader_no_pool_is_clear() -> None:
    assert roles_of_pools([server("rw", "p1")], None, ADDRESSES) == Pools(None, None)
