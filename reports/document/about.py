"""The end of the document: where its numbers come from, how it checks itself, how to repeat it, what words mean."""

from collections.abc import Iterator

from reports.analysis.keys import PHASES
from reports.analysis.results.whole import Results
from reports.document.blocks import Bullets, Code, Profile, Section, Value
from reports.document.build import details, paragraph, say, seconds, table
from reports.document.each_recording import cluster_kind

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
    """Return provenance and self-checks; definitions and commands are folded."""
    injected = any(one.kind == "fault.told" for incident in results.incidents for one in incident.injected)
    recordings = [
        say(
            "about.recording",
            id=one.id,
            began_utc=one.began_utc,
            ended_utc=one.ended_utc,
            lasted=seconds(one.duration_ns),
        )
        for one in results.recordings
    ]
    present = {part for i in results.incidents for phase in i.phases for part in phase.name.split("+")}
    defined = [say("about.outage"), say("about.incident"), say("about.lost")]
    defined += [
        say("about.phase", name=say(f"phase.{name}.name"), meaning=say(f"phase.{name}.meaning"))
        for name in PHASES
        if name in present
    ]
    blocks = (
        *paragraph(
            say("about.origin", observer=results.observer),
            *recordings,
            None if results.warnings else say("about.checked"),
            say("about.injected") if injected else None,
        ),
        *details(say("about.method_title"), Bullets(tuple((one,) for one in defined))),
        *details(say("about.repeat_title"), *_repeat(results, profile)),
    )
    return Section("about", say("about.title"), blocks)


def _repeat(results: Results, profile: Profile) -> Iterator[Code]:
    """Yield the commands that record such a run, make this report again and look into its data."""
    where = cluster_kind(results.recordings)
    if where == "local":
        up = ("make setup && . .venv/bin/activate", "observer stack up")
        yield Code("\n".join((*up, "observer drill homework", "observer stack down")))
    elif where == "docker":
        up = ("make setup && . .venv/bin/activate", "(cd patroni-master && docker build -t patroni .)")
        run = ("(cd hw3 && docker compose up -d)", "observer drill homework --docker")
        yield Code("\n".join((*up, *run, "(cd hw3 && docker compose down)")))
    options = " --profile homework" if profile == "homework" else ""
    asked = [f'observer query "select * from {view}"' for view in VIEWS]
    yield Code("\n".join((f"observer report{options}", f"observer report --format json{options}", *asked)))
