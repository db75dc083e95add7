"""Grafana: its dashboards, and what their panels showed of each fault."""

from collections.abc import Iterator
from datetime import datetime

from observer.model.causes import CAUSES
from observer.model.recording import SECOND_NS
from reports.analysis.results.recording import DashboardSpan
from reports.analysis.results.whole import IncidentResults, RecordingResults, Results
from reports.document.blocks import Blocks, Cell, Profile, Row, Section, Sentence, Value
from reports.document.build import code, details, events, numbers, paragraph, say, seconds, shown_by, table
from reports.document.each_recording import cluster_kind, of_each

GRAFANA = "http://localhost:3000"
BOARDS = {
    "patroni": "Patroni",
    "postgresql": "PostgreSQL",
    "haproxy_etcd": "HAProxy and etcd",
    "observer": "Observer",
}
"""The files in grafana_dashboards/ and the titles of their dashboards."""
UIDS = {"etcd": "observer-haproxy-etcd", "proxy": "observer-haproxy-etcd"}
"""The dashboard that shows the faults of a layer; all others show in the one of Patroni."""
UID = "observer-patroni"
NEAR_NS = SECOND_NS
"""A capture belongs to the incident that began at most this long before or after it."""
SIGNS = (
    ("Patroni", "Leader", None),
    ("HAProxy and etcd", "Leader of etcd", None),
    ("Patroni", "Role", "postgres"),
    ("HAProxy and etcd", "Member sees a leader", "etcd"),
)
"""Panels whose number of curves shows a fault: above 1, or above the number of members of a kind."""


def dashboards(results: Results, profile: Profile) -> Section | None:
    """Return the section on Grafana; None in a drill."""
    if profile == "drill" or not results.recordings:
        return None
    docker = cluster_kind(results.recordings) == "docker"
    whole = next((r.dashboards[0] for r in results.recordings if r.dashboards), None)
    asked = say("panels_seen.not_asked")
    if whole is not None:
        shown = shown_by(events(whole.event_id))
        asked = say("panels_seen.asked", from_s=seconds(whole.from_ns), to_s=seconds(whole.to_ns), rows=shown)
    rows = [_board(name, title, whole) for name, title in BOARDS.items()]
    blocks = (
        *paragraph(asked, say("panels_seen.not_opened" if docker else "panels_seen.none_here", url=Value(GRAFANA))),
        *details(say("panels_seen.boards", n=len(BOARDS)), *table("panels_seen.columns", rows)),
        *of_each(results, lambda recording: _incidents(results, recording, docker)),
    )
    return Section("dashboards", say("panels_seen.title"), blocks)


def _board(name: str, title: str, span: DashboardSpan | None) -> Row:
    found = next((b for b in span.boards if b.board == title), None) if span is not None else None
    counted = empty = None
    if found is not None:
        counted = say("panels_seen.of", n=found.panels - len(found.empty), all=found.panels)
        empty = tuple(Value(panel) for panel in found.empty) or None
    return code(title), say(f"panels_seen.{name}_shows"), counted, empty, say(f"panels_seen.{name}_empty")


def _incidents(results: Results, recording: RecordingResults, docker: bool) -> Blocks:
    """Return what the panels showed of each incident, folded."""
    own = [one for one in results.incidents if one.recording == recording.id]
    if not recording.dashboards or not own:
        return ()
    rows: list[Row] = []
    for one in own:
        near = [c for c in recording.dashboards[1:] if abs(c.from_ns - one.began_ns) <= NEAR_NS]
        capture = min(near, key=lambda c: c.to_ns - c.from_ns, default=None)
        shown: Cell = say("panels_seen.no_capture")
        if capture is not None:
            shown = tuple(_signs(capture, recording)) or say("panels_seen.no_sign")
        link = Value(f"[Grafana]({_url(one)})", "raw") if docker else None
        rows.append((numbers([one.id]), shown, link, None if capture is None else events(capture.event_id)))
    return details(
        say("panels_seen.incidents"),
        *paragraph(say("panels_seen.curves")),
        *table("panels_seen.incident_columns", rows),
        *paragraph(*_emptied(recording)),
    )


def _signs(capture: DashboardSpan, recording: RecordingResults) -> Iterator[Sentence]:
    for board, panel, kind in SIGNS:
        curves = next((b.series.get(panel, 0) for b in capture.boards if b.board == board), 0)
        members = 1 if kind is None else len({part.name for part in recording.parts if part.kind == kind})
        if curves > members > 0:
            key = "panels_seen.leaders" if kind is None else "panels_seen.silent"
            yield say(key, panel=panel, curves=curves, members=members, silent=curves - members)


def _emptied(recording: RecordingResults) -> Iterator[Sentence]:
    """Yield which panels were empty at an incident but not over the whole recording."""
    always = {(b.board, name) for b in recording.dashboards[0].boards for name in b.empty}
    for capture in sorted(recording.dashboards[1:], key=lambda one: one.from_ns):
        names = [name for b in capture.boards for name in b.empty if (b.board, name) not in always]
        if names:
            at_s, rows = seconds(capture.from_ns), shown_by(events(capture.event_id))
            yield say("panels_seen.emptied", from_s=at_s, to_s=seconds(capture.to_ns), names=names, rows=rows)


def _url(incident: IncidentResults) -> str:
    uid = UIDS.get(CAUSES[incident.cause].layer, UID)
    moments = (incident.began_utc, incident.ended_utc)
    from_ms, to_ms = (round(datetime.fromisoformat(utc).timestamp() * 1000) for utc in moments)
    return f"{GRAFANA}/d/{uid}?from={from_ms}&to={to_ms}"
