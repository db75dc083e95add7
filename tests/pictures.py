"""Draw docs/pictures from recorded runs: the report and the live view in a terminal: `python -m tests.pictures`."""

from __future__ import annotations

import io
import re
import tempfile
from dataclasses import replace
from pathlib import Path

from rich.console import Console, Group
from rich.markdown import Markdown
from rich.terminal_theme import DEFAULT_TERMINAL_THEME, MONOKAI, TerminalTheme
from rich.theme import Theme

from benchmarks.accuracy import recorded_run
from observer.commands.reporting import results, text
from observer.live.drawing import Frame, draw, line_of
from observer.live.plain import is_news
from observer.live.state import initial_state
from observer.live.words import incident_lines
from observer.model.recording import SECOND_NS, Event, Operation
from observer.sources.lease import EtcdSnapshot, Lease
from reports.analysis.analyze import analyze
from reports.analysis.results.whole import Results
from reports.analysis.theory import expected_back
from reports.render.language import language
from reports.render.svg.gallery import pictures
from tests.recorded import FAILOVER, database

RUNS = Path(__file__).parent / "corpus" / "runs"
QUORUM_S = 45.0  # in the run etcd-two: etcd has lost its quorum, and the primary was demoted
FOLDER = Path(__file__).parents[1] / "docs" / "pictures"


def first_screen(found: Results) -> str:
    """Return the report up to its first folded part, as a terminal shows it, as SVG that loads no font."""
    report = text(found, "md", "en", "drill").partition("<details>")[0]
    shown = re.sub(r"\[([^\]]*)\]\(#[^)]*\)", r"\1", report)
    theme = Theme({"markdown.code": "cyan"})
    console = Console(width=120, record=True, file=io.StringIO(), force_terminal=True, theme=theme)
    console.print(Markdown(shown))
    return as_svg(console, "observer report --lang en")


def as_svg(console: Console, title: str, theme: TerminalTheme = DEFAULT_TERMINAL_THEME) -> str:
    """Return what was printed as SVG that loads no font."""
    svg = console.export_svg(title=title, theme=theme)
    return re.sub(r"\s*@font-face \{.*?\}\n", "\n", svg, flags=re.DOTALL).replace("Fira Code", "DejaVu Sans Mono")


def live_view(run: Path, at_s: float, width: int, height: int, theme: TerminalTheme) -> str:
    """Return the live view of a recorded run at a moment, seconds since it began, as SVG."""
    recording, now_ns = recorded_run.read(run).recording, round(at_s * SECOND_NS)
    state, lines, lease = initial_state(recording.header.settings), [], None
    records: list[Event | Operation] = [*recording.events, *recording.between(-1, now_ns)]
    known = [one for one in records if moment(one) <= now_ns]
    for record in sorted(known, key=moment):
        if isinstance(record, Event) and is_news(record, state) and not record.kind.startswith("tick."):
            lines.append(line_of(record))
        if isinstance(record, Event) and record.kind == "lease.overdue":
            lease = Lease(record.detail["remaining_s"], record.detail["ttl_s"], record.by_ns)
        state.apply(record)
    found = analyze(replace(recording, events=[e for e in recording.events if e.by_ns <= now_ns]))
    over = [one for one in found.incidents if one.ended_ns < now_ns]
    endpoints = recording.header.settings["etcd"]["endpoints"]
    state.etcd = EtcdSnapshot(lease, dict.fromkeys(endpoints, "blind" if state.quorum is False else "leader"))
    frame = Frame(state, recording.header, "observer.db", lines, incident_lines(replace(found, incidents=tuple(over))))
    console = Console(width=width, height=height, record=True, file=io.StringIO(), force_terminal=True)
    console.print(Group(*draw(frame, now_ns, width, height, expected_back)))
    return as_svg(console, "observer start", theme)


def moment(record: Event | Operation) -> int:
    """Return when a record was known, ns."""
    return record.by_ns if isinstance(record, Event) else record.finished_ns


def main() -> None:
    """Write all pictures."""
    with tempfile.TemporaryDirectory() as folder:
        found = results(database(FAILOVER, Path(folder) / "observer.db"), None)
    began_s = found.incidents[0].began_ns / SECOND_NS
    quorum = RUNS / "etcd-two.json.xz"
    drawn = {
        "failover": pictures(found, language("en"))["incident-1"],
        "report": first_screen(found),
        "live-countdown": live_view(FAILOVER, began_s + 13, 150, 27, MONOKAI),
        "live-analyzed": live_view(FAILOVER, began_s + 60, 150, 27, MONOKAI),
        "live-quorum": live_view(quorum, QUORUM_S, 80, 32, DEFAULT_TERMINAL_THEME),
    }
    for name, svg in drawn.items():
        (FOLDER / f"{name}.svg").write_text(svg, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
