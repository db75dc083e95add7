"""The traffic: reads and writes through the proxy, scheduled by the clock, each under a hard deadline."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from collections import deque
from collections.abc import Callable, Sequence

from observer.model.recording import MS_NS, SECOND_NS, Action, Event, Operation, Outcome
from observer.postgres.resolver import Resolver
from observer.postgres.session import READ, READY, RESOLVING, NoAnswer, Session, parameters
from observer.traffic.connections import Line, Lines, Running
from observer.traffic.outcome import Ended, outcome
from observer.traffic.plan import Due, Schedule, slots, streams
from observer.traffic.results import Teller
from observer.traffic.workload import WORKLOADS, Answer, absent, answer, bounds, token

_SLEPT_NS = 2 * SECOND_NS  # a longer gap than this between two turns of the loop: we did not run
_TURN_NS = SECOND_NS // 2  # the loop turns at least this often
_CONNECTING_NS = 2 * MS_NS  # after this long with connections on their way, operations that are due come first
_IDLE_NS = 10 * SECOND_NS  # a kept connection that nobody used for so long is closed
_JOIN_S = 5.0
_NO_LINE = NoAnswer("connect_timeout", "connect", "no connection was free by the deadline")


class Generator:
    """Drives the workload in a thread of its own and hands every operation that ended to `record`.

    `name_of` maps a server's own address ("host:port") to a member's name, None where it is nobody's. `workload`:
    "homework" or "probe". An exception in the thread is recorded (source.blind, subject "generator") and raised by
    `stop`. Raises DsnError.
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
        self._teller = Teller(record, now_ns, name_of)
        self._last_n = 0
        limit = slots(rate_per_s, fresh_per_s, deadline_ms)
        self._lines: dict[Action, Lines] = {"write": Lines(limit), "read": Lines(limit)}
        self._idle_ns = max(_IDLE_NS, round(3 * SECOND_NS / rate_per_s))
        self._order: deque[Running] = deque()  # by deadline: all have the same, from their start
        self._resolving: set[Line] = set()
        self._stop_by_ns: int | None = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="traffic", daemon=True)

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    @property
    def last_n(self) -> int:
        """The number in the last token given out; 0 before the first."""
        return self._last_n

    def start(self) -> None:
        """Begins."""
        self._selector = selectors.DefaultSelector()
        # A selector is woken by a socket, on every system: by a name that was resolved, and by `stop`.
        self._bell, self._ringer = socket.socketpair()
        self._bell.setblocking(False)
        self._ringer.setblocking(False)
        self._selector.register(self._bell, READ, None)
        self._resolver = Resolver(self._now_ns, self._wake)
        self._thread.start()

    def stop(self, drain_s: float) -> None:
        """Issues nothing more, lets what runs end or reach its deadline for drain_s at most, and records it."""
        self._stop_by_ns = self._now_ns() + round(drain_s * SECOND_NS)
        self._wake()
        self._thread.join(drain_s + _JOIN_S)
        if self._error is not None:
            raise self._error

    def _wake(self) -> None:
        with contextlib.suppress(OSError):  # full: it will wake anyhow; closed: nobody is left to be woken
            self._ringer.send(b"!")

    def _run(self) -> None:
        try:
            self._loop()
        except BaseException as error:
            self._error = error
            self._teller.died(error)
        finally:
            for lines in self._lines.values():
                for line in list(lines.all):
                    self._close(line, politely=line.running is None)
            self._selector.close()
            self._bell.close()
            self._ringer.close()

    def _loop(self) -> None:
        turned_ns = self._now_ns()
        schedule = Schedule(streams(turned_ns, self._rate_per_s, self._fresh_per_s))
        while True:
            self._serve_sockets(self._selector.select(self._wait_s(schedule)))
            # Answers first, then deadlines: after a pause of ours, what was answered in time is no failure.
            now_ns = self._now_ns()
            if now_ns - turned_ns > _SLEPT_NS:
                # A flood of overdue operations would break what it observes.
                self._teller.slept(turned_ns, now_ns, schedule.skip(now_ns))
            turned_ns = now_ns
            self._expire(now_ns)
            for lines in self._lines.values():
                while (running := lines.next_waiting(now_ns)) is not None:
                    self._carry(lines, running)
            if self._stop_by_ns is None:
                for due in schedule.take(now_ns):
                    self._issue(due)
            elif not self._order or now_ns >= self._stop_by_ns:
                self._expire(None)
                return

    def _serve_sockets(self, ready: Sequence[tuple[selectors.SelectorKey, int]]) -> None:
        """What came in, connections on their way last: those that do not fit into this turn have the next."""
        connecting: list[Line] = []
        for key, _ in ready:
            line: Line | None = key.data
            if line is None:
                self._answer_bell()
            elif line.session.stage == "connect":
                connecting.append(line)
            else:
                self._go_on(line)
        until_ns = self._now_ns() + _CONNECTING_NS
        for line in connecting:
            self._go_on(line)
            if self._now_ns() >= until_ns:
                return

    def _wait_s(self, schedule: Schedule) -> float:
        now_ns = self._now_ns()
        until_ns = now_ns + _TURN_NS
        if self._stop_by_ns is None:
            until_ns = min(until_ns, schedule.next_ns)
        until_ns = min(
            [until_ns, *(at_ns for lines in self._lines.values() if (at_ns := lines.look_ns(now_ns)) is not None)]
        )
        while self._order and self._order[0].ended:
            self._order.popleft()
        if self._order:
            until_ns = min(until_ns, self._order[0].started_ns + self._deadline_ns)
        elif self._stop_by_ns is not None:
            return 0.0
        return max(0, until_ns - now_ns) / SECOND_NS

    def _answer_bell(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._bell.recv(4096)
        resolving, self._resolving = self._resolving, set()
        for line in resolving:
            self._go_on(line)

    def _issue(self, due: Due) -> None:
        action, probe = due.stream.action, due.stream.probe
        now_ns = self._now_ns()
        trying = self._teller.trying(action)
        if trying and not self._teller.may_try(action, self._deadline_ns):
            return
        lines = self._lines[action]
        while (spare := lines.spare(now_ns - self._idle_ns)) is not None:
            self._close(spare, politely=True)
        if action == "write":
            self._last_n += 1
        name = token(self._tag, self._last_n) if action == "write" else ""
        running = Running(action, probe, name, due.due_ns, now_ns, trying)
        if lines.full:
            self._teller.ended(
                running, Outcome.FAIL, "slot", message=f"all {lines.limit} connections wait for an answer"
            )
            return
        self._order.append(running)
        if lines.serves(running, now_ns):
            self._carry(lines, running)
        else:
            lines.waiting.append(running)

    def _carry(self, lines: Lines, running: Running) -> None:
        """Puts an operation on a line: a kept one on the idle line that was used last, any other on a new one."""
        if running.probe == "kept" and lines.idle:
            line = lines.idle.pop()
        else:
            line = Line(running.action, Session(self._parameters[running.action], self._resolver))
            lines.opened(line, self._now_ns())
        line.running, running.line = running, line
        self._go_on(line)

    def _go_on(self, line: Line) -> None:
        """Takes a line as far as it goes without waiting."""
        session, running = line.session, line.running
        try:
            if running is not None and session.stage == "done":
                self._send(session, running)
            wants = session.step()
            if wants == READY and running is not None and session.stage == "send":
                self._lines[line.action].connecting.discard(line)
                self._send(session, running)
                wants = session.step()
        except NoAnswer as failure:
            if running is None:
                self._close(line, politely=False)
            else:
                self._failed(running, failure)
            return
        if running is None:
            return  # something was said on an idle connection: it lives, and that was all we had to know
        if wants == RESOLVING:
            self._resolving.add(line)
        elif wants != READY:
            self._listen(line, wants)
        else:
            self._answered(line, running)

    def _send(self, session: Session, running: Running) -> None:
        if running.action == "read":
            session.send(self._workload.read, self._bounds)
        else:
            sql = self._workload.knock if running.trying else self._workload.write
            session.send(sql, (self._workload.prefix + running.token,))

    def _listen(self, line: Line, wants: int) -> None:
        descriptor = line.session.fileno()
        if line.session.stage != "connect" and (descriptor, wants) == (line.descriptor, line.events):
            return
        # While connecting, libpq may have opened another socket under the same number.
        self._deaf(line)
        self._selector.register(descriptor, wants, line)
        line.descriptor, line.events = descriptor, wants

    def _deaf(self, line: Line) -> None:
        if line.descriptor >= 0:
            self._selector.unregister(line.descriptor)
            line.descriptor = -1

    def _close(self, line: Line, politely: bool) -> None:
        self._deaf(line)
        self._resolving.discard(line)
        self._lines[line.action].forget(line)
        if politely:
            line.session.leave()
        else:
            line.session.abandon()

    def _answered(self, line: Line, running: Running) -> None:
        rows = line.session.rows()
        if rows:
            said = answer(self._workload, rows[0])
            line.address = said.address
            self._teller.ended(running, Outcome.OK, "done", said)
        else:
            self._teller.absent(running.action, self._workload.empty)
        self._keep(line, running)

    def _keep(self, line: Line, running: Running) -> None:
        """A line in good standing after its operation: a kept one waits for the next."""
        running.ended = True
        if running.probe == "fresh":
            self._close(line, politely=True)
        else:
            self._lines[line.action].freed(line, self._now_ns())
            self._listen(line, READ)  # the end of an idle connection is seen when it comes

    def _failed(self, running: Running, failure: NoAnswer, ended: Ended | None = None) -> None:
        line = running.line
        if line is not None and not failure.lost and absent(failure.sqlstate):
            self._teller.absent(running.action, failure.message)
            self._keep(line, running)
            return
        running.ended = True
        how = outcome(failure.stage, ended or ("lost" if failure.lost else "error"), failure.sqlstate)
        # Who failed to answer is known only of a connection that answered before.
        said = Answer(line.address if line is not None and failure.stage == "answer" else None, None, None)
        self._teller.ended(running, how, failure.stage, said, failure.sqlstate, failure.message)
        if line is not None:
            self._close(line, politely=not failure.lost)

    def _expire(self, now_ns: int | None) -> None:
        """Gives up the operations whose deadline has come; all of them when now_ns is None, which is the end."""
        while self._order:
            running = self._order[0]
            if not running.ended and now_ns is not None and now_ns < running.started_ns + self._deadline_ns:
                return
            self._order.popleft()
            if not running.ended:
                overdue = running.line.session.overdue() if running.line is not None else _NO_LINE
                self._failed(running, overdue, "deadline")
