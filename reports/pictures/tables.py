"""The two tables that the homework asks for, drawn as they look: patronictl list, and HAProxy's pools. Pure."""

from __future__ import annotations

from reports.pictures.svg import FAINT, GREY, INK, document, rect, words
from reports.render.language import Language
from reports.text.old_facts import CaptureFact, RecordingFact

TERMINAL, LIGHT = "#1e2228", "#e6edf3"
COLUMNS = (
    ("Member", "name"),
    ("Host", "host"),
    ("Role", "role"),
    ("State", "state"),
    ("TL", "timeline"),
    ("LSN", "lsn"),
    ("Lag, bytes", "lag"),
)
SHADES = {"UP": "#c9f2d2", "DOWN": "#f7c6b5"}


def members(capture: CaptureFact, recording: RecordingFact, language: Language) -> str:
    """The rows of patronictl list, as on a terminal."""
    rows = []
    for member in capture["members"]:
        host, port = member.get("host"), member.get("port")
        shown = {
            **member,
            "host": f"{host}:{port}" if host and port else host,
            "role": str(member.get("role") or "").title(),
        }
        rows.append([str("" if shown.get(key) is None else shown[key])[:32] for _, key in COLUMNS])
    wide = [max(len(head), *(len(row[i]) for row in rows)) for i, (head, _) in enumerate(COLUMNS)]
    rule = "+" + "+".join("-" * (n + 2) for n in wide) + "+"
    title = f"+ Cluster: {recording['scope'] or '?'} ({recording['cluster_id'] or '?'}) "
    first = title + "-" * max(0, len(rule) - len(title) - 1) + "+"
    lines = [first, _row([head for head, _ in COLUMNS], wide), rule]
    lines += [*(_row(row, wide) for row in rows), rule]
    longest = max(len(text) for text in lines)
    drawn = [words(16, 28 + 18 * n, text, 13, LIGHT, mono=True) for n, text in enumerate(lines)]
    told = [language.say("picture.not_run"), language.say("picture.drawn", utc=capture["utc"])]
    y = 28 + 18 * len(lines) + 4
    drawn += [words(16, y + 16 * n, text, 11, "#c0c8d2", longest=200) for n, text in enumerate(told)]
    wide_px = round(32 + max(7.9 * longest, *(6.8 * len(text) for text in told)))
    return document(wide_px, y + 16 * len(told), language.say("picture.members"), drawn, TERMINAL)


def _row(cells: list[str], wide: list[int]) -> str:
    return "|" + "|".join(f" {cell:<{n}} " for cell, n in zip(cells, wide, strict=True)) + "|"


def pools(capture: CaptureFact, recording: RecordingFact, language: Language) -> str:
    """The pools with their servers, coloured and named as on the stats page."""
    found: dict[str, list[dict[str, object]]] = {}
    for row in capture["pools"]:
        if row.get("server") not in ("FRONTEND", "BACKEND"):
            found.setdefault(str(row.get("pool")), []).append(row)
    drawn = [words(16, 26, language.say("picture.pools"), 15, INK, bold=True)]
    y = 40.0
    places = (16, 170, 300, 470, 640)
    for pool, rows in found.items():
        drawn.append(rect(16, y, 768, 22, "#2f6f9f"))
        drawn.append(words(24, y + 15, pool, 12, "#ffffff", bold=True))
        y += 22
        for place, head in zip(places, language.columns("picture.pools_heads"), strict=True):
            drawn.append(words(place + 8, y + 15, head, 11, FAINT))
        y += 22
        for row in rows:
            status = str(row.get("status") or "")
            drawn.append(rect(16, y, 768, 22, SHADES.get(status.split(" ")[0], "#fff3d6"), GREY))
            check = " ".join(str(row[key]) for key in ("check_status", "check_code") if row.get(key) is not None)
            seconds = row.get("last_change_s")
            since = "" if seconds is None else language.say("picture.unchanged", n=seconds)
            for place, text in zip(
                places, (row.get("server"), status, check, row.get("address") or "", since), strict=True
            ):
                drawn.append(words(place + 8, y + 15, text, 12, INK))
            y += 22
        y += 12
    drawn.append(words(16, y + 6, language.say("picture.drawn", utc=capture["utc"]), 11, FAINT))
    return document(800, y + 18, language.say("picture.pools"), drawn)
