"""The pictures of a document by name: every recording, and every incident that has something to draw."""

from reports.analysis.results.whole import Results
from reports.render.language import Language
from reports.render.svg.incident import highest, incident, is_drawn
from reports.render.svg.run import run


def pictures(results: Results, language: Language) -> dict[str, str]:
    """Return SVG by name: "1-run" of recording 1, "incident-3"; only what there is to draw."""
    plain = language.plain()
    found: dict[str, str] = {}
    for recording in results.recordings:
        words = plain.naming(recording.names)
        own = [one for one in results.incidents if one.recording == recording.id]
        if recording.roles or recording.throughput:
            found[f"{recording.id}-run"] = run(recording, own, words)
        shown = [one for one in own if is_drawn(one)]
        for one in shown:
            found[f"incident-{one.id}"] = incident(one, recording, highest(shown), words)
    return found
