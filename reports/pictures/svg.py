"""SVG that GitHub shows: no outside reference, fixed ids, no date, an opaque background. Text in, text out. Pure.

Drawn by code of our own: the pictures are bars, lines and words, a plotting library would weigh more than the program,
and the same facts must give the same bytes on every machine. Colours are Okabe and Ito's, told apart by the
colour-blind; what has failed is hatched as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from reports.render.escaping import one_line

INK, FAINT, PAPER, GRID = "#1f2328", "#59636e", "#ffffff", "#d1d9e0"
BLUE, SKY, GREEN, ORANGE, RED, GREY = "#0072b2", "#a6d3ee", "#009e73", "#e69f00", "#d55e00", "#c4c9cf"
PURPLE, AMBER, LIME = "#cc79a7", "#fff3d6", "#b6d94c"
FONT = "DejaVu Sans, Verdana, Arial, sans-serif"
MONO = "DejaVu Sans Mono, Menlo, Consolas, monospace"
HATCH = (
    '<defs><pattern id="hatch" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<rect width="5" height="5" fill="#d55e00"/><rect width="1.6" height="5" fill="#ffffff"/></pattern>'
    '<pattern id="gone" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<rect width="6" height="6" fill="#eceff2"/><rect width="2" height="6" fill="#8c959f"/></pattern></defs>'
)
FAILED, GONE = "url(#hatch)", "url(#gone)"


def escaped(text: object, longest: int = 90) -> str:
    """Text that is nothing but text in SVG, on one line, cut where it is too long for a picture."""
    flat = one_line(text)
    flat = flat if len(flat) <= longest else flat[: longest - 1] + "…"
    for mark, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"), ("'", "&#39;")):
        flat = flat.replace(mark, entity)
    return flat


def at(value: float) -> str:
    """A coordinate: to a tenth of a pixel, without a needless zero."""
    return (
        f"{value:.1f}".removesuffix(".0").replace("-0", "0") if abs(value) < 0.05 else f"{value:.1f}".removesuffix(".0")
    )


def rect(x: float, y: float, width: float, height: float, fill: str, stroke: str = "none", opacity: float = 1) -> str:
    """A bar."""
    faint = "" if opacity == 1 else f' opacity="{opacity:g}"'
    line = "" if stroke == "none" else f' stroke="{stroke}"'
    return (
        f'<rect x="{at(x)}" y="{at(y)}" width="{at(max(width, 0))}" height="{at(height)}" fill="{fill}"{line}{faint}/>'
    )


def line(x1: float, y1: float, x2: float, y2: float, stroke: str = GRID, width: float = 1, dashes: str = "") -> str:
    """A straight line; `dashes`: "5 3" is five drawn, three left out."""
    ends = f'x1="{at(x1)}" y1="{at(y1)}" x2="{at(x2)}" y2="{at(y2)}"'
    return f'<line {ends} stroke="{stroke}" stroke-width="{width:g}"{_dashed(dashes)}/>'


def path(points: Sequence[tuple[float, float]], stroke: str, width: float = 1.6, dashes: str = "") -> str:
    """A line through points."""
    joined = " ".join(f"{at(x)},{at(y)}" for x, y in points)
    return f'<polyline points="{joined}" fill="none" stroke="{stroke}" stroke-width="{width:g}"{_dashed(dashes)}/>'


def shape(points: Sequence[tuple[float, float]], fill: str) -> str:
    """A filled shape, seen on any ground."""
    joined = " ".join(f"{at(x)},{at(y)}" for x, y in points)
    return f'<polygon points="{joined}" fill="{fill}" stroke="{INK}" stroke-width="0.8"/>'


def _dashed(dashes: str) -> str:
    return f' stroke-dasharray="{dashes}"' if dashes else ""


def wide(text: object, size: int = 12) -> float:
    """About how wide a text is drawn: no font is asked, so it is told rather too wide than too narrow."""
    return 0.64 * size * len(str(text))


def words(
    x: float,
    y: float,
    text: object,
    size: int = 12,
    fill: str = INK,
    anchor: str = "start",
    bold: bool = False,
    mono: bool = False,
    longest: int = 90,
) -> str:
    """A line of text; `anchor`: start, middle or end; cut where it is longer than so many characters."""
    family = f' font-family="{MONO}" xml:space="preserve"' if mono else ""
    weight = ' font-weight="bold"' if bold else ""
    place = "" if anchor == "start" else f' text-anchor="{anchor}"'
    shown = _spaced(text) if mono else escaped(text, longest)
    return f'<text x="{at(x)}" y="{at(y)}" font-size="{size}" fill="{fill}"{place}{weight}{family}>{shown}</text>'


def _spaced(text: object) -> str:
    """Text of a terminal: its spaces are kept."""
    return "\u00a0".join(escaped(part, 400) for part in str(text).split(" "))


def document(width: int, height: float, title: str, parts: Iterable[str], background: str = PAPER) -> str:
    """A whole picture, ending in one line break."""
    tall = round(height)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{tall}" viewBox="0 0 {width} {tall}" '
        f'role="img" font-family="{FONT}">'
    )
    inside = [f"<title>{escaped(title)}</title>", HATCH, rect(0, 0, width, tall, background), *parts]
    return "\n".join([head, *inside, "</svg>"]) + "\n"


def step(span: float, most: int = 10) -> float:
    """A round distance between marks of an axis, so that there are at most so many."""
    for size in (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400):
        if span / size <= most:
            return size
    return span / most
