"""The end of the document: where its numbers come from, how it checks itself, how to repeat it, what words mean."""

from __future__ import annotations

from collections.abc import Iterator

from reports.analysis.keys import PHASES
from reports.analysis.results.whole import Results
from reports.document.blocks import (
    Block,
    Bullets,
    Code,
    Inline,
    Profile,
    Section,
    Value,
    details,
    paragraph,
    say,
    seconds,
    table,
)
from reports.document.commands import cluster_kind, query

# Views of the recording file that hold what the document counts.
VIEWS = ("incidents", "phases", "outages", "leaders", "lost_writes", "served_by")


def notes(results: Results, profile: Profile) -> Section | None:
    """Return what operators noted while the recording ran."""
    rows = [
        (Value(note.utc, "clock"), Value(str(note.detail.get("text", ""))))
        for recording in results.recordings
        for note in recording.notes
    ]
    return Section("notes", say("about.notes"), table("about.notes_columns", rows)) if rows else None


def about(results: Results, profile: Profile) -> Section:
    """Return provenance, self-checks, commands and glossary, all but the first two folded."""
    blocks: list[Block] = [
        *paragraph(
            say("about.origin", observer=results.observer, n=len(results.recordings)),
            *(
                say(
                    "about.recording",
                    id=recording.id,
                    began_utc=recording.began_utc,
                    ended_utc=recording.ended_utc,
                    lasted=seconds(recording.duration_ns),
                )
                for recording in results.recordings
            ),
            None if results.warnings else say("about.checked"),
            say("about.injected") if _injected(results) else None,
        ),
        *details(say("about.method_title"), *_method(results)),
        *details(say("about.repeat_title"), *_repeat(results, profile)),
    ]
    return Section("about", say("about.title"), tuple(blocks))


def _injected(results: Results) -> bool:
    return any(one.kind == "fault.told" for incident in results.incidents for one in incident.injected)


def _method(results: Results) -> Iterator[Block]:
    """Return the definitions of an outage and of the phases that this document has."""
    items: list[tuple[Inline, ...]] = [(say("about.outage"),), (say("about.incident"),), (say("about.lost"),)]
    present = {part for i in results.incidents for phase in i.phases for part in phase.name.split("+")}
    items += [
        (say("about.phase", name=say(f"phase.{name}.name"), meaning=say(f"phase.{name}.meaning")),)
        for name in PHASES
        if name in present
    ]
    yield Bullets(tuple(items))


def _repeat(results: Results, profile: Profile) -> Iterator[Block]:
    """Return the commands that record such a run, make this report again and look into its data."""
    where = cluster_kind(results.recordings)
    if where != "other":
        docker = where == "docker"
        up = "(cd hw3 && docker compose up -d)" if docker else "observer stack up"
        drill = f"observer drill homework{' --docker' if docker else ''}"
        lines = [
            "make setup && . .venv/bin/activate",
            *(["(cd patroni-master && docker build -t patroni .)"] if docker else []),
            up,
            drill,
            "(cd hw3 && docker compose down)" if docker else "observer stack down",
        ]
        yield Code("\n".join(lines), "sh")
    options = " --profile homework" if profile == "homework" else ""
    asked = [query(f"select * from {view}") for view in VIEWS]
    yield Code("\n".join([f"observer report{options}", f"observer report --format json{options}", *asked]), "sh")
