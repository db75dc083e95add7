"""What the panels of the dashboards showed of each incident, and how to look at them. Facts in, Markdown out. Pure.

Prometheus was asked how many curves a panel had over a span, not for their values. What a number means follows from the
panel's own query: `Leader` draws a curve for each node that called itself the leader, `Role` and `Member sees a leader`
one for each member and one more for each that did not answer.
"""

from __future__ import annotations

import itertools
from datetime import datetime

from reports.render.escaping import code, escape, table
from reports.render.language import Language
from reports.text.answering import link
from reports.text.narrative import cause_title
from reports.text.old_answers import kind_of
from reports.text.old_facts import ASKED_S, LOST, Facts, IncidentFact, RecordingFact, ShownFact

QUIET_S = 5.0
"""So long it has to be quiet before an incident is judged and captured (observer/pulse.py)."""

PROMETHEUS = "http://127.0.0.1:9090"
GRAFANA = "http://localhost:3000"
BOARD = "observer-patroni"
BOARDS = {"etcd": "observer-haproxy-etcd", "failsafe": "observer-haproxy-etcd", "proxy": "observer-haproxy-etcd"}
"""Where a fault shows, by the first word of its cause; else `BOARD`."""
ETCD, PATRONI = "HAProxy and etcd", "Patroni"


def of_incidents(facts: Facts, recording: RecordingFact, language: Language) -> str:
    """A row for each incident of a recording: what was asked for, what its panels tell, what differs from the last."""
    rows = []
    before: tuple[IncidentFact, ShownFact] | None = None
    for incident in facts["incidents"]:
        if incident["recording"] != recording["id"]:
            continue
        title = f"{link(incident, language)}: {cause_title(incident, language)}; {_open(facts, incident, language)}"
        capture = _capture(incident, recording)
        if capture is None:
            rows.append((title, _not_captured(incident, recording, language), "", ""))
            continue
        rows.append(
            (
                title,
                _span(capture, incident, language),
                "; ".join(_signs(capture, incident, facts, language)) or language.say("panels.no_sign"),
                _changed(before, capture, facts, language) if before else language.say("panels.first"),
            )
        )
        before = incident, capture
    return table(language.columns("panels.columns"), rows)


def _open(facts: Facts, incident: IncidentFact, language: Language) -> str:
    """The time of an incident, which is a link to Grafana where the cluster has one."""
    span = language.say("panels.clock", began_utc=incident["began_utc"], ended_utc=incident["ended_utc"])
    if kind_of(facts["recordings"]) != "docker":
        return span
    board = BOARDS.get(incident["cause"].partition(".")[0], BOARD)
    return f"[Grafana, {span}]({_url(incident['began_utc'], incident['ended_utc'], board)})"


def spans(facts: Facts, recording: RecordingFact, language: Language) -> list[str]:
    """Each incident of a recording with its time, to open in Grafana; nothing where the cluster has none."""
    if kind_of(facts["recordings"]) != "docker":
        return []
    own = [incident for incident in facts["incidents"] if incident["recording"] == recording["id"]]
    return [f"{link(i, language)}: {cause_title(i, language)}; {_open(facts, i, language)}" for i in own]


def _capture(incident: IncidentFact, recording: RecordingFact) -> ShownFact | None:
    """What was asked for over an incident; the whole recording's span, which may begin with it too, is longer."""
    near = [c for c in recording["dashboards"] if abs(c["from_s"] - incident["began_s"]) <= ASKED_S]
    return min(near, key=lambda c: c["to_s"] - c["from_s"], default=None)


def _not_captured(incident: IncidentFact, recording: RecordingFact, language: Language) -> str:
    """Why an incident has no capture of its own, as far as that shows, and how much of it the longest one holds."""
    left_s = recording["duration_s"] - incident["ended_s"]
    early = left_s < QUIET_S
    said = [language.say("panels.ended", seconds=left_s) if early else language.say("panels.none")]
    whole = recording["dashboards"][0]
    missing_s = max(0.0, whole["from_s"] - incident["began_s"]) + max(0.0, incident["ended_s"] - whole["to_s"])
    length_s = incident["ended_s"] - incident["began_s"]
    if missing_s < length_s:
        key = "panels.whole" if missing_s == 0 else "panels.whole_but"
        said.append(language.say(key, ids=whole["event_id"], seconds=missing_s))
    return "; ".join(said)


def _span(capture: ShownFact, incident: IncidentFact, language: Language) -> str:
    """From when to when it was asked for; where the incident was longer, how much of it that is, and what it misses."""
    from_s, to_s, whole_s = capture["from_s"], capture["to_s"], incident["ended_s"] - incident["began_s"]
    said = [language.say("panels.span", from_s=from_s, to_s=to_s, ids=capture["event_id"])]
    if to_s < incident["ended_s"] - ASKED_S:
        said.append(language.say("panels.part", seconds=to_s - from_s, whole=whole_s))
        gone = [e["facts"].get("at_s") for e in incident["evidence"] if e["says"] == "evidence.demoted"]
        if gone and gone[0] is not None and gone[0] > to_s:
            said.append(language.say("panels.before_demotion", at_s=gone[0]))
    return "; ".join(said)


