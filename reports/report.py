"""The report: facts in, a Markdown document, a JSON document or a few lines for a terminal out. Pure.

The same facts give the same bytes.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Literal

import jinja2

from reports import charts
from reports.render.escaping import escape, fence
from reports.render.language import Language, language
from reports.sections import SECTIONS, Profile, Section
from reports.text import (
    aftermath,
    answering,
    boards,
    comparison,
    incident_tables,
    load_tables,
    narrative,
    panels,
    portrait_tables,
    proxy_tables,
    queries,
    reasons,
    recounts,
    remedies,
    resilience,
    safety_tables,
    steps,
    tables,
)
from reports.text.old_answers import command, kind_of
from reports.text.old_facts import (
    CaptureFact,
    CostFact,
    EvidenceFact,
    Facts,
    IncidentFact,
    OutageFact,
    PhaseFact,
    RecordingFact,
)

LanguageName = Literal["ru", "en"]
NONE: Mapping[str, str] = MappingProxyType({})


def render(
    facts: Facts, language_name: LanguageName = "ru", profile: Profile = "homework", pictures: Mapping[str, str] = NONE
) -> str:
    """The whole report as Markdown for GitHub, ending in one line break.

    `pictures` maps the name of a picture to its path, relative to the document; without one, Mermaid and tables stand.
    """

    def picture(name: str, title: str) -> str:
        return (
            f"![{escape(title)}]({pictures[name]})\n\n{_caption(facts, name, language_name)}"
            if name in pictures
            else ""
        )

    environment = _environment(language_name, tuple(narrative.names_of(facts).items()))
    texts = []
    for section in (Section("document", first=True), *SECTIONS):
        if section.shown(facts, profile):
            template = environment.get_template(f"{section.name}.md.j2")
            text = _tidy(template.render(facts=facts, profile=profile, picture=picture))
            folded = profile == "drill" and not section.first and text
            texts.append(_folded(section, text, language(language_name)) if folded else text)
    return "\n\n".join(text for text in texts if text) + "\n"


def _folded(section: Section, text: str, words: Language) -> str:
    """A section that is opened by a click on its title."""
    title = words.say("details.incidents" if section.name == "incident" else f"{section.name}.title")
    return f"<details><summary>{title}</summary>\n\n{text}\n\n</details>"


def _caption(facts: Facts, name: str, language_name: LanguageName) -> str:
    """What a picture was drawn from: it is a drawing, never a screenshot."""
    words = language(language_name)
    head, _, rest = name.partition("-")
    if head == "incident":
        incident = next(i for i in facts["incidents"] if i["id"] == int(rest))
        return words.say("picture.caption_run", began_utc=incident["began_utc"], ended_utc=incident["ended_utc"])
    recording = next(r for r in facts["recordings"] if r["id"] == int(head))
    if rest == "run":
        return words.say("picture.caption_run", began_utc=recording["began_utc"], ended_utc=recording["ended_utc"])
    capture = next(c for c in recording["captures"] if c["members" if rest == "members" else "pools"])
    return words.say("picture.caption_members" if rest == "members" else "picture.caption", utc=capture["utc"])


def recording_of(facts: Facts, incident: IncidentFact) -> RecordingFact:
    """The recording that an incident belongs to."""
    return next(r for r in facts["recordings"] if r["id"] == incident["recording"])


def summary_lines(facts: Facts, language_name: LanguageName = "ru") -> list[str]:
    """What happened, in a few lines for a terminal: plain text, without Markdown."""
    words = language(language_name).plain().naming(narrative.names_of(facts))
    lines = [words.say("terminal.cut_off", id=r["id"]) for r in facts["recordings"] if r["ended"] is None]
    for incident in facts["incidents"]:
        lines += _incident_lines(incident, words)
    if facts["recordings"] and not facts["incidents"]:
        lines.append(words.say("terminal.healthy"))
    return lines


def _incident_lines(incident: IncidentFact, words: Language) -> list[str]:
    title = narrative.cause_title(incident, words)
    write, read = (incident_tables.outage(incident[a], words) or words.written(None) for a in ("write", "read"))
    lines = [words.say("terminal.incident", began_utc=incident["began_utc"], title=title)]
    lines.append(words.say("terminal.write", write=write, read=read))
    inside = [part for part in narrative.parts(incident) if part.inside]
    if len(inside) > 1:
        phases = [
            words.say("terminal.phase", name=narrative.phase_words(p.phase["name"], "name", words), seconds=p.seconds)
            for p in inside
        ]
        lines.append(words.say("terminal.phases", list=", ".join(phases)))
    if incident["leader"]["before"] != incident["leader"]["after"]:
        lines.append(words.say("terminal.leader", **incident["leader"]))
    lines.append(words.say("terminal.lost", lost=incident["lost_writes"]))
    return lines


def evidence_sentence(fact: EvidenceFact, language_name: LanguageName = "en") -> str:
    """What rows of the timeline show, as plain text."""
    return narrative.evidence_sentence(fact, language(language_name).plain())


def json_document(facts: Facts) -> dict[str, Any]:
    """The facts as `--format json` prints them: sentences in English, seconds to a millisecond, keys sorted."""
    words = language("en").plain()
    document = dict(facts)
    document["incidents"] = [_json_incident(incident, words) for incident in facts["incidents"]]
    document["warnings"] = [{**fact, "says": narrative.warning(fact, words)} for fact in facts["warnings"]]
    rounded = _rounded(document)
    assert isinstance(rounded, dict)
    return rounded


def _json_incident(incident: IncidentFact, words: Language) -> dict[str, Any]:
    return {
        **incident,
        "write": _cost_to_ms(incident["write"]),
        "read": _cost_to_ms(incident["read"]),
        "evidence": [_said(fact, words) for fact in incident["evidence"]],
        "rejected": [
            {**fact, "key": fact["reason"], "reason": narrative.rejected_sentence(fact, words)}
            for fact in incident["rejected"]
        ],
        "phases": [
            {**_span_to_ms(phase), "evidence": [_said(fact, words) for fact in phase["evidence"]]}
            for phase in incident["phases"]
        ],
    }


def _cost_to_ms(cost: CostFact) -> dict[str, Any]:
    outages = [_span_to_ms(outage) for outage in cost["outages"]]
    total = (
        sum(outage["seconds"] for outage in outages) if outages and cost["outage_s"] is not None else cost["outage_s"]
    )
    return {**cost, "outages": outages, "outage_s": total}


def _span_to_ms(span: PhaseFact | OutageFact) -> dict[str, Any]:
    """A span with its bounds to a millisecond and its length their difference, so that phases sum to an outage."""
    began_s, ended_s = round(span["began_s"], 3), round(span["ended_s"], 3)
    return {**span, "began_s": began_s, "ended_s": ended_s, "seconds": ended_s - began_s}


def _said(fact: EvidenceFact, words: Language) -> dict[str, Any]:
    return {**fact, "key": fact["says"], "says": narrative.evidence_sentence(fact, words)}


def _rounded(value: Any) -> Any:
    """Sorted keys, and no float finer than a millisecond: a clock's noise is not a fact."""
    if isinstance(value, Mapping):
        return {str(key): _rounded(value[key]) for key in sorted(value, key=str)}
    if isinstance(value, (list, tuple)):
        return [_rounded(item) for item in value]
    return round(value, 3) + 0.0 if isinstance(value, float) else value


