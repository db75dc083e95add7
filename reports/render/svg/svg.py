"""SVG that GitHub shows: no outside reference, fixed ids, an opaque background.

The pictures are bars, lines and words, so they need no plotting library, and the same results give the same bytes on
every machine. The colours are those of Okabe and Ito, which colour-blind readers can tell apart; failures are hatched.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from reports.render.escaping import one_line

INK, FAINT, PAPER, GRID = "#1f2328", "#59636e", "#ffffff", "#d1d9e0"
BLUE, SKY, GREEN, ORANGE, RED, GREY = "#0072b2", "#a6d3ee", "#009e73", "#e69f00", "#d55e00", "#c4c9cf"
PURPLE, AMBER, LIME = "#cc79a7", "#fff3d6", "#b6d94c"
FONT = "DejaVu Sans, Verdana, Arial, sans-serif"
HATCH = (
    '<defs><pattern id="hatch" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<rect width="5" height="5" fill="#d55e00"/><rect width="1.6" height="5" fill="#ffffff"/></pattern>'
    '<pattern id="gone" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<rect width="6" height="6" fill="#eceff2"/><rect width="2" height="6" fill="#8c959f"/></pattern></defs>'
)
FAILED, GONE = "url(#hatch)", "url(#gone)"


def escaped(text: object, longest: int = 90) -> str:
    """Return text escaped for SVG, on one line, cut to `longest` characters."""
    flat = one_line(text)
    flat = flat if len(flat) <= longest else flat[: longest - 1] + "…"
    for mark, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"), ("'", "&#39;")):
        flat = flat.replace(mark, entity)
    return flat


def at(value: float) -> str:
    """Return a coordinate to a tenth of a pixel, without a trailing zero."""
    return (
        f"{value:.1f}".removesuffix(".0").replace("-0", "0") if abs(value) < 0.05 else f"{value:.1f}".removesuffix(".0")
    )


def rect(x: float, y: float, width: float, height: float, fill: str, stroke: str = "none", opacity: float = 1) -> str:
    """Return a bar."""
    faint = "" if opacity == 1 else f' opacity="{opacity:g}"'
    line = "" if stroke == "none" else f' stroke="{stroke}"'
    return (
        f'<rect x="{at(x)}" y="{at(y)}" width="{at(max(width, 0))}" height="{at(height)}" fill="{fill}"{line}{faint}/>'
    )


def line(x1: float, y1: float, x2: float, y2: float, stroke: str = GRID, width: float = 1, dashes: str = "") -> str:
    """Return a straight line; `dashes`: "5 3" is five pixels drawn, three left out."""
    ends = f'x1="{at(x1)}" y1="{at(y1)}" x2="{at(x2)}" y2="{at(y2)}"'
    return f'<line {ends} stroke="{stroke}" stroke-width="{width:g}"{_dashed(dashes)}/>'


def path(points: Sequence[tuple[float, float]], stroke: str, width: float = 1.6, dashes: str = "") -> str:
    """Return a line through points."""
    joined = " ".join(f"{at(x)},{at(y)}" for x, y in points)
    return f'<polyline points="{joined}" fill="none" stroke="{stroke}" stroke-width="{width:g}"{_dashed(dashes)}/>'


def shape(points: Sequence[tuple[float, float]], fill: str) -> str:
    """Return a filled shape with an outline."""
    joined = " ".join(f"{at(x)},{at(y)}" for x, y in points)
    return f'<polygon points="{joined}" fill="{fill}" stroke="{INK}" stroke-width="0.8"/>'


def _dashed(dashes: str) -> str:
    return f' stroke-dasharray="{dashes}"' if dashes else ""


def wide(text: object, size: int = 12) -> float:
    """Return about how wide a text is, in pixels; the estimate is rather too wide than too narrow."""
    return 0.64 * size * len(str(text))


def words(
    x: float,
    y: float,
    text: object,
    size: int = 12,
    fill: str = INK,
    anchor: str = "start",
    bold: bool = False,
    halo: bool = False,
) -> str:
    """Return a line of text; `anchor`: start, middle or end; `halo`: it stays readable where it crosses lines."""
    edge = f' stroke="{PAPER}" stroke-width="4" paint-order="stroke" stroke-linejoin="round"' if halo else ""
    weight = ' font-weight="bold"' if bold else ""
    place = "" if anchor == "start" else f' text-anchor="{anchor}"'
    return f'<text x="{at(x)}" y="{at(y)}" font-size="{size}" fill="{fill}"{place}{weight}{edge}>{escaped(text)}</text>'


def document(width: int, height: float, title: str, parts: Iterable[str]) -> str:
    """Return a whole picture, ending in one line break."""
    tall = round(height)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{tall}" viewBox="0 0 {width} {tall}" '
        f'role="img" font-family="{FONT}">'
    )
    inside = [f"<title>{escaped(title)}</title>", HATCH, rect(0, 0, width, tall, PAPER), *parts]
    return "\n".join([head, *inside, "</svg>"]) + "\n"


def step(span: float, most: int = 10) -> float:
    """Return a round distance between the marks of an axis, so that there are at most `most` of them."""
    for size in (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400):
        if span / size <= most:
            return size
    return span / most
