"""A Docker engine: who stops, kills, pauses or disconnects the cluster's containers, and what their logs decide."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from observer.model.recording import Event, Window
from observer.model.redaction import without_credentials
from observer.sources.deeds import Actor, Container, Deeds, Place, actor_of, container_in, container_of
from observer.sources.engine import Engine, lines
from observer.sources.logs import Ear
from observer.sources.polling import LookFailed, Now, Record

AGAIN_S = 2.0
ACTIONS = ("start", "kill", "die", "pause", "unpause", "connect", "disconnect")  # health checks say far more

Places = Callable[[], Sequence[Place]]


class DockerSource:
    """Follows one engine from a thread of its own, and the log of each member's container from another.

    `places` gives the addresses that are looked at now: a container is the cluster's if one of them leads to it. That
    the engine cannot be followed is said once, and once that it can be again; what happened meanwhile is not known.
    """

    def __init__(self, address: str, places: Places, record: Record, now_ns: Now) -> None:
        self._address = address
        self._subject = without_credentials(address)
        self._places = places
        self._record = record
        self._now_ns = now_ns
        self._over = threading.Event()
        self._engine: Engine | None = None
        self._deeds = Deeds()
        self._known: dict[str, Container] = {}
        self._ears: dict[str, threading.Thread] = {}
        self._thread = threading.Thread(target=self._run, name="docker", daemon=True)
        self._blind: LookFailed | None = None

    def start(self) -> None:
        """Begins to follow."""
        self._thread.start()

    def stop(self) -> None:
        """Ends it, and every log that is followed."""
        self._over.set()
        if self._engine is not None:
            self._engine.close()
        for thread in (self._thread, *self._ears.values()):
            thread.join(1.0)

    def _run(self) -> None:
        while not self._over.is_set():
            began_ns = self._now_ns()
            try:
                self._follow()
                raise LookFailed("closed", "the engine ended its stream of events")
            except LookFailed as failure:
                self._lost_sight(failure, began_ns)
            except Exception as error:  # an answer that nobody foresaw blinds this source and no other
                self._lost_sight(LookFailed("error", f"{type(error).__name__}: {error}"), began_ns)
            self._over.wait(AGAIN_S)

    def _follow(self) -> None:
        self._engine = engine = Engine(self._address)
        filters = json.dumps({"type": ["container", "network"], "event": list(ACTIONS)})
        with engine.stream("/events", filters=filters) as pieces:  # opened first, so that nothing falls between
            self._find(engine)
            self._sees()
            for line in lines(pieces):
                at_ns = self._now_ns()
                event = json.loads(line)
                self._see(engine, event, at_ns)

    def _find(self, engine: Engine) -> None:
        for listed in engine.ask("/containers/json", all="true"):
            self._learn(engine, str(listed["Id"]))
        self._deeds.begin(list(self._known.values()))
        for container in self._known.values():
            if container.running:
                self._listen(engine, container, tail="0")

    def _learn(self, engine: Engine, id: str) -> Container | None:
        """What is known of a container; its addresses of before it was stopped stay known."""
        before = self._known.get(id)
        try:
            after = container_of(engine.ask(f"/containers/{id}/json"))
        except LookFailed:
            return before  # it was removed meanwhile
        if before is not None:
            names, networks = before.names | after.names, before.networks | after.networks
            after = replace(after, names=names, networks=networks)
        self._known[id] = after
        return after

    def _see(self, engine: Engine, event: dict[str, Any], at_ns: int) -> None:
        id = container_in(event)
        started = event.get("Action") == "start"
        container = self._known.get(id)
        if container is None or started:
            container = self._learn(engine, id)
        actor = None if container is None else self._actor(container)
        if container is None or actor is None:
            return
        for kind, subject, detail in self._deeds.tell(event, actor):
            self._record(Event("docker", kind, subject, Window.at(at_ns), detail))
        if started:
            since_ns = int(event.get("timeNano", 0))
            self._listen(engine, container, since=f"{since_ns // 10**9}.{since_ns % 10**9:09d}")

    def _actor(self, container: Container) -> Actor | None:
        host = socket.gethostname()  # within a container, the beginning of its id
        own = next((known for known in self._known.values() if len(host) >= 12 and known.id.startswith(host)), None)
        return actor_of(container, self._places(), own)

    # The logs.

    def _listen(self, engine: Engine, container: Container, **since: str) -> None:
        actor = self._actor(container)
        if actor is None or actor.component != "patroni":
            return
        hearing = self._ears.get(container.id)
        if hearing is not None and hearing.is_alive():
            hearing.join(0.05)  # that of before the restart ends with the container
        ear = threading.Thread(target=self._hear, args=(engine, container, actor, since), daemon=True)
        self._ears[container.id] = ear
        ear.start()

    def _hear(self, engine: Engine, container: Container, actor: Actor, since: dict[str, str]) -> None:
        ear = Ear(actor.target)
        try:
            with engine.stream(
                f"/containers/{container.id}/logs", follow="true", stdout="true", stderr="true", **since
            ) as pieces:
                for line in lines(pieces, framed=not container.tty):
                    at_ns = self._now_ns()
                    for kind, subject, detail in ear.hear([line]):
                        self._record(Event("docker", kind, subject, Window.at(at_ns), detail))
        except LookFailed:
            return  # the engine is gone, which the stream of its events says

    # Its own sight.

    def _lost_sight(self, failure: LookFailed, began_ns: int) -> None:
        if self._blind is None and not self._over.is_set():
            now_ns = self._now_ns()
            since_ns = began_ns if failure.how != "closed" else now_ns
            self._blind = failure
            detail = {**failure.detail, "how": failure.how, "error": failure.error, "since_ns": since_ns}
            self._record(Event("docker", "source.blind", self._subject, Window(since_ns, now_ns), detail))

    def _sees(self) -> None:
        if self._blind is not None:
            how, self._blind = self._blind.how, None
            self._record(Event("docker", "source.sees", self._subject, Window.at(self._now_ns()), {"how": how}))
