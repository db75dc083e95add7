"""What etcd knows of a cluster: every change under its scope, the health of etcd itself, and the leader's lease."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence

from observer.model.recording import Event, Window
from observer.sources.etcd import OPEN, Access, Compacted, Endpoint, Stream
from observer.sources.keys import Change, Key, Snapshot, found, json_of, leader_seen, text_of, told_of
from observer.sources.lease import Lease, standing
from observer.sources.polling import Job, LookFailed, Now, Poller, Record, Told
from observer.sources.quorum import Proofs, Quorum, Status

SOURCE = "etcd"
WATCH = "watch"
STATUS_MS = 500
LEASE_MS = 1000
RETRY_S = 0.2
JOIN_S = 2.0


class EtcdSource:
    """Watches one scope through all endpoints of etcd; works, and says so, even while all of etcd is down.

    `start` begins the watch in a thread of its own; where the scope is not known yet, `watch` does once it is. `jobs`
    are the looks at each endpoint and at the lease, for the scheduler, which need no scope; `stop` ends and joins the
    thread within two seconds. The watch moves to another endpoint as soon as a
    look finds its own without an answer or without a leader, so it needs those looks.

    Raises OSError if a file of the certificates cannot be read.
    """

    def __init__(
        self,
        endpoints: Sequence[str],
        scope: str | None,
        namespace: str,
        record: Record,
        now_ns: Now,
        access: Access = OPEN,
    ) -> None:
        self._root = f"/{namespace.strip('/')}/".replace("//", "/")
        self._scope = scope or ""
        self._record = record
        self._now_ns = now_ns
        self._endpoints = {address: Endpoint(address, access) for address in endpoints}
        self._thread = threading.Thread(target=self._run, name="etcd watch", daemon=True)
        self._stopping = threading.Event()
        self._lock = threading.Lock()  # guards all that follows
        self._quorum = Quorum(dict.fromkeys(endpoints))
        self._proofs = Proofs()
        self._keys: dict[str, Key] = {}
        self._revision: int | None = None  # all changes up to it are told
        self._cluster: int | None = None
        self._previous: str | None = None  # who held the leader key last
        self._stream: tuple[str, Stream] | None = None
        self._compacted = False  # whether changes after it are lost
        self._broken_ns: int | None = None  # since when no watch runs
        self._failures = 0  # attempts in vain since then
        self._how: str | None = None  # told of the present blind spell
        self._lease: Lease | None = None
        self._overdue: int | None = None  # the lease that was told to be overdue

    def start(self) -> None:
        """Begins to watch, where the scope is known."""
        if self._scope:
            self._thread.start()

    def watch(self, scope: str) -> None:
        """Begins to watch this scope, unless one is watched already."""
        if not self._scope:
            self._scope = scope
            self._thread.start()

    def stop(self) -> None:
        """Stops watching and closes all connections. Nothing is recorded any more."""
        self._stopping.set()
        with self._lock:
            stream = self._stream
        if stream is not None:
            stream[1].cancel()
        if self._thread.ident is not None:
            self._thread.join(JOIN_S)
        for endpoint in self._endpoints.values():
            endpoint.close()

    def jobs(self) -> list[Job]:
        """The looks: "etcd host:port" for each endpoint, every 500 ms, and "etcd lease", every second."""
        looks = [self._status_job(endpoint) for endpoint in self._endpoints.values()]
        return [*looks, Job("etcd lease", LEASE_MS, self._look_at_lease)]

    def lease(self) -> Lease | None:
        """The leader's lease as it was read of late; None while nobody holds the key, or while it cannot be read."""
        with self._lock:
            key = self._keys.get("leader")
        return standing(self._lease, key.lease if key is not None else 0, self._now_ns())

    def members(self) -> tuple[Mapping[str, str], str | None]:
        """The latest word of each endpoint (leader, no leader, blind), and the one that leads, if it is among them."""
        with self._lock:
            return self._quorum.words(), self._quorum.leader()

    # The health of each endpoint.

    def _status_job(self, endpoint: Endpoint) -> Job:
        address = endpoint.address

        def look() -> Status:
            asked_ns = self._now_ns()
            try:
                status = endpoint.status()
            except LookFailed:
                self._hear(address, None, asked_ns)
                raise
            self._hear(address, status, asked_ns)
            return status

        def tell(before: Status | None, after: Status) -> list[Told]:
            if before is not None and before.version == after.version:
                return []
            detail = {"etcd": after.version, "leads": after.member == after.leader, **endpoint.identity(after.member)}
            return [("versions.captured", address, detail)]

        return Job(f"etcd {address}", STATUS_MS, Poller(SOURCE, address, look, tell, self._say, self._now_ns).run)

    def _hear(self, address: str, status: Status | None, asked_ns: int) -> None:
        """Judges quorum anew, and moves the watch away from a member that cannot tell what happens."""
        with self._lock:
            for told, window in self._quorum.hear(address, status, asked_ns, self._now_ns()):
                self._tell(told, window)
            if status is not None and status.leader == status.member:
                self._proofs.note(asked_ns, status.revision)
            stream = self._stream
        if stream is not None and stream[0] == address and (status is None or not status.leader):
            stream[1].cancel()

    # The leader's lease.

    def _look_at_lease(self) -> None:
        with self._lock:
            key = self._keys.get("leader")
            config = json_of(self._keys.get("config"))
            leading = self._quorum.leader()
            words = self._quorum.words()
        if key is None or not key.lease:
            self._overdue = None
            return
        address = leading or next((address for address, word in words.items() if word == "leader"), None)
        if address is None:
            return
        asked_ns = self._now_ns()
        try:
            left = self._endpoints[address].time_to_live(key.lease)
        except LookFailed:
            return  # the looks at the endpoints say so
        by_ns = self._now_ns()
        before_ns = self._lease.at_ns if self._lease is not None else asked_ns
        self._lease = Lease(left.remaining_s, left.granted_s, by_ns, key.lease)
        overdue = self._lease.is_overdue(config.get("loop_wait", 10) if isinstance(config, dict) else 10)
        was_overdue = self._overdue == key.lease
        if left.remaining_s >= 0 and (overdue or was_overdue):
            detail = {"remaining_s": left.remaining_s, "ttl_s": left.granted_s}
            after_ns = asked_ns if overdue and was_overdue else before_ns
            kind = "lease.overdue" if overdue else "lease.renewed"
            self._tell((kind, text_of(key) or "", detail), Window(after_ns, by_ns))
        self._overdue = key.lease if overdue and left.remaining_s >= 0 else None

    # The watch.

    def _run(self) -> None:
        turn = 0
        while not self._stopping.is_set():
            address = self._choose(turn)
            turn += 1
            try:
                self._follow(self._endpoints[address])
            except Compacted:
                self._compacted = True
            except LookFailed as failure:
                self._missed(failure)
            except Exception as error:
                self._missed(LookFailed("error", f"{type(error).__name__}: {error}"))

    @property
    def _prefix(self) -> str:
        return f"{self._root}{self._scope}/"

    def _choose(self, turn: int) -> str:
        """The endpoints in turn, those first of which a leader is known."""
        with self._lock:
            words = self._quorum.words()
        able = [address for address, word in words.items() if word == "leader"]
        if able and self._failures < len(able):
            return able[turn % len(able)]
        return list(words)[turn % len(words)]

    def _follow(self, endpoint: Endpoint) -> None:
        """Reads the prefix, which also proves that the member has a leader, then tells changes until the watch breaks.

        What etcd still keeps is told by the watch, each change by itself, however long nobody looked; the difference
        of the keys is told only where that cannot be had.
        """
        asked_ns = self._now_ns()
        snapshot = endpoint.read(self._prefix)
        by_ns = self._now_ns()
        with self._lock:
            self._catch_up(snapshot, asked_ns, by_ns)
            revision = self._revision or 0
        stream = endpoint.watch(self._prefix, revision + 1)
        with self._lock:
            self._stream = (endpoint.address, stream)
        try:
            if not self._stopping.is_set():
                for batch in stream:
                    if batch:
                        self._take(batch)
                    else:
                        self._begun(snapshot, asked_ns)
        finally:
            stream.cancel()
            with self._lock:
                self._stream = None

    def _begun(self, snapshot: Snapshot, asked_ns: int) -> None:
        """The watch runs: whoever was blind sees again, and says so of a leader that stayed."""
        with self._lock:
            blind, since_ns = self._how, self._broken_ns
            self._how, self._broken_ns, self._failures = None, None, 0
            if blind is None:
                return
            window = Window(min(since_ns or asked_ns, asked_ns), self._now_ns())
            self._tell(("source.sees", WATCH, {"how": blind}), window)
            leader = self._keys.get("leader")
            if leader is not None and leader in snapshot.keys:
                self._tell(leader_seen(leader), window)

    def _missed(self, failure: LookFailed) -> None:
        """A watch broke or could not begin; it is a blind spell once every endpoint was tried in vain."""
        with self._lock:
            if self._broken_ns is None:
                self._broken_ns = self._now_ns()
            else:
                self._failures += 1
            everywhere = self._failures >= len(self._endpoints)
            if everywhere and self._how is None:
                self._how = failure.how
                detail = {**failure.detail, "how": failure.how, "error": failure.error, "since_ns": self._broken_ns}
                window = Window(min(self._proofs.last_ns(), self._broken_ns), self._now_ns())
                self._tell(("source.blind", WATCH, detail), window)
        if everywhere:
            self._stopping.wait(RETRY_S)

    def _catch_up(self, snapshot: Snapshot, asked_ns: int, by_ns: int) -> None:
        """Takes the keys as they were read where the watch cannot tell the changes that led to them."""
        keys = {key.name.removeprefix(self._prefix): key for key in snapshot.keys}
        replaced = self._cluster not in (None, snapshot.cluster) or snapshot.revision < (self._revision or 0)
        if self._cluster is not None and not replaced and not self._compacted:
            self._proofs.note(asked_ns, snapshot.revision)
            return
        if self._cluster is None:
            for told in found(keys, self._scope):
                self._tell(told, Window(asked_ns, by_ns))
        else:
            self._tell_difference(keys, snapshot.revision, by_ns, replaced)
        if replaced:
            self._proofs = Proofs()
        self._proofs.note(asked_ns, snapshot.revision)
        self._keys, self._revision, self._cluster = keys, snapshot.revision, snapshot.cluster
        self._previous = text_of(keys.get("leader")) or self._previous
        self._compacted = False

    def _tell_difference(self, keys: Mapping[str, Key], revision: int, by_ns: int, replaced: bool) -> None:
        """Two states with an unknown way between them: what was deleted first, then the rest as it was written.

        In an etcd that was `replaced` by another, revisions count anew and prove nothing.
        """
        last_ns = self._proofs.last_ns() if replaced else self._proofs.after_ns((self._revision or 0) + 1)
        for name in sorted({*keys, *self._keys}, key=lambda name: keys[name].revision if name in keys else 0):
            before, after = self._keys.get(name), keys.get(name)
            if before == after:
                continue
            after_ns = last_ns if after is None or replaced else self._proofs.after_ns(after.revision)
            at = revision if after is None else after.revision
            for told in told_of(name, before, after, at, self._scope, self._previous):
                self._tell(told, Window(min(after_ns, by_ns), by_ns))

    def _take(self, batch: Iterable[Change]) -> None:
        """Tells the changes of one message of the watch; those that are known already are dropped by revision."""
        by_ns = self._now_ns()
        with self._lock:
            known = revision = self._revision or 0
            for change in batch:
                if change.revision <= known:
                    continue
                revision = max(revision, change.revision)
                name = change.name.removeprefix(self._prefix)
                before = self._keys.get(name)
                window = Window(min(self._proofs.after_ns(change.revision), by_ns), by_ns)
                for told in told_of(name, before, change.key, change.revision, self._scope, self._previous):
                    self._tell(told, window)
                if change.key is None:
                    self._keys.pop(name, None)
                else:
                    self._keys[name] = change.key
                if name == "leader":
                    self._previous = text_of(change.key) or self._previous
            self._revision = revision

    def _tell(self, told: Told, window: Window) -> None:
        kind, subject, detail = told
        self._say(Event(SOURCE, kind, subject, window, detail))

    def _say(self, event: Event) -> None:
        if not self._stopping.is_set():
            self._record(event)
