"""Text from outside can break neither a sentence, nor a table, nor a chart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from reports.render.escaping import code, escape, fence, one_line, table

GITHUB = MarkdownIt("commonmark").enable(["table", "strikethrough"])
# Text that is made of what Markdown, HTML, tables and Mermaid care for, and of anything at all.
NASTY = st.text(
    st.sampled_from(list("`|\\*_[]()<>#-+=!~&$:;.1 \n\r\tа\u2028\u0000\u202e")) | st.characters(codec="utf-8")
)


def inline(markdown: str) -> list[Token]:
    """The inline tokens of the only paragraph."""
    tokens = GITHUB.parse(markdown)
    assert [token.type for token in tokens] == ["paragraph_open", "inline", "paragraph_close"], markdown
    return tokens[1].children or []


def shown(tokens: list[Token]) -> str:
    """What a reader sees of inline tokens."""
    return "".join(token.content for token in tokens if token.type in ("text", "code_inline", "text_special"))


@given(NASTY)
def test_escaped_text_is_shown_as_it_is(text: str) -> None:
    tokens = inline(f"x {escape(text)} x")
    assert {token.type for token in tokens} <= {"text", "text_special"}
    assert one_line(shown(tokens)) == one_line(f"x {text} x")


@given(NASTY)
def test_escaped_text_at_the_start_of_a_line_begins_no_block(text: str) -> None:
    if one_line(text):
        assert one_line(shown(inline(escape(text)))) == one_line(text)


@given(NASTY)
def test_code_is_shown_as_it_is(text: str) -> None:
    tokens = inline(f"x {code(text)} x")
    assert {token.type for token in tokens} <= {"text", "text_special", "code_inline", "html_inline"}
    assert [token.content for token in tokens if token.type == "html_inline"] in ([], ["<code>", "</code>"])
    assert one_line(shown(tokens)) == one_line(f"x {one_line(text)} x")


@given(st.lists(st.tuples(NASTY, NASTY), min_size=1, max_size=4))
def test_a_table_keeps_its_cells_whatever_is_in_them(pairs: list[tuple[str, str]]) -> None:
    rows = [(escape(left), code(right) if one_line(right) else "") for left, right in pairs]
    tokens = GITHUB.parse(table(("a", "b"), rows))
    assert tokens[0].type == "table_open"
    assert tokens[-1].type == "table_close"
    cells = [tokens[i + 1] for i, token in enumerate(tokens) if token.type == "td_open"]
    read = [one_line(shown(cell.children or [])) for cell in cells]
    assert read == [one_line(cell) or "—" for pair in pairs for cell in pair]


@given(NASTY)
def test_a_fenced_block_holds_any_text(text: str) -> None:
    tokens = GITHUB.parse(f"{fence(text, 'sh')}\n\nafter")
    assert [token.type for token in tokens][:2] == ["fence", "paragraph_open"]
    shown = "".join(c if c == "\n" or c.isprintable() else " " for c in text)
    assert tokens[0].content == f"{shown}\n"


def test_escaping_leaves_ordinary_names_alone() -> None:
    assert escape("patroni-1.example.com (10.0.0.1:5432)") == "patroni-1.example.com (10.0.0.1:5432)"
    assert code("primary|backup") == "<code>primary&#124;backup</code>"


@pytest.mark.parametrize("text", ["1. one", "- one", "+ one", "# one", "> one", "=== ", "    one", "| a | b |", "---"])
def test_what_begins_a_block_begins_none_when_escaped(text: str) -> None:
    assert one_line(shown(inline(escape(text)))) == one_line(text)