def _signs(capture: ShownFact, incident: IncidentFact, facts: Facts, language: Language) -> list[str]:
    """What the numbers of curves tell of a fault, and in which order its leaders led, as far as others tell that."""
    recording = next(r for r in facts["recordings"] if r["id"] == incident["recording"])
    found = []
    for board, panel in ((PATRONI, "Leader"), (ETCD, "Leader of etcd")):
        curves = _curves(capture, board, panel)
        if curves > 1:
            ids = _succession(capture, recording, facts) if board == PATRONI else _elected(incident)
            key = "panels.leaders_after" if len(ids) == curves - (board == ETCD) else "panels.leaders"
            found.append(language.say(key, panel=panel, curves=curves, ids=ids))
    for board, panel, kind in ((PATRONI, "Role", "postgres"), (ETCD, "Member sees a leader", "etcd")):
        members = len({part["name"] for part in recording["parts"] if part["kind"] == kind})
        curves = _curves(capture, board, panel)
        if curves > members > 0:
            found.append(
                language.say("panels.silent", panel=panel, curves=curves, members=members, silent=curves - members)
            )
    return found


def _succession(capture: ShownFact, recording: RecordingFact, facts: Facts) -> list[int]:
    """The rows in which primaries of a span began to be seen, one after the other; none where two may have met.

    A leader that was frozen goes on as a primary when it is thawed: then nobody can say so.
    """
    from_s, to_s = capture["from_s"], capture["to_s"]
    own = [r for r in recording["roles"] if r["what"] == "primary" and r["from_s"] < to_s and from_s < r["to_s"]]
    own.sort(key=lambda span: span["from_s"])
    both = [one["from_s"] for one in facts["consistency"]["two_primaries"] if one["recording"] == recording["id"]]
    both += [one["from_s"] for one in facts["consistency"]["hidden"] if one["recording"] == recording["id"]]
    known = facts["consistency"]["observed"] and not any(from_s <= at_s <= to_s for at_s in both)
    apart = all(before["to_s"] <= after["from_s"] for before, after in itertools.pairwise(own))
    return [r["event_id"] for r in own if r["event_id"] is not None] if known and apart else []


def _elected(incident: IncidentFact) -> list[int]:
    """The rows of elections within etcd, each of one leader after another, one to a term."""
    elections = incident["testimony"]["elections"]
    known = all(e["before"] is not None and e["leader"] not in (None, e["before"]) for e in elections)
    return [e["event_id"] for e in elections if e["event_id"] is not None] if known else []


def _curves(capture: ShownFact, board: str, panel: str) -> int:
    return next((b["series"].get(panel, 0) for b in capture["boards"] if b["board"] == board), 0)


def _changed(before: tuple[IncidentFact, ShownFact], capture: ShownFact, facts: Facts, language: Language) -> str:
    """The panels that had more or fewer curves than in the incident captured last, by dashboard."""
    found = []
    for board in capture["boards"]:
        items = []
        for panel, curves in board["series"].items():
            was = _curves(before[1], board["board"], panel)
            if curves != was:
                lost = not was and (board["board"], panel) == LOST
                # One curve is one count, whatever it says; read as a count it would be a write that was lost.
                said = language.say("panels.lost_curve", lost=facts["durability"]["lost"]) if lost else ""
                items.append(f"{escape(panel)}: {said}" if said else f"{escape(panel)} {was} → {curves}")
        if items:
            found.append(f"{code(board['board'])}: {', '.join(items)}")
    return "; ".join(found) or language.say("panels.same")


def screens(facts: Facts, language: Language) -> str:
    """How to open the screens over the time of the recordings, where the cluster has a Grafana."""
    if kind_of(facts["recordings"]) != "docker":
        return language.say("panels.no_grafana")
    first, last = facts["recordings"][0], facts["recordings"][-1]
    url = _url(first["began_utc"], last["ended_utc"])
    return language.say("panels.screens", began_utc=first["began_utc"], ended_utc=last["ended_utc"], url=url)


def ask(facts: Facts, recording: RecordingFact, language: Language) -> str:
    """The command that asks Prometheus what the observer did not; nothing where the cluster has none."""
    if kind_of(facts["recordings"]) != "docker":
        return ""
    url = (recording["settings"].get("prometheus") or {}).get("url") or PROMETHEUS
    span = f"-d start={_ms(recording['began_utc']) // 1000} -d end={_ms(recording['ended_utc']) // 1000} -d step=5"
    query = "--data-urlencode 'query=patroni_primary == 1'"
    return language.say("panels.ask", command=f"curl -sG {url}/api/v1/query_range {query} {span}", url=url)


def _url(began_utc: str, ended_utc: str, board: str = BOARD) -> str:
    """A dashboard in Grafana, over a span."""
    return f"{GRAFANA}/d/{board}?from={_ms(began_utc)}&to={_ms(ended_utc)}"


def _ms(utc: str) -> int:
    return int(datetime.fromisoformat(utc).timestamp() * 1000)
