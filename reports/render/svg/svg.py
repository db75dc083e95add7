"""SVG that GitHub shows: no outside reference, fixed ids, an opaque background.

The pictures are bars, lines and words, so they need no plotting library, and the same results give the same bytes on
every machine. The colours are those of Okabe and Ito, which colour-blind readers can tell apart; failures are hatched.
"""

from collections.abc import Iterable, Sequence
from html import escape

from reports.render.escaping import one_line

INK, FAINT, PAPER, GRID = "#1f2328", "#59636e", "#ffffff", "#d1d9e0"
BLUE, SKY, GREEN, ORANGE, RED, GREY = "#0072b2", "#a6d3ee", "#009e73", "#e69f00", "#d55e00", "#c4c9cf"
PURPLE, AMBER, LIME, PALE = "#cc79a7", "#fff3d6", "#b6d94c", "#eceff2"
FONT = "DejaVu Sans, Verdana, Arial, sans-serif"
HATCH = (
    '<defs><pattern id="hatch" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<rect width="5" height="5" fill="#d55e00"/><rect width="1.6" height="5" fill="#ffffff"/></pattern>'
    '<pattern id="gone" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<rect width="6" height="6" fill="#eceff2"/><rect width="2" height="6" fill="#8c959f"/></pattern></defs>'
)
FAILED, GONE = "url(#hatch)", "url(#gone)"
# As wide as GitHub shows a picture in a document, so that letters are as large as they are drawn.
WIDTH = 830
SIZE, LONGEST = 12, 90


def at(value: float) -> str:
    """Return a coordinate to a tenth of a pixel, without a trailing zero."""
    return f"{round(value, 1) + 0.0:g}"


def rect(x: float, y: float, width: float, height: float, fill: str, stroke: str = "") -> str:
    """Return a bar."""
    edge = f' stroke="{stroke}"' if stroke else ""
    return f'<rect x="{at(x)}" y="{at(y)}" width="{at(max(width, 0))}" height="{at(height)}" fill="{fill}"{edge}/>'


def line(x1: float, y1: float, x2: float, y2: float, stroke: str = GRID, width: float = 1, dashes: str = "") -> str:
    """Return a straight line; `dashes`: "5 3" is five pixels drawn, three left out."""
    ends = f'x1="{at(x1)}" y1="{at(y1)}" x2="{at(x2)}" y2="{at(y2)}"'
    return f'<line {ends} stroke="{stroke}" stroke-width="{width:g}"{_dashed(dashes)}/>'


def path(points: Sequence[tuple[float, float]], stroke: str, width: float, dashes: str) -> str:
    """Return a line through points."""
    ends = f'points="{_joined(points)}" fill="none"'
    return f'<polyline {ends} stroke="{stroke}" stroke-width="{width:g}"{_dashed(dashes)}/>'


def shape(points: Sequence[tuple[float, float]], fill: str) -> str:
    """Return a filled shape with an outline."""
    return f'<polygon points="{_joined(points)}" fill="{fill}" stroke="{INK}" stroke-width="0.8"/>'


def _joined(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{at(x)},{at(y)}" for x, y in points)


def _dashed(dashes: str) -> str:
    return f' stroke-dasharray="{dashes}"' if dashes else ""


def wide(text: str) -> float:
    """Return about how wide a text is, in pixels; the estimate is rather too wide than too narrow."""
    return 0.64 * SIZE * len(text)


def words(
    x: float,
    y: float,
    text: object,
    fill: str = INK,
    anchor: str = "start",
    size: int = SIZE,
    bold: bool = False,
    halo: bool = False,
) -> str:
    """Return a line of text; `anchor`: start, middle or end; `halo`: it stays readable where it crosses lines."""
    edge = f' stroke="{PAPER}" stroke-width="4" paint-order="stroke" stroke-linejoin="round"' if halo else ""
    weight = ' font-weight="bold"' if bold else ""
    place = "" if anchor == "start" else f' text-anchor="{anchor}"'
    flat = one_line(text)
    cut = escape(flat if len(flat) <= LONGEST else flat[: LONGEST - 1] + "…")
    return f'<text x="{at(x)}" y="{at(y)}" font-size="{size}" fill="{fill}"{place}{weight}{edge}>{cut}</text>'


def document(height: float, title: str, parts: Iterable[str]) -> str:
    """Return a whole picture under its title, ending in one line break."""
    tall = round(height)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{tall}" viewBox="0 0 {WIDTH} {tall}" '
        f'role="img" font-family="{FONT}">'
    )
    top = [f"<title>{escape(title)}</title>", HATCH, rect(0, 0, WIDTH, tall, PAPER)]
    return "\n".join([head, *top, words(12, 20, title, size=15, bold=True), *parts, "</svg>"]) + "\n"
