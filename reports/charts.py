"""Pictures that GitHub draws from text: Mermaid charts of an incident's phases and of leadership. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from reports.render.escaping import dashed, fence
from reports.render.language import Language
from reports.text.narrative import phase_words
from reports.text.old_facts import IncidentFact, RecordingFact

_LEAST_S = 0.05
_SECTION = "  section "


def label(text: str) -> str:
    """Text that Mermaid takes for nothing but text: letters, digits and a few marks."""
    return re.sub(r"\s+", " ", re.sub(r"[^\w .()/+-]", " ", text)).strip() or "-"


def phases(incident: IncidentFact, language: Language) -> str:
    """A Gantt chart of an incident, from its first outage or phase on; empty where there is nothing to draw."""
    spans = [(o["began_s"], o["ended_s"]) for c in (incident["write"], incident["read"]) for o in c["outages"]]
    if not incident["phases"] or not incident["write"]["outages"]:
        return ""
    zero = min([began for began, _ in spans] + [phase["began_s"] for phase in incident["phases"]])
    lines = [f"{_SECTION}{label(language.say('chart.application'))}"]
    for key, cost in (("writes_down", incident["write"]), ("reads_down", incident["read"])):
        lines += [
            _bar(language.say(f"chart.{key}"), o["began_s"], o["ended_s"], zero, "crit, ") for o in cost["outages"]
        ]
    lines.append(f"{_SECTION}{label(language.say('chart.phases_section'))}")
    for phase in incident["phases"]:
        if round(phase["seconds"], 2) == 0:
            continue  # the least bar that can be seen would reach beyond the outage
        lines.append(_bar(phase_words(phase["name"], "name", language), phase["began_s"], phase["ended_s"], zero))
    return _gantt(language.say("chart.phases"), lines)


def leadership(recording: RecordingFact, language: Language) -> str:
    """Who led when, one section for each member; empty where the leader never changed."""
    spells = recording["leaderships"]
    if len(spells) < 2:
        return ""
    lines = []
    for member in dict.fromkeys(spell["member"] for spell in spells):
        lines.append(f"{_SECTION}{label(member)}")
        for spell in spells:
            if spell["member"] == member:
                until = recording["duration_s"] if spell["to_s"] is None else spell["to_s"]
                name = f"timeline {dashed(spell['timelines']).replace('–', '-') or '-'}"
                lines.append(_bar(name, spell["from_s"], until, 0.0))
    return _gantt(language.say("chart.leadership"), lines)


def _gantt(title: str, lines: Sequence[str]) -> str:
    longest = max((len(line) for line in lines if line.startswith(_SECTION)), default=0) - len(_SECTION)
    init = f'%%{{init: {{"gantt": {{"leftPadding": {30 + 8 * longest}}}}}}}%%'
    head = [init, "gantt", f"  title {label(title)}", "  dateFormat YYYY-MM-DD HH:mm:ss.SSS", "  axisFormat %H:%M:%S"]
    return fence("\n".join([*head, *lines]), "mermaid")


def _bar(name: str, began_s: float, ended_s: float, zero_s: float, tags: str = "") -> str:
    """A task, no shorter than can be seen."""
    began = began_s - zero_s
    ended = max(ended_s - zero_s, began + _LEAST_S)
    return f"  {label(name)} :{tags}{_moment(began)}, {_moment(ended)}"


def _moment(seconds: float) -> str:
    """Mermaid wants a date: all begin on the same one, so that the axis counts from zero."""
    ms = max(0, round(seconds * 1000))
    days, rest = divmod(ms, 86_400_000)
    minutes, ms = divmod(rest, 60_000)
    hour, minute = divmod(minutes, 60)
    return f"2001-01-{1 + min(days, 30):02d} {hour:02d}:{minute:02d}:{ms // 1000:02d}.{ms % 1000:03d}"
