"""The Docker source: stops, kills, pauses and network changes of the cluster's containers, and the members' logs."""

import json
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from observer.model.recording import Event, Window
from observer.model.redaction import without_credentials
from observer.sources import fault_actions
from observer.sources.engine import Engine, lines
from observer.sources.fault_actions import Component, Container, FaultActions, WatchedAddress
from observer.sources.logs import LogReader
from observer.sources.polling import Now, PollFailed, Reachability, Record

AGAIN_S = 2.0
ACTIONS = ("start", "kill", "die", "pause", "unpause", "connect", "disconnect")  # health checks send far more

Places = Callable[[], Sequence[WatchedAddress]]


class DockerSource:
    """Follow one engine in a thread, and the log of each member's container in another.

    `places` returns the watched addresses: a container belongs to the cluster if one of them leads to it. That the
    engine is unreachable is recorded once, and again when it answers; what happened meanwhile is unknown.
    """

    def __init__(self, address: str, places: Places, record: Record, now_ns: Now) -> None:
        self._address, self._places, self._record, self._now_ns = address, places, record, now_ns
        self._reachability = Reachability("docker", without_credentials(address), record)
        self._over = threading.Event()
        self._engine: Engine | None = None
        self._actions = FaultActions()
        self._known: dict[str, Container] = {}
        self._log_threads: dict[str, threading.Thread] = {}
        self._thread = threading.Thread(target=self._run, name="docker", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop following the engine and the logs."""
        self._over.set()
        if self._engine is not None:
            self._engine.end_streams()
        self._thread.join(2.0)

    def _run(self) -> None:
        while not self._over.is_set():
            began_ns = self._now_ns()
            try:
                self._follow()
            except PollFailed as failure:
                self._unreachable(failure, began_ns)
            except Exception as error:  # noqa: BLE001 (the other sources go on)
                self._unreachable(PollFailed("error", f"{type(error).__name__}: {error}"), began_ns)
            self._over.wait(AGAIN_S)

    def _follow(self) -> None:
        """Follow one engine until its stream ends, and always raise PollFailed or what the answer caused."""
        self._engine = engine = Engine(self._address)
        try:
            self._read_events(engine)
            raise PollFailed("closed", "the engine ended its stream of events")
        finally:
            engine.end_streams()
            for thread in self._log_threads.values():
                thread.join(1.0)
            engine.close()

    def _read_events(self, engine: Engine) -> None:
        filters = json.dumps({"type": ["container", "network"], "event": list(ACTIONS)})
        with engine.stream("/events", filters=filters) as pieces:  # opened first, so that no event is missed
            self._find(engine)
            self._reachability.back(Window.at(self._now_ns()))
            for line in lines(pieces):
                at_ns = self._now_ns()
                event = json.loads(line)
                self._handle(engine, event, at_ns)

    def _find(self, engine: Engine) -> None:
        for listed in engine.ask("/containers/json", all="true"):
            self._learn(engine, str(listed["Id"]))
        self._actions.begin(list(self._known.values()))
        for container in self._known.values():
            if container.running:
                self._listen(engine, container, tail="0")

    def _learn(self, engine: Engine, id: str) -> Container | None:
        """Inspect a container and return it. The addresses that it had before it was stopped stay known."""
        before = self._known.get(id)
        try:
            after = fault_actions.container_of(engine.ask(f"/containers/{id}/json"))
        except PollFailed:
            return before  # the container was removed meanwhile
        if before is not None:
            names, networks = before.names | after.names, before.networks | after.networks
            after = replace(after, names=names, networks=networks)
        self._known[id] = after
        return after

    def _handle(self, engine: Engine, event: dict[str, Any], at_ns: int) -> None:
        id = fault_actions.container_in(event)
        started = event.get("Action") == "start"
        container = self._known.get(id)
        if container is None or started:
            container = self._learn(engine, id)
        component = None if container is None else self._component(container)
        if container is None or component is None:
            return
        for kind, subject, detail in self._actions.observations(event, component):
            self._record(Event("docker", kind, subject, Window.at(at_ns), detail))
        if started:
            since_ns = int(event.get("timeNano", 0))
            self._listen(engine, container, since=f"{since_ns // 10**9}.{since_ns % 10**9:09d}")

    def _component(self, container: Container) -> Component | None:
        host = socket.gethostname()  # within a container: the beginning of its id
        own = next((known for known in self._known.values() if len(host) >= 12 and known.id.startswith(host)), None)
        return fault_actions.component_of(container, self._places(), own)

    # The logs.

    def _listen(self, engine: Engine, container: Container, **since: str) -> None:
        component = self._component(container)
        if component is None or component.kind != "patroni":
            return
        reading = self._log_threads.get(container.id)
        if reading is not None and reading.is_alive():
            reading.join(0.05)  # the log of the stopped container ends with it
        thread = threading.Thread(target=self._read_log, args=(engine, container, component, since), daemon=True)
        self._log_threads[container.id] = thread
        thread.start()

    def _read_log(self, engine: Engine, container: Container, component: Component, since: dict[str, str]) -> None:
        reader = LogReader(component.target)
        try:
            with engine.stream(
                f"/containers/{container.id}/logs", follow="true", stdout="true", stderr="true", **since
            ) as pieces:
                for line in lines(pieces, framed=not container.tty):
                    at_ns = self._now_ns()
                    for kind, subject, detail in reader.read([line]):
                        self._record(Event("docker", kind, subject, Window.at(at_ns), detail))
        except PollFailed:
            return  # the engine is gone, and the stream of its events ends too

    def _unreachable(self, failure: PollFailed, began_ns: int) -> None:
        if self._reachability.how is None and not self._over.is_set():
            now_ns = self._now_ns()
            since_ns = began_ns if failure.how != "closed" else now_ns
            self._reachability.lost(failure, since_ns, Window(since_ns, now_ns))
