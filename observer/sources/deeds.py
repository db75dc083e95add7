"""What a Docker engine tells of the cluster's containers, as deeds: who was broken or mended, and how. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from observer.sources.polling import Told

LOOPBACK = ("127.0.0.1", "localhost", "::1", "0.0.0.0")
# A signal by which a container ends, and what that is called; any other is told as it is.
ENDING = {"2": "stop", "3": "stop", "15": "stop", "SIGINT": "stop", "SIGQUIT": "stop", "SIGTERM": "stop"}
KILLING = ("9", "SIGKILL")


@dataclass(frozen=True, slots=True)
class Place:
    """An address that is looked at, and whose it is. `address`: under which name the observer knows it, if another."""

    component: str
    target: str | None
    host: str
    port: int
    address: str | None = None


@dataclass(frozen=True, slots=True)
class Container:
    """A container: every name and address it answers to within its networks, and the ports of this machine to it."""

    id: str
    name: str
    names: frozenset[str]
    ports: frozenset[int]
    networks: frozenset[str]
    running: bool
    tty: bool


@dataclass(frozen=True, slots=True)
class Actor:
    """A container of the cluster: which part of it."""

    component: str
    target: str
    address: str | None = None


def container_of(inspected: Mapping[str, Any]) -> Container:
    """A container from what GET /containers/ID/json says."""
    config, host = inspected.get("Config") or {}, inspected.get("HostConfig") or {}
    networks = (inspected.get("NetworkSettings") or {}).get("Networks") or {}
    full = str(inspected.get("Name", "")).lstrip("/")
    service = str((config.get("Labels") or {}).get("com.docker.compose.service") or full)
    names = {full, service, str(config.get("Hostname", ""))}
    for network in networks.values():
        fixed = network.get("IPAMConfig") or {}
        names |= {*(network.get("Aliases") or ()), network.get("IPAddress") or "", fixed.get("IPv4Address") or ""}
    # What a container publishes is in its settings too, where it stands even while it does not run.
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


def actor_of(container: Container, places: Iterable[Place], own: Container | None = None) -> Actor | None:
    """Which part of the cluster a container is: the one whose address leads to it. None: it is no part of it.

    `own`: the container that the observer itself is in, where it is in one: names hold within its networks only.
    """
    near = own is None or bool(own.networks & container.networks)
    for place in places:
        if place.port in container.ports if place.host in LOOPBACK else near and place.host in container.names:
            return Actor(place.component, place.target or container.name, place.address)
    return None


@dataclass(slots=True)
class Deeds:
    """Fed with the engine's events of the cluster's containers, in order; tells what they mean.

    A stop is several events (a signal, the end, the network let go, the stop); it is told at the first signal.
    """

    _ending: set[str] = field(default_factory=set)  # a signal was sent
    _down: set[str] = field(default_factory=set)
    _apart: set[tuple[str, str]] = field(default_factory=set)  # container, network

    def begin(self, containers: Sequence[Container]) -> None:
        """How they are found."""
        self._down = {container.id for container in containers if not container.running}
        self._ending.clear()

    def tell(self, event: Mapping[str, Any], actor: Actor) -> list[Told]:
        """Kind, subject and detail of what an event means; nothing where it is a part of what was told."""
        container, about = container_in(event), event.get("Actor") or {}
        attributes = about.get("Attributes") or {}
        match event.get("Action"):
            case "kill":
                return self._signal(container, str(attributes.get("signal", "")), actor)
            case "die":
                return self._ended(container, attributes, actor)
            case "start":
                self._down.discard(container)
                self._ending.discard(container)
                return [_told("repair.told", actor, "start")]
            case "pause":
                return [_told("fault.told", actor, "pause")]
            case "unpause":
                return [_told("repair.told", actor, "resume")]
            case "disconnect" if container not in self._down | self._ending:
                apart = (container, str(about.get("ID")))
                if apart in self._apart:
                    return []  # the engine says it twice
                self._apart.add(apart)
                return [_told("fault.told", _of_network(actor), "disconnect", network=attributes.get("name"))]
            case "connect" if (container, str(about.get("ID"))) in self._apart:
                self._apart.discard((container, str(about.get("ID"))))
                return [_told("repair.told", _of_network(actor), "join", network=attributes.get("name"))]
        return []

    def _signal(self, container: str, signal: str, actor: Actor) -> list[Told]:
        action = "kill" if signal in KILLING else ENDING.get(signal)
        if action is None:
            return [_told("fault.told", actor, "signal", signal=signal)]
        if container in self._ending:
            return []  # a stop that takes too long ends with SIGKILL
        self._ending.add(container)
        return [_told("fault.told", actor, action, signal=signal)]

    def _ended(self, container: str, attributes: Mapping[str, Any], actor: Actor) -> list[Told]:
        code = str(attributes.get("exitCode", ""))
        known = int(code) if code.isdigit() else None
        told = ("container.ended", actor.target, {"component": actor.component, "exit_code": known})
        asked = container in self._ending
        self._ending.discard(container)
        self._down.add(container)
        if asked:
            return [told]
        # Nobody asked the engine for it: the process was killed within, or ended by itself.
        action = "kill" if known == 128 + 9 else "stop" if known in (0, 128 + 2, 128 + 15) else "end"
        return [_told("fault.told", actor, action, exit_code=known), told]


def container_in(event: Mapping[str, Any]) -> str:
    """The id of the container that an event is about."""
    actor = event.get("Actor") or {}
    if event.get("Type") == "network":
        return str((actor.get("Attributes") or {}).get("container", ""))
    return str(actor.get("ID", ""))


def _of_network(actor: Actor) -> Actor:
    """Of a member, the network is what is broken; etcd and HAProxy, when nobody reaches them, are themselves gone."""
    return Actor("network", actor.target) if actor.component == "patroni" else actor


def _told(kind: str, actor: Actor, action: str, **more: Any) -> Told:
    detail = {"component": actor.component, "action": action, "target": actor.target, **more}
    if actor.address is not None:
        detail["address"] = actor.address
    return kind, actor.target, detail
