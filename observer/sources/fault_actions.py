"""Fault actions: what the events of a Docker engine mean for the cluster's containers. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from observer.sources.polling import Observation

LOOPBACK = ("127.0.0.1", "localhost", "::1", "0.0.0.0")
# The signals that end a container; other signals are recorded as `signal`.
ENDING = ("2", "3", "15", "SIGINT", "SIGQUIT", "SIGTERM")
KILLING = ("9", "SIGKILL")


@dataclass(frozen=True, slots=True)
class WatchedAddress:
    """An address that a source watches, and its component. `address`: the observer's own name for it, if another."""

    component: str
    target: str | None
    host: str
    port: int
    address: str | None = None


@dataclass(frozen=True, slots=True)
class Container:
    """A container: its names and addresses in its networks, and the ports of this machine that lead to it."""

    id: str
    name: str
    names: frozenset[str]
    ports: frozenset[int]
    networks: frozenset[str]
    running: bool
    tty: bool


@dataclass(frozen=True, slots=True)
class Component:
    """The component of the cluster that a container runs."""

    kind: str
    target: str
    address: str | None = None


def container_of(inspected: Mapping[str, Any]) -> Container:
    """Return a container from the answer of GET /containers/ID/json."""
    config, host = inspected.get("Config") or {}, inspected.get("HostConfig") or {}
    networks = (inspected.get("NetworkSettings") or {}).get("Networks") or {}
    full = str(inspected.get("Name", "")).lstrip("/")
    service = str((config.get("Labels") or {}).get("com.docker.compose.service") or full)
    names = {full, service, str(config.get("Hostname", ""))}
    for network in networks.values():
        fixed = network.get("IPAMConfig") or {}
        names |= {*(network.get("Aliases") or ()), network.get("IPAddress") or "", fixed.get("IPv4Address") or ""}
    # The settings list the published ports even while the container does not run.
    live = (inspected.get("NetworkSettings") or {}).get("Ports") or {}
    bound = [*(host.get("PortBindings") or {}).values(), *live.values()]
    ports = {binding.get("HostPort", "") for bindings in bound for binding in bindings or ()}
    return Container(
        id=str(inspected.get("Id", "")),
        name=service,
        names=frozenset(names - {""}),
        ports=frozenset(int(port) for port in ports if port.isdigit()),
        networks=frozenset(networks),
        running=bool((inspected.get("State") or {}).get("Running")),
        tty=bool(config.get("Tty")),
    )


def component_of(
    container: Container, places: Iterable[WatchedAddress], own: Container | None = None
) -> Component | None:
    """Return the component whose watched address leads to the container, None if there is none.

    `own`: the container of the observer itself, if it runs in one; names are valid within its networks only.
    """
    near = own is None or bool(own.networks & container.networks)
    for place in places:
        if place.port in container.ports if place.host in LOOPBACK else near and place.host in container.names:
            return Component(place.component, place.target or container.name, place.address)
    return None


@dataclass(slots=True)
class FaultActions:
    """Turn the engine's events of the cluster's containers, in order, into observations.

    A stop is several events (a signal, the end, the network, the stop); the first signal is recorded.
    """

    _ending: set[str] = field(default_factory=set)  # a signal was sent
    _down: set[str] = field(default_factory=set)
    _apart: set[tuple[str, str]] = field(default_factory=set)  # container, network

    def begin(self, containers: Sequence[Container]) -> None:
        """Take the state of the containers when the stream begins."""
        self._down = {container.id for container in containers if not container.running}
        self._ending.clear()

    def observations(self, event: Mapping[str, Any], component: Component) -> list[Observation]:
        """Return what an event means; nothing for an event that is part of a recorded action."""
        container, about = container_in(event), event.get("Actor") or {}
        attributes = about.get("Attributes") or {}
        match event.get("Action"):
            case "kill":
                return self._signal(container, str(attributes.get("signal", "")), component)
            case "die":
                return self._ended(container, attributes, component)
            case "start":
                self._down.discard(container)
                self._ending.discard(container)
                return [_observation("repair.told", component, "start")]
            case "pause":
                return [_observation("fault.told", component, "pause")]
            case "unpause":
                return [_observation("repair.told", component, "resume")]
            case "disconnect" if container not in self._down | self._ending:
                apart = (container, str(about.get("ID")))
                if apart in self._apart:
                    return []  # the engine sends it twice
                self._apart.add(apart)
                network = attributes.get("name")
                return [_observation("fault.told", _of_network(component), "disconnect", network=network)]
            case "connect" if (container, str(about.get("ID"))) in self._apart:
                self._apart.discard((container, str(about.get("ID"))))
                return [_observation("repair.told", _of_network(component), "join", network=attributes.get("name"))]
        return []

    def _signal(self, container: str, signal: str, component: Component) -> list[Observation]:
        action = "kill" if signal in KILLING else "stop"
        if signal not in KILLING + ENDING:
            return [_observation("fault.told", component, "signal", signal=signal)]
        if container in self._ending:
            return []  # the SIGKILL of a stop that takes too long
        self._ending.add(container)
        return [_observation("fault.told", component, action, signal=signal)]

    def _ended(self, container: str, attributes: Mapping[str, Any], component: Component) -> list[Observation]:
        code = str(attributes.get("exitCode", ""))
        known = int(code) if code.isdigit() else None
        ended = ("container.ended", component.target, {"component": component.kind, "exit_code": known})
        requested = container in self._ending
        self._ending.discard(container)
        self._down.add(container)
        if requested:
            return [ended]
        # The engine had no such request: the process was killed inside the container, or ended by itself.
        action = "kill" if known == 128 + 9 else "stop" if known in (0, 128 + 2, 128 + 15) else "end"
        return [_observation("fault.told", component, action, exit_code=known), ended]


def container_in(event: Mapping[str, Any]) -> str:
    """Return the id of the container in an event."""
    actor = event.get("Actor") or {}
    if event.get("Type") == "network":
        return str((actor.get("Attributes") or {}).get("container", ""))
    return str(actor.get("ID", ""))


def _of_network(component: Component) -> Component:
    """Return the network as the component of a member that was cut off; for etcd and HAProxy return the component."""
    return Component("network", component.target) if component.kind == "patroni" else component


def _observation(kind: str, component: Component, action: str, **more: Any) -> Observation:
    detail = {"component": component.kind, "action": action, "target": component.target, **more}
    if component.address is not None:
        detail["address"] = component.address
    return kind, component.target, detail
