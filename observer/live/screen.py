"""The terminal screen of the live view, drawn from its own thread: a slow terminal blocks nothing else."""

import threading
from collections import deque
from collections.abc import Callable, Sequence

from rich.console import Console, Group
from rich.live import Live

from observer.live.assessment import ExpectedBack
from observer.live.drawing import Frame, Line, draw, line_of
from observer.live.plain import is_news
from observer.live.state import ACTIONS, ClusterState, ReadEtcd
from observer.live.words import incident_lines
from observer.model.findings import Findings
from observer.model.recording import Event, Operation, RecordingHeader
from observer.sources.lease import EtcdSnapshot

EVENTS_KEPT = 100
CALM_S = 0.5
OUTAGE_S = 0.125  # the clock of an outage shows tenths of a second
END_S = 1.0


class Screen:
    """A view on the terminal's alternate screen. At its end the messages remain on the normal screen."""

    def __init__(self, say: Callable[[str], None], expected_back: ExpectedBack, console: Console | None = None) -> None:
        self._say = say
        self._expected_back = expected_back
        self._console = console or Console(stderr=True, highlight=False)
        self._recording: RecordingHeader | None = None
        self._path = ""
        self._now_ns: Callable[[], int] = lambda: 0
        self._state = ClusterState()
        self._etcd: ReadEtcd = EtcdSnapshot
        self._lock = threading.Lock()  # guards the three below
        self._lines: deque[Line] = deque(maxlen=EVENTS_KEPT)
        self._incidents: Sequence[str] = ()
        self._analyzed_ns = 0
        self._messages: list[str] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="live", daemon=True)

    def start(self) -> None:
        """Do nothing: the first drawing needs a recording."""

    def begin(
        self, recording: RecordingHeader, path: str, now_ns: Callable[[], int], state: ClusterState, etcd: ReadEtcd
    ) -> None:
        """Begin to draw."""
        self._recording, self._path = recording, path
        self._now_ns, self._state, self._etcd = now_ns, state, etcd
        self._thread.start()

    def stop(self) -> None:
        """Return to the terminal's normal screen, and print the daemon's messages and the incidents there."""
        drawn = self._thread.ident is not None
        self._over.set()
        if drawn:
            self._thread.join(END_S)
            for text in (*self._messages, *self._incidents):
                self._say(text)

    def say(self, text: str) -> None:
        """Show a message of the daemon."""
        if not self._thread.is_alive():
            self._say(text)
            return
        self._messages.append(text)
        with self._lock:
            self._lines.append(Line(self._now_ns(), "observer", text, "plain"))

    def show(self, record: Event | Operation) -> None:
        """Add an event to the list of events. Polls that run late are counted instead: there are many at once."""
        if isinstance(record, Event) and is_news(record, self._state) and not record.kind.startswith("tick."):
            line = line_of(record)
            with self._lock:
                self._lines.append(line)

    def analyzed(self, findings: Findings) -> None:
        """Show the incidents, and list those that are new or whose description changed."""
        found, now_ns = incident_lines(findings), self._now_ns()
        with self._lock:
            self._lines += [Line(now_ns, "analysis", text, "note") for text in found if text not in self._incidents]
            self._incidents, self._analyzed_ns = tuple(found), now_ns

    def _run(self) -> None:
        try:
            with Live(console=self._console, screen=True, auto_refresh=False, redirect_stdout=False) as live:
                while not self._over.is_set():
                    outage = self._draw(live)
                    self._over.wait(OUTAGE_S if outage else CALM_S)
        except (OSError, ValueError):
            return  # the terminal is gone; the recording goes on
        except Exception as error:  # noqa: BLE001 (the recording goes on)
            self._say(f"The live view failed ({type(error).__name__}: {error}); the recording goes on.")

    def _draw(self, live: Live) -> bool:
        """Draw one frame and return whether an outage runs."""
        assert self._recording is not None
        state = self._state.copy()
        state.etcd = self._etcd()
        with self._lock:
            frame = Frame(state, self._recording, self._path, tuple(self._lines), self._incidents, self._analyzed_ns)
        now_ns, size = self._now_ns(), self._console.size
        live.update(Group(*draw(frame, now_ns, size.width, size.height, self._expected_back)), refresh=True)
        return any(state.traffic[action].running_ns(now_ns) for action in ACTIONS)
