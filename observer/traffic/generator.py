"""The traffic generator: reads and writes through the proxy, scheduled by the clock, each with a hard deadline."""

import contextlib
import selectors
import socket
import threading
from collections import deque
from collections.abc import Callable, Sequence

from observer.model.recording import MS_NS, SECOND_NS, Action, Event, Operation, Outcome
from observer.postgres.resolver import Resolver
from observer.postgres.session import READ, READY, RESOLVING, NoAnswer, Session, parameters
from observer.traffic.connections import Connection, ConnectionPool, Running
from observer.traffic.plan import Due, Schedule, slots, streams
from observer.traffic.results import Ended, ResultRecorder, outcome
from observer.traffic.workload import WORKLOADS, Answer, absent, answer, bounds, token

_SLEPT_NS = 2 * SECOND_NS  # after a longer gap between two turns of the loop, the process did not run
_TURN_NS = SECOND_NS // 2  # the loop turns at least this often
_CONNECTING_NS = 2 * MS_NS  # handling connection attempts for longer would delay operations that are due
_IDLE_NS = 10 * SECOND_NS  # an idle persistent connection is closed after this long
_JOIN_S = 5.0
_NO_CONNECTION = NoAnswer("connect_timeout", "connect", "no connection was free by the deadline")


class Generator:
    """Run the workload in a thread of its own and pass every operation that ended to `record`.

    `name_of` maps a server's own address ("host:port") to a member's name, None if it is no member's. `workload`:
    "homework" or "probe". An exception in the thread is recorded (source.blind, subject "generator"), and `stop` raises
    it. Raise DsnError.
    """

    def __init__(
        self,
        *,
        write_dsn: str,
        read_dsn: str,
        workload: str,
        rate_per_s: float,
        fresh_per_s: float,
        deadline_ms: int,
        tag: str,
        record: Callable[[Event | Operation], None],
        now_ns: Callable[[], int],
        name_of: Callable[[str], str | None],
    ) -> None:
        self._parameters: dict[Action, dict[str, str]] = {"write": parameters(write_dsn), "read": parameters(read_dsn)}
        self._workload = WORKLOADS[workload]
        self._bounds = bounds(self._workload, tag)
        self._rate_per_s, self._fresh_per_s = rate_per_s, fresh_per_s
        self._deadline_ns = deadline_ms * MS_NS
        self._tag = tag
        self._now_ns = now_ns
        self._results = ResultRecorder(record, now_ns, name_of)
        self.last_n = 0  # the number in the last token that was issued
        limit = slots(rate_per_s, fresh_per_s, deadline_ms)
        self._pools: dict[Action, ConnectionPool] = {"write": ConnectionPool(limit), "read": ConnectionPool(limit)}
        self._idle_ns = max(_IDLE_NS, round(3 * SECOND_NS / rate_per_s))
        self._order: deque[Running] = deque()  # in the order of their deadlines, which are equally far from each start
        self._resolving: set[Connection] = set()
        self._stop_by_ns: int | None = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="traffic", daemon=True)

    @property
    def alive(self) -> bool:
        """Return whether the thread runs."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Start the thread."""
        self._selector = selectors.DefaultSelector()
        # A socket wakes the selector on every system: after a name was resolved, and at `stop`.
        self._wakeup, self._waker = socket.socketpair()
        self._wakeup.setblocking(False)
        self._waker.setblocking(False)
        self._selector.register(self._wakeup, READ, None)
        self._resolver = Resolver(self._now_ns, self._wake)
        self._thread.start()

    def stop(self, drain_s: float) -> None:
        """Issue no more operations, let the running ones end for drain_s at most, and record them."""
        self._stop_by_ns = self._now_ns() + round(drain_s * SECOND_NS)
        self._wake()
        self._thread.join(drain_s + _JOIN_S)
        if self._error is not None:
            raise self._error

    def _wake(self) -> None:
        with contextlib.suppress(OSError):  # full: the selector wakes anyway; closed: the loop has ended
            self._waker.send(b"!")

    def _run(self) -> None:
        try:
            self._loop()
        except BaseException as error:  # noqa: BLE001 (`stop` raises it again)
            self._error = error
            self._results.died(error)
        finally:
            for pool in self._pools.values():
                for connection in list(pool.all):
                    self._close(connection, cleanly=connection.running is None)
            self._selector.close()
            self._wakeup.close()
            self._waker.close()

    def _loop(self) -> None:
        turned_ns = self._now_ns()
        schedule = Schedule(streams(turned_ns, self._rate_per_s, self._fresh_per_s))
        while True:
            self._serve_sockets(self._selector.select(self._wait_s(schedule)))
            # Answers before deadlines: after a pause of this process, an answer that came in time is no failure.
            now_ns = self._now_ns()
            if now_ns - turned_ns > _SLEPT_NS:
                # A flood of overdue operations would disturb the cluster.
                self._results.slept(turned_ns, now_ns, schedule.skip(now_ns))
            turned_ns = now_ns
            self._expire(now_ns)
            for pool in self._pools.values():
                while (running := pool.next_waiting(now_ns)) is not None:
                    self._assign(pool, running)
            if self._stop_by_ns is None:
                for due in schedule.take(now_ns):
                    self._issue(due)
            elif not self._order or now_ns >= self._stop_by_ns:
                self._expire(None)
                return

    def _serve_sockets(self, ready: Sequence[tuple[selectors.SelectorKey, int]]) -> None:
        """Handle ready sockets, those being connected last; the next turn takes those that do not fit into this one."""
        connecting: list[Connection] = []
        for key, _ in ready:
            connection: Connection | None = key.data
            if connection is None:
                self._on_wakeup()
            elif connection.session.stage == "connect":
                connecting.append(connection)
            else:
                self._advance(connection)
        until_ns = self._now_ns() + _CONNECTING_NS
        for connection in connecting:
            self._advance(connection)
            if self._now_ns() >= until_ns:
                return

    def _wait_s(self, schedule: Schedule) -> float:
        now_ns = self._now_ns()
        moments_ns = [now_ns + _TURN_NS, *(pool.retry_ns(now_ns) for pool in self._pools.values())]
        if self._stop_by_ns is None:
            moments_ns.append(schedule.next_ns)
        while self._order and self._order[0].ended:
            self._order.popleft()
        if self._order:
            moments_ns.append(self._order[0].started_ns + self._deadline_ns)
        elif self._stop_by_ns is not None:
            return 0.0
        return max(0, min(at_ns for at_ns in moments_ns if at_ns is not None) - now_ns) / SECOND_NS

    def _on_wakeup(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._wakeup.recv(4096)
        resolving, self._resolving = self._resolving, set()
        for connection in resolving:
            self._advance(connection)

    def _issue(self, due: Due) -> None:
        action, probe = due.stream.action, due.stream.probe
        now_ns = self._now_ns()
        trying = self._results.trying(action)
        if trying and not self._results.may_try(action, self._deadline_ns):
            return
        pool = self._pools[action]
        while (spare := pool.spare(now_ns - self._idle_ns)) is not None:
            self._close(spare, cleanly=True)
        if action == "write":
            self.last_n += 1
        name = token(self._tag, self.last_n) if action == "write" else ""
        running = Running(action, probe, name, due.due_ns, now_ns, trying)
        if pool.full:
            message = f"all {pool.limit} connections wait for an answer"
            self._results.ended(running, Outcome.FAIL, "slot", message=message)
            return
        self._order.append(running)
        if pool.serves(running, now_ns):
            self._assign(pool, running)
        else:
            pool.waiting.append(running)

    def _assign(self, pool: ConnectionPool, running: Running) -> None:
        """Give an operation a connection: the idle one used last if it is persistent, else a new one."""
        if running.probe == "kept" and pool.idle:
            connection = pool.idle.pop()
        else:
            connection = Connection(running.action, Session(self._parameters[running.action], self._resolver))
            pool.opened(connection, self._now_ns())
        connection.running, running.connection = running, connection
        self._advance(connection)

    def _advance(self, connection: Connection) -> None:
        """Advance a connection as far as it goes without waiting."""
        session, running = connection.session, connection.running
        try:
            if running is not None and session.stage == "done":
                self._send(session, running)
            wants = session.step()
            if wants == READY and running is not None and session.stage == "send":
                self._pools[connection.action].connecting.discard(connection)
                self._send(session, running)
                wants = session.step()
        except NoAnswer as failure:
            if running is None:
                self._close(connection, cleanly=False)
            else:
                self._failed(running, failure)
            return
        if running is None:
            return  # a message on an idle connection, which is still alive
        if wants == RESOLVING:
            self._resolving.add(connection)
        elif wants != READY:
            self._register(connection, wants)
        else:
            self._answered(connection, running)

    def _send(self, session: Session, running: Running) -> None:
        if running.action == "read":
            session.send(self._workload.read, self._bounds)
        else:
            sql = self._workload.probe_insert if running.trying else self._workload.write
            session.send(sql, (self._workload.prefix + running.token,))

    def _register(self, connection: Connection, wants: int) -> None:
        descriptor = connection.session.fileno()
        if connection.session.stage != "connect" and (descriptor, wants) == (connection.descriptor, connection.events):
            return
        # While connecting, libpq may have opened another socket under the same descriptor.
        self._unregister(connection)
        self._selector.register(descriptor, wants, connection)
        connection.descriptor, connection.events = descriptor, wants

    def _unregister(self, connection: Connection) -> None:
        if connection.descriptor >= 0:
            self._selector.unregister(connection.descriptor)
            connection.descriptor = -1

    def _close(self, connection: Connection, cleanly: bool) -> None:
        self._unregister(connection)
        self._resolving.discard(connection)
        self._pools[connection.action].forget(connection)
        if cleanly:
            connection.session.close()
        else:
            connection.session.reset()

    def _answered(self, connection: Connection, running: Running) -> None:
        rows = connection.session.rows()
        if rows:
            reply = answer(self._workload, rows[0])
            connection.address = reply.address
            self._results.ended(running, Outcome.OK, "done", reply)
        else:
            self._results.absent(running.action, self._workload.empty)
        self._keep(connection, running)

    def _keep(self, connection: Connection, running: Running) -> None:
        """Keep a working connection for the next operation if it is persistent, else close it."""
        running.ended = True
        if running.probe == "fresh":
            self._close(connection, cleanly=True)
        else:
            self._pools[connection.action].freed(connection, self._now_ns())
            self._register(connection, READ)  # so that the loop learns when the server ends it

    def _failed(self, running: Running, failure: NoAnswer, ended: Ended | None = None) -> None:
        connection = running.connection
        if connection is not None and not failure.lost and absent(failure.sqlstate):
            self._results.absent(running.action, failure.message)
            self._keep(connection, running)
            return
        running.ended = True
        how = outcome(failure.stage, ended or ("lost" if failure.lost else "error"), failure.sqlstate)
        # The server is known only if the connection answered before.
        reply = Answer(connection.address if connection is not None and failure.stage == "answer" else None, None, None)
        self._results.ended(running, how, failure.stage, reply, failure.sqlstate, failure.message)
        if connection is not None:
            self._close(connection, cleanly=not failure.lost)

    def _expire(self, now_ns: int | None) -> None:
        """End the operations whose deadline has passed; all of them if now_ns is None, at the end of the run."""
        while self._order:
            running = self._order[0]
            if not running.ended and now_ns is not None and now_ns < running.started_ns + self._deadline_ns:
                return
            self._order.popleft()
            if not running.ended:
                connection = running.connection
                overdue = connection.session.deadline_error() if connection is not None else _NO_CONNECTION
                self._failed(running, overdue, "deadline")