@lru_cache(maxsize=2)
def _environment(language_name: LanguageName, names: tuple[tuple[str, str], ...]) -> jinja2.Environment:
    """The templates, with everything bound to one language and to the names of one cluster; compiled once."""
    words = language(language_name).naming(dict(names))
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("reports", "templates"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # the output is Markdown: reports/markdown.py escapes
    )
    environment.globals.update(
        say=words.say,
        columns=words.columns,
        written=words.written,
        upper=narrative.sentence_case,
        fence=fence,
        captures=captures,
        table={**_bound(tables, words), **_bound(incident_tables, words), **_bound(load_tables, words)},
        chart=_bound(charts, words),
        tell=_bound(narrative, words),
        after=_bound(aftermath, words),
        why=_bound(reasons, words),
        confirming_ids=reasons.confirming_ids,
        phases_query=reasons.phases_query,
        answering=_bound(answering, words),
        portrait=_bound(portrait_tables, words),
        proxy=_bound(proxy_tables, words),
        compare=_bound(comparison, words),
        remedies=_bound(remedies, words),
        resilience=_bound(resilience, words),
        boards=_bound(boards, words),
        panels=_bound(panels, words),
        safety=_bound(safety_tables, words),
        steps=_bound(steps, words),
        psql=steps.psql,
        went_back=safety_tables.went_back,
        shown_appeared=tables.SHOWN_APPEARED,
        shown_rows=safety_tables.SHOWN_LOST,
        recording_of=recording_of,
        leader_kept=narrative.leader_kept,
        rows=queries,
        again=recounts,
        kind_of=kind_of,
        command=command,
        queries=narrative.queries,
        query=narrative.query,
        all_evidence=narrative.all_evidence,
        first_on_new=incident_tables.first_on_new,
        shown_lost=incident_tables.SHOWN_LOST,
        shown_blindness=tables.SHOWN_BLINDNESS,
    )
    return environment


def captures(recording: RecordingFact, what: Literal["members", "pools"]) -> list[CaptureFact]:
    """The first and the last capture that hold what is asked for, once where they are the same or say the same."""
    found = [capture for capture in recording["captures"] if capture[what]]
    return found[:1] if len(found) < 2 or found[0][what] == found[-1][what] else [found[0], found[-1]]


def _bound(module: Any, words: Language) -> dict[str, Callable[..., Any]]:
    """The public functions of a module whose last argument is the language, with the language given."""

    def bind(function: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *arguments: function(*arguments, words)

    functions = {n: f for n, f in vars(module).items() if inspect.isfunction(f) and not n.startswith("_")}
    return {n: bind(f) for n, f in functions.items() if "language" in inspect.signature(f).parameters}


def _tidy(text: str) -> str:
    """No blank line twice, none at the ends, no space at a line's end; fenced blocks hold no blank lines of ours."""
    lines: list[str] = []
    for line in text.strip().splitlines():
        bare = line.rstrip()
        if bare or (lines and lines[-1]):
            lines.append(bare)
    return "\n".join(lines)
