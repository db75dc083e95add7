"""Write docs/tutorial/failover.md from its template and its recording: `python -m tests.failover_page`."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from observer.live.words import incident_lines, line
from observer.model.findings import Incident, Phase
from observer.model.recording import SECOND_NS, Event, Outcome
from observer.store import Reader
from reports.analysis.analyze import analyze
from tests.recorded import FAILOVER, database

TEMPLATE = Path(__file__).with_name("failover.template.md")
PAGE = Path(__file__).parents[1] / "docs" / "tutorial" / "failover.md"

QUESTIONS = {
    "detection": "how long was the dead leader's lease still valid?",
    "election": "how soon did a replica take the key?",
    "promotion": "how soon did it accept writes?",
    "routing": "how soon did HAProxy notice?",
    "recovery": "how soon did the application retry?",
    "settling": "when did the last operation fail?",
    "protection": "when were there as many replicas as before?",
}


def rendered(reader: Reader) -> str:
    """Return the whole page."""
    text = TEMPLATE.read_text(encoding="utf-8")
    for name, value in values(reader).items():
        text = text.replace(f"@{name}@", value)
    return text


def values(reader: Reader) -> dict[str, str]:
    """Return the value of each name in the template."""
    recording = reader.load(reader.recording().id)
    findings = analyze(recording)
    (incident,) = findings.incidents
    (outage,) = incident.write.outages
    old, new = incident.leader_before or "", incident.leader_after or ""
    events = [event for event in recording.events if not event.detail.get("initial")]

    def first(*conditions: Callable[[Event], bool]) -> str:
        """Return the first event of each condition, in order of time."""
        found = [next(event for event in events if fits(event)) for fits in conditions]
        return "\n".join(line(event) for event in sorted(found, key=lambda event: event.by_ns))

    def of(kind: str, subject: str, source: str | None = None) -> Callable[[Event], bool]:
        return lambda e: e.kind == kind and e.subject == subject and source in (None, e.source)

    operations = recording.between(-1, recording.header.until_ns)
    writes = sum(o.action == "write" and o.outcome is Outcome.OK for o in operations)
    unknown = [o.token for o in operations if o.action == "write" and o.outcome is Outcome.UNKNOWN]
    stale = sum(o.action == "read" and o.server == new and o.in_recovery is False for o in operations)
    return {
        "OLD": f"`{old}`",
        "NEW": f"`{new}`",
        "SUMMARY": "\n".join(_wrapped(sentence) for sentence in incident_lines(findings)),
        "OUTAGE": f"{outage.duration_ns / SECOND_NS:.1f}",
        "PHASES": "\n".join(_row(phase) for phase in incident.phases),
        "DETECTED": first(
            of("source.blind", old, "patroni"),
            of("source.blind", old, "postgres"),
            of("route.down", f"primary/{old}"),
            of("lease.overdue", old),
        ),
        "ELECTED": first(of("leader.lost", old), of("member.lost", old), of("leader.elected", new)),
        "ROUTED": first(
            lambda e: of("member.changed", new, "postgres")(e) and e.detail["in_recovery"] is False,
            lambda e: of("route.changed", f"primary/{new}")(e) and e.detail["check_status"] == "L7OK",
            of("route.up", f"primary/{new}"),
        ),
        "TIMELINES": f"{incident.timeline_before} → {incident.timeline_after}",
        "LOST": f"{_lost(incident)} of {writes} acknowledged writes was lost",
        "UNKNOWN": _unknown(reader, unknown),
        "READS": "No read failed." if not incident.read.outages and not incident.read.failed else "Some reads failed.",
        "STALE": str(stale),
        **{phase.name.upper(): f"{phase.duration_ns / SECOND_NS:.1f}" for phase in incident.phases},
    }


def _row(phase: Phase) -> str:
    bound = f"{phase.bound_s[0]:.0f} to {phase.bound_s[1]:.0f}" if phase.bound_s is not None else "-"
    seconds, least, most = (ns / SECOND_NS for ns in (phase.duration_ns, phase.shortest_ns, phase.longest_ns))
    return f"| {phase.name} | {seconds:.2f} | {least:.2f} | {most:.2f} | {bound} | {QUESTIONS[phase.name]} |"


def _lost(incident: Incident) -> str:
    assert incident.lost is not None
    return str(len(incident.lost)) if incident.lost else "none"


def _unknown(reader: Reader, tokens: list[str]) -> str:
    if not tokens:
        return "No write had an unknown outcome: each was answered, or certainly had no effect."
    statement = "select max(present) from audits where '{}' between first_token and last_token"
    present = sum(found == 1 for token in tokens for (found,) in reader.query(statement.format(token))[1])
    return (
        f"Writes with an unknown outcome, because the server died before it answered: {len(tokens)}. "
        f"They may have taken effect or not; {present} of them were in the table later."
    )


def _wrapped(sentence: str) -> str:
    parts = sentence.split("; ")
    return ";\n  ".join(parts)


def main() -> None:
    """Write the page."""
    with tempfile.TemporaryDirectory() as folder, Reader(database(FAILOVER, Path(folder) / "observer.db")) as reader:
        PAGE.write_text(rendered(reader), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
