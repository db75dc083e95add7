"""What a Docker engine's events mean: one fault action for each thing that was done, at its first event."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from observer.sources.fault_actions import (
    Component,
    Container,
    FaultActions,
    WatchedAddress,
    component_of,
    container_of,
)

NODE = Component("patroni", "patroni1")
ETCD = Component("etcd", "etcd1", "127.0.0.1:23791")
INSPECTED: dict[str, Any] = {
    "Id": "abc",
    "Name": "/demo-etcd1",
    "State": {"Running": False},
    "Config": {"Hostname": "etcd1", "Tty": False, "Labels": {"com.docker.compose.service": "etcd1"}},
    "HostConfig": {"PortBindings": {"2379/tcp": [{"HostIp": "127.0.0.1", "HostPort": "23791"}]}},
    "NetworkSettings": {
        "Ports": {},
        "Networks": {
            "demo_default": {"Aliases": ["demo-etcd1", "29798a9473cd"], "IPAddress": "10.77.53.130", "IPAMConfig": None}
        },
    },
}


def of(action: str, id: str = "abc", **attributes: str) -> dict[str, Any]:
    return {"Type": "container", "Action": action, "Actor": {"ID": id, "Attributes": attributes}}


def network(action: str, id: str = "abc") -> dict[str, Any]:
    attributes = {"container": id, "name": "demo_default", "type": "bridge"}
    return {"Type": "network", "Action": action, "Actor": {"ID": "net1", "Attributes": attributes}}


def observed(actions: FaultActions, *events: dict[str, Any], component: Component = NODE) -> list[tuple[str, str]]:
    found = [one for event in events for one in actions.observations(event, component)]
    return [(kind, str(detail.get("action"))) for kind, _, detail in found]


def test_a_stop_is_recorded_once_at_the_first_signal() -> None:
    stop = [of("kill", signal="15"), of("kill", signal="9"), of("die", exitCode="137"), network("disconnect")]
    assert observed(FaultActions(), *stop) == [("fault.told", "stop"), ("container.ended", "None")]


def test_a_kill_and_a_start() -> None:
    events = [of("kill", signal="9"), of("die", exitCode="137"), network("disconnect"), network("connect"), of("start")]
    assert observed(FaultActions(), *events) == [
        ("fault.told", "kill"),
        ("container.ended", "None"),
        ("repair.told", "start"),
    ]


def test_the_signal_and_the_code_are_in_the_detail() -> None:
    actions = FaultActions()
    (kill,) = actions.observations(of("kill", signal="9"), ETCD)
    assert kill[1:] == (
        "etcd1",
        {"component": "etcd", "action": "kill", "target": "etcd1", "signal": "9", "address": "127.0.0.1:23791"},
    )
    (ended,) = actions.observations(of("die", exitCode="137"), ETCD)
    assert ended == ("container.ended", "etcd1", {"component": "etcd", "exit_code": 137})


@pytest.mark.parametrize(("code", "action"), [("137", "kill"), ("0", "stop"), ("143", "stop"), ("1", "end")])
def test_an_end_without_a_request_to_the_engine_is_named_by_its_exit_code(code: str, action: str) -> None:
    assert observed(FaultActions(), of("die", exitCode=code), network("disconnect")) == [
        ("fault.told", action),
        ("container.ended", "None"),
    ]


def test_a_pause_and_its_end() -> None:
    assert observed(FaultActions(), of("pause"), of("unpause")) == [("fault.told", "pause"), ("repair.told", "resume")]


def test_a_signal_that_ends_nothing_is_recorded_by_its_name() -> None:
    assert observed(FaultActions(), of("kill", signal="1"), of("kill", signal="15")) == [
        ("fault.told", "signal"),
        ("fault.told", "stop"),
    ]


def test_a_network_disconnect_is_a_fault_only_while_the_container_runs() -> None:
    actions = FaultActions()
    assert observed(actions, network("disconnect"), network("disconnect"), network("connect")) == [
        ("fault.told", "disconnect"),
        ("repair.told", "join"),
    ]
    assert observed(actions, network("connect")) == []
    stopped = container_of(INSPECTED)
    actions.begin([stopped])
    assert observed(actions, network("disconnect")) == []


def test_a_disconnected_member_has_a_network_fault_and_a_disconnected_etcd_is_itself_faulty() -> None:
    assert [FaultActions().observations(network("disconnect"), who)[0][2]["component"] for who in (NODE, ETCD)] == [
        "network",
        "etcd",
    ]


def test_a_container_is_known_by_what_it_publishes_even_while_it_is_stopped() -> None:
    container = container_of(INSPECTED)
    places = [
        WatchedAddress("patroni", "patroni1", "127.0.0.1", 8011),
        WatchedAddress("etcd", None, "127.0.0.1", 23791, "127.0.0.1:23791"),
    ]
    assert component_of(container, places) == ETCD
    assert not container.running


@pytest.mark.parametrize("host", ["etcd1", "demo-etcd1", "10.77.53.130"])
def test_a_container_is_known_by_its_names_and_addresses_within_its_network(host: str) -> None:
    assert component_of(container_of(INSPECTED), [WatchedAddress("etcd", None, host, 2379, f"{host}:2379")]) is not None


def test_a_container_to_which_no_address_leads_is_no_part_of_the_cluster() -> None:
    elsewhere = Container("x", "etcd1", frozenset({"etcd1"}), frozenset({33791}), frozenset({"n"}), True, False)
    assert component_of(elsewhere, [WatchedAddress("etcd", None, "127.0.0.1", 23791)]) is None


def test_within_a_container_names_hold_in_its_own_networks_only() -> None:
    own = Container("o", "observer", frozenset(), frozenset(), frozenset({"course_default"}), True, False)
    near = replace(own, networks=frozenset({"demo_default"}))
    places = [WatchedAddress("etcd", None, "etcd1", 2379, "etcd1:2379")]
    assert [component_of(container_of(INSPECTED), places, who) is None for who in (own, near)] == [True, False]
