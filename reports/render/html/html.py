"""The document as one HTML file that loads nothing: the Markdown as HTML, below a view of the run with its data."""

import base64
import hashlib
import json
import re
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import jinja2
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markupsafe import Markup

from reports.analysis.keys import is_inside
from reports.analysis.results.whole import Results
from reports.document.blocks import Section
from reports.render import json as as_json
from reports.render.language import Language
from reports.render.markdown import markdown
from reports.render.svg.incident import injected_text

WORDS = ("component", "drawing", "format", "how", "page", "phase", "role")
OUR_TAGS = re.compile(r'</?(?:a|code|details|summary)>|<a id="[\w.-]+">')
# What may break out of a script element, or ends a line in old parsers of JavaScript.
UNSAFE = {ord(mark): f"\\u{ord(mark):04x}" for mark in "<>&\u2028\u2029"}


def html(sections: Sequence[Section], results: Results, language: Language) -> str:
    """Return the page, ending in one line break. The same results give the same bytes."""
    script = _own("script.js")
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("reports", "render/html"), undefined=jinja2.StrictUndefined, autoescape=True
    )
    page = environment.get_template("page.html.j2").render(
        language=language.name,
        title=language.plain().written(sections[0].title) if sections and sections[0].title else "observer",
        words=language.phrases,
        style=Markup(_own("style.css")),
        script=Markup(script),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        data=Markup(_data(results, language, script)),
        document=Markup(_html(markdown(sections, language))),
    )
    return page.rstrip("\n") + "\n"


def _own(name: str) -> str:
    return files("reports.render.html").joinpath(name).read_text(encoding="utf-8")


def _html(text: str) -> str:
    """Return Markdown as HTML. Of the HTML in it only the tags that our renderer writes stay."""
    parser = MarkdownIt("commonmark", {"html": True}).enable("table")

    def tags(_: RendererHTML, tokens: Sequence[Token], index: int, *__: Any) -> str:
        content = tokens[index].content
        opened = re.fullmatch(r"<details><summary>(.*)</summary>\s*", content)
        if opened:  # Markdown leaves text within a block of HTML as it is
            return f"<details><summary>{parser.renderInline(opened[1])}</summary>\n"
        return "".join(OUR_TAGS.findall(content))

    parser.add_render_rule("html_block", tags)
    parser.add_render_rule("html_inline", tags)
    return str(parser.render(text))


def _data(results: Results, language: Language, script: str) -> str:
    """Return the facts and phrases of the view as JSON that is safe within a script element.

    Of the keys of the JSON document only those stay that the script mentions, so that the file is small.
    """
    words = language.plain()
    found = as_json.document(results)
    for own, shown in zip(results.recordings, found["recordings"], strict=True):
        for reported, note in zip(own.notes, shown["notes"], strict=True):
            note["text"] = injected_text(reported, words)
    for one, shown in zip(results.incidents, found["incidents"], strict=True):
        who = one.target or one.targets or None
        shown["title"] = words.say(f"cause.{one.cause}.title", who=who)
        for reported, fault in zip(one.injected, shown["told"], strict=True):
            fault["text"] = injected_text(reported, words)
        for phase in shown["phases"]:
            phase["inside"] = is_inside(phase["name"])
        for proof in (*shown["evidence"], *(proof for phase in shown["phases"] for proof in phase["evidence"])):
            proof["says"] = words.say(proof["key"], **proof["facts"])
    view = _only(found, frozenset(re.findall(r"\w+", script)))
    for shown in view["recordings"]:
        shown["names"] = next(own.names for own in results.recordings if own.id == shown["id"])
    view["words"] = {key: text for key, text in words.phrases.items() if key.split(".")[0] in WORDS}
    return json.dumps(view, ensure_ascii=False, separators=(",", ":"), sort_keys=True).translate(UNSAFE)


def _only(value: Any, keys: frozenset[str]) -> Any:
    if isinstance(value, dict):
        return {key: _only(own, keys) for key, own in value.items() if key in keys}
    return [_only(own, keys) for own in value] if isinstance(value, list) else value
