"""The pictures of a report by name: the whole run, each incident, and the two tables of the homework. Pure."""

from __future__ import annotations

from reports.pictures.incident import highest, incident, is_drawn
from reports.pictures.run import run
from reports.pictures.tables import members, pools
from reports.render.language import Language, language
from reports.text import narrative
from reports.text.old_facts import Facts


def pictures(facts: Facts, language_name: str) -> dict[str, str]:
    """SVG by name: "1-run", "1-members", "1-pools" of recording 1, "incident-3"; only what there is to draw."""
    words: Language = language(language_name).plain().naming(narrative.names_of(facts))
    found: dict[str, str] = {}
    for recording in facts["recordings"]:
        own = [i for i in facts["incidents"] if i["recording"] == recording["id"]]
        if recording["roles"] or recording["pace"]:
            found[f"{recording['id']}-run"] = run(recording, own, words)
        for name, draw in (("members", members), ("pools", pools)):
            capture = next((c for c in recording["captures"] if c[name]), None)
            if capture is not None:
                found[f"{recording['id']}-{name}"] = draw(capture, recording, words)
        shown = [one for one in own if is_drawn(one)]
        for one in shown:
            found[f"incident-{one['id']}"] = incident(one, recording, highest(shown), words)
    return found
