"""Draw docs/pictures/failover.svg and report.svg from the recording of the tutorial: `python -m tests.pictures`."""

from __future__ import annotations

import io
import re
import tempfile
from pathlib import Path

from rich.console import Console
from rich.markdown import Markdown
from rich.terminal_theme import DEFAULT_TERMINAL_THEME
from rich.theme import Theme

from observer.commands.reporting import results, text
from reports.analysis.results.whole import Results
from reports.render.language import language
from reports.render.svg.gallery import pictures
from tests.recorded import FAILOVER, database

FOLDER = Path(__file__).parents[1] / "docs" / "pictures"


def first_screen(found: Results) -> str:
    """Return the report up to its first folded part, as a terminal shows it, as SVG that loads no font."""
    report = text(found, "md", "en", "drill").partition("<details>")[0]
    shown = re.sub(r"\[([^\]]*)\]\(#[^)]*\)", r"\1", report)
    theme = Theme({"markdown.code": "cyan"})
    console = Console(width=120, record=True, file=io.StringIO(), force_terminal=True, theme=theme)
    console.print(Markdown(shown))
    svg = console.export_svg(title="observer report --lang en", theme=DEFAULT_TERMINAL_THEME)
    return re.sub(r"\s*@font-face \{.*?\}\n", "\n", svg, flags=re.DOTALL).replace("Fira Code", "DejaVu Sans Mono")


def main() -> None:
    """Write both pictures."""
    with tempfile.TemporaryDirectory() as folder:
        found = results(database(FAILOVER, Path(folder) / "observer.db"), None)
    drawn = {"failover": pictures(found, language("en"))["incident-1"], "report": first_screen(found)}
    for name, svg in drawn.items():
        (FOLDER / f"{name}.svg").write_text(svg, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
