"""The etcd source: every change under the cluster's scope, the health of etcd itself, and the leader's lease."""

import threading
from collections.abc import Iterable, Mapping, Sequence

from observer.model.recording import Event, Window
from observer.sources.etcd import Compacted, Endpoint, Stream
from observer.sources.keys import (
    Change,
    Key,
    Snapshot,
    initial_observations,
    json_of,
    leader_seen,
    observations_of,
    root_of,
    text_of,
)
from observer.sources.lease import EtcdSnapshot, Lease, standing
from observer.sources.polling import ANONYMOUS, Access, Job, Now, Observation, Poller, PollFailed, Reachability, Record
from observer.sources.quorum import Quorum, RevisionBounds, Status

SOURCE = "etcd"
WATCH = "watch"
STATUS_MS = 500
LEASE_MS = 1000
RETRY_S = 0.2
JOIN_S = 2.0


class EtcdSource:
    """Watch one scope through all endpoints of etcd, also while all of etcd is down.

    `start` begins the watch in a thread; if the scope is not known yet, `watch` begins it later. `jobs` are the polls
    of each endpoint and of the lease, which need no scope. `stop` ends and joins the thread within two seconds. The
    watch relies on these polls: it moves to another endpoint as soon as a poll finds its own without an answer or a
    leader.

    Raise OSError if a certificate file cannot be read.
    """

    def __init__(
        self,
        endpoints: Sequence[str],
        scope: str | None,
        namespace: str,
        record: Record,
        now_ns: Now,
        access: Access = ANONYMOUS,
    ) -> None:
        self._root = root_of(namespace)
        self._scope = scope or ""
        self._record = record
        self._now_ns = now_ns
        self._endpoints = {address: Endpoint(address, access) for address in endpoints}
        self._thread = threading.Thread(target=self._run, name="etcd watch", daemon=True)
        self._stopping = threading.Event()
        self._lock = threading.Lock()  # guards all that follows
        self._quorum = Quorum(dict.fromkeys(endpoints))
        self._bounds = RevisionBounds()
        self._keys: dict[str, Key] = {}
        self._revision: int | None = None  # all changes up to it are recorded
        self._cluster: int | None = None
        self._previous: str | None = None  # the last known leader
        self._stream: tuple[str, Stream] | None = None
        self._compacted = False  # whether etcd dropped changes after it
        self._broken_ns: int | None = None  # since when no watch runs; None: one runs
        self._failures = 0  # failed attempts since then
        self._reachability = Reachability(SOURCE, WATCH, self._record_event)  # of the watch
        self._lease: Lease | None = None
        self._overdue: int | None = None  # the lease that was recorded as overdue

    def start(self) -> None:
        """Start the watch, if the scope is known."""
        if self._scope:
            self._thread.start()

    def watch(self, scope: str) -> None:
        """Start the watch of this scope, unless one runs already."""
        if not self._scope:
            self._scope = scope
            self._thread.start()

    def stop(self) -> None:
        """Stop the watch, close all connections, and record nothing more."""
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
        """Return the polls: "etcd host:port" for each endpoint, every 500 ms, and "etcd lease", every second."""
        polls = [self._status_job(endpoint) for endpoint in self._endpoints.values()]
        return [*polls, Job("etcd lease", LEASE_MS, self._poll_lease)]

    def glance(self) -> EtcdSnapshot:
        """Return what the last polls found."""
        with self._lock:
            key, endpoints, leader = self._keys.get("leader"), self._quorum.states(), self._quorum.leader()
        lease = standing(self._lease, key.lease if key is not None else 0, self._now_ns())
        return EtcdSnapshot(lease, endpoints, leader)

    # The health of each endpoint.

    def _status_job(self, endpoint: Endpoint) -> Job:
        address = endpoint.address

        def poll() -> Status:
            sent_ns = self._now_ns()
            try:
                status = endpoint.status()
            except PollFailed:
                self._update(address, None, sent_ns)
                raise
            self._update(address, status, sent_ns)
            return status

        def compare(before: Status | None, after: Status) -> list[Observation]:
            if before is not None and before.version == after.version:
                return []
            detail = {"etcd": after.version, "leads": after.member == after.leader, **endpoint.identity(after.member)}
            return [("versions.captured", address, detail)]

        return Job(
            f"etcd {address}", STATUS_MS, Poller(SOURCE, address, poll, compare, self._record_event, self._now_ns).run
        )

    def _update(self, address: str, status: Status | None, sent_ns: int) -> None:
        """Update the quorum, and move the watch away from a member that cannot report changes."""
        with self._lock:
            for observation, window in self._quorum.update(address, status, sent_ns, self._now_ns()):
                self._emit(observation, window)
            if status is not None and status.leader == status.member:
                self._bounds.note(sent_ns, status.revision)
            stream = self._stream
        if stream is not None and stream[0] == address and (status is None or not status.leader):
            stream[1].cancel()

    # The leader's lease.

    def _poll_lease(self) -> None:
        with self._lock:
            key = self._keys.get("leader")
            config = json_of(self._keys.get("config"))
            leading = self._quorum.leader()
            states = self._quorum.states()
        if key is None or not key.lease:
            self._overdue = None
            return
        address = leading or next((address for address, state in states.items() if state == "leader"), None)
        if address is None:
            return
        sent_ns = self._now_ns()
        try:
            remaining_s, ttl_s = self._endpoints[address].time_to_live(key.lease)
        except PollFailed:
            return  # the polls of the endpoints record it
        by_ns = self._now_ns()
        before_ns = self._lease.at_ns if self._lease is not None else sent_ns
        self._lease = Lease(remaining_s, ttl_s, by_ns, key.lease)
        overdue = self._lease.is_overdue(config.get("loop_wait", 10) if isinstance(config, dict) else 10)
        was_overdue = self._overdue == key.lease
        if remaining_s >= 0 and (overdue or was_overdue):
            detail = {"remaining_s": remaining_s, "ttl_s": ttl_s}
            after_ns = sent_ns if overdue and was_overdue else before_ns
            kind = "lease.overdue" if overdue else "lease.renewed"
            self._emit((kind, text_of(key) or "", detail), Window(after_ns, by_ns))
        self._overdue = key.lease if overdue and remaining_s >= 0 else None

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
            except PollFailed as failure:
                self._broken(failure)
            except Exception as error:  # noqa: BLE001 (the other sources go on)
                self._broken(PollFailed("error", f"{type(error).__name__}: {error}"))

    @property
    def _prefix(self) -> str:
        return f"{self._root}{self._scope}/"

    def _choose(self, turn: int) -> str:
        """Return the endpoints in turn, those with a leader first."""
        with self._lock:
            states = self._quorum.states()
        able = [address for address, state in states.items() if state == "leader"]
        if able and self._failures < len(able):
            return able[turn % len(able)]
        return list(states)[turn % len(states)]

    def _follow(self, endpoint: Endpoint) -> None:
        """Read the prefix, which also proves that the member has a leader, then record changes until the watch breaks.

        The watch reports each change that etcd still holds, however long it was interrupted. Only if etcd no longer
        holds them is the difference between the keys recorded.
        """
        sent_ns = self._now_ns()
        snapshot = endpoint.read(self._prefix)
        by_ns = self._now_ns()
        with self._lock:
            self._catch_up(snapshot, sent_ns, by_ns)
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
                        self._resumed(snapshot, sent_ns)
        finally:
            stream.cancel()
            with self._lock:
                self._stream = None

    def _resumed(self, snapshot: Snapshot, sent_ns: int) -> None:
        """End the unreachable period, if there was one, and record the leader key if it did not change meanwhile."""
        with self._lock:
            window = Window(min(self._broken_ns or sent_ns, sent_ns), self._now_ns())
            self._broken_ns, self._failures = None, 0
            leader = self._keys.get("leader")
            if self._reachability.back(window) and leader is not None and leader in snapshot.keys:
                self._emit(leader_seen(leader), window)

    def _broken(self, failure: PollFailed) -> None:
        """Note that a watch broke or could not begin. etcd is unreachable once every endpoint has failed."""
        with self._lock:
            if self._broken_ns is None:
                self._broken_ns = self._now_ns()
            else:
                self._failures += 1
            everywhere = self._failures >= len(self._endpoints)
            if everywhere and self._reachability.how is None:
                window = Window(min(self._bounds.last_ns(), self._broken_ns), self._now_ns())
                self._reachability.lost(failure, self._broken_ns, window)
        if everywhere:
            self._stopping.wait(RETRY_S)

    def _catch_up(self, snapshot: Snapshot, sent_ns: int, by_ns: int) -> None:
        """Take the keys as they were read, if the watch cannot report the changes that led to them."""
        keys = {key.name.removeprefix(self._prefix): key for key in snapshot.keys}
        replaced = self._cluster not in (None, snapshot.cluster) or snapshot.revision < (self._revision or 0)
        if self._cluster is not None and not replaced and not self._compacted:
            self._bounds.note(sent_ns, snapshot.revision)
            return
        if self._cluster is None:
            for observation in initial_observations(keys, self._scope):
                self._emit(observation, Window(sent_ns, by_ns))
        else:
            self._record_difference(keys, snapshot.revision, by_ns, replaced)
        if replaced:
            self._bounds = RevisionBounds()
        self._bounds.note(sent_ns, snapshot.revision)
        self._keys, self._revision, self._cluster = keys, snapshot.revision, snapshot.cluster
        self._previous = text_of(keys.get("leader")) or self._previous
        self._compacted = False

    def _record_difference(self, keys: Mapping[str, Key], revision: int, by_ns: int, replaced: bool) -> None:
        """Record the difference of two states: deletions first, then the rest in the order of writing.

        In an etcd that was `replaced` by another one, revisions start again and prove nothing.
        """
        last_ns = self._bounds.last_ns() if replaced else self._bounds.after_ns((self._revision or 0) + 1)
        for name in sorted({*keys, *self._keys}, key=lambda name: keys[name].revision if name in keys else 0):
            before, after = self._keys.get(name), keys.get(name)
            if before == after:
                continue
            after_ns = last_ns if after is None or replaced else self._bounds.after_ns(after.revision)
            at = revision if after is None else after.revision
            for observation in observations_of(name, before, after, at, self._scope, self._previous):
                self._emit(observation, Window(min(after_ns, by_ns), by_ns))

    def _take(self, batch: Iterable[Change]) -> None:
        """Record the changes of one message of the watch, without those of revisions that are already known."""
        by_ns = self._now_ns()
        with self._lock:
            known = revision = self._revision or 0
            for change in batch:
                if change.revision <= known:
                    continue
                revision = max(revision, change.revision)
                name = change.name.removeprefix(self._prefix)
                before = self._keys.get(name)
                window = Window(min(self._bounds.after_ns(change.revision), by_ns), by_ns)
                for observation in observations_of(
                    name, before, change.key, change.revision, self._scope, self._previous
                ):
                    self._emit(observation, window)
                if change.key is None:
                    self._keys.pop(name, None)
                else:
                    self._keys[name] = change.key
                if name == "leader":
                    self._previous = text_of(change.key) or self._previous
            self._revision = revision

    def _emit(self, observation: Observation, window: Window) -> None:
        kind, subject, detail = observation
        self._record_event(Event(SOURCE, kind, subject, window, detail))

    def _record_event(self, event: Event) -> None:
        if not self._stopping.is_set():
            self._record(event)
