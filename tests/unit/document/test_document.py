"""The whole document: sound Markdown for every recorded run, the same bytes twice, and true in the corner cases."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from observer.model.findings import Evidence, Rejected, Reported
from observer.store.packed import opened
from observer.store.reading import Reader
from reports.analysis.results.evidence import LogLine
from reports.analysis.results.reads import Consistency, DurabilityTotals
from reports.analysis.results.recording import FailureGroup, LeaderPeriod, Part
from reports.analysis.results.whole import Results
from reports.contents import document
from reports.document.blocks import Profile
from reports.render.language import language
from reports.render.markdown import markdown
from tests.unit.analyzed import RUNS, recorded
from tests.unit.document.builders import (
    BEGAN,
    capture,
    cost,
    demo_incident,
    demo_recording,
    demo_results,
    member,
    ns,
    support,
)
from tests.unit.document.homework_run import RECORDING, homework_document, homework_results, outside, plain, words

GITHUB = MarkdownIt("commonmark").enable(["table"])
NAMES = sorted(path.name.removesuffix(".json.xz") for path in RUNS.glob("*.json.xz"))
PROFILES: tuple[Profile, ...] = ("homework", "drill")
LONGEST_COMMAND = 110
UNCLOSED = ("br", "img")
EMPTY = demo_recording(
    captures=(),
    totals=(),
    served=(),
    baseline=(),
    leaderships=(),
    parts=(),
    replica_lags=(),
    roles=(),
    routes=(),
    throughput=(),
    live=None,
    live_id=None,
    versions={},
    settings={},
    scope=None,
)


def rendered(found: Results, name: str = "en", profile: Profile = "homework") -> str:
    return plain(markdown(document(found, profile), language(name)))


class Tags(HTMLParser):
    """Checks that every tag is closed in its order, and collects the anchors."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.anchors: set[str] = set()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.anchors |= {named["id"] or ""} if "id" in named else set()
        self.links += [named["href"] or ""] if "href" in named else []
        if tag not in UNCLOSED:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-1:]}"
        self.open.pop()


def assert_sound(text: str) -> None:
    """Headings in order, rectangular tables, balanced tags, links that lead somewhere, nothing left unfilled."""
    assert text.endswith("\n") and "\r" not in text
    tokens = GITHUB.parse(text)
    levels = [int(token.tag[1]) for token in tokens if token.type == "heading_open"]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels)), levels
    for cells in tables(text):
        assert len(set(cells)) == 1, cells
    tags = Tags()
    tags.feed(GITHUB.render(text))
    assert tags.open == []
    inside = [link.removeprefix("#") for link in tags.links if link.startswith("#")]
    assert set(inside) <= tags.anchors
    prose = re.sub(r"<code>.*?</code>|<pre>.*?</pre>", "", GITHUB.render(text), flags=re.DOTALL)
    assert not re.search(r"\bNone\b|\{\w+(:[^}]*)?\}|\bnan\b", prose)


def tables(text: str) -> Iterator[list[int]]:
    """Yield for each table the number of cells in each of its lines."""
    found: list[int] = []
    fenced = False
    for line in (*text.splitlines(), ""):
        fenced ^= line.startswith("```")
        if line.startswith("|") and not fenced:
            found.append(line.count("|"))
        elif found:
            yield found
            found = []


@pytest.mark.parametrize("run", NAMES)
def test_every_recorded_run_gives_a_sound_document_in_both_languages_and_profiles(run: str) -> None:
    for name in ("ru", "en"):
        for profile in PROFILES:
            assert_sound(rendered(recorded(run), name, profile))


@pytest.mark.parametrize("name", ["ru", "en"])
@pytest.mark.parametrize("profile", PROFILES)
def test_the_document_of_the_homework_is_sound(name: str, profile: Profile) -> None:
    assert_sound(homework_document(name, profile))


def test_the_same_results_give_the_same_bytes() -> None:
    found = homework_results()
    assert rendered(found, "ru") == rendered(found, "ru")
    assert rendered(recorded("leader-killed")) == rendered(recorded("leader-killed"))


def test_the_order_of_the_text_is_the_order_of_the_run() -> None:
    text = homework_document("en")
    places = [text.index(f'id="incident-{one.id}"') for one in homework_results().incidents]
    assert places == sorted(places)


# Text that Markdown, HTML and tables act on, and text that hides or turns what follows it.
HOSTILE = st.text(
    st.sampled_from(list("`|\\*_[]()<>#-+=!~&$:;.1 \n\r\ta\u2028\u2067\u202e\u0000"))
    | st.characters(codec="utf-8", exclude_categories=["Cs"]),
    min_size=1,
    max_size=30,
) | st.sampled_from(["</details>", "| a | b |", "```", "\n# x\n", "<script>", "[x](#y)", "{unfilled}"])


@settings(max_examples=25, deadline=None)
@given(HOSTILE, st.sampled_from(PROFILES))
def test_text_from_outside_breaks_nothing(evil: str, profile: Profile) -> None:
    assert_same_structure(hostile(evil), hostile("harmless"), profile)


def assert_same_structure(evil: Results, harmless: Results, profile: Profile) -> None:
    """Assert that two documents differ in their text only: the same headings, tables and folded blocks."""
    texts = [rendered(found, "en", profile) for found in (evil, harmless)]
    shapes = [[token.type for token in GITHUB.parse(text) if token.type != "softbreak"] for text in texts]
    assert shapes[0] == shapes[1]
    folded = [len(re.findall("^</details>$", text, re.MULTILINE)) for text in texts]
    assert folded[0] == folded[1]
    assert "<script" not in GITHUB.render(texts[0])
    assert not re.search("[\u202a-\u202e\u2066-\u2069]", texts[0])
    assert [len(set(cells)) for cells in tables(texts[0])] == [1 for _ in tables(texts[0])]


def hostile(text: str) -> Results:
    """Return results in which everything that comes from outside is this text."""
    seen = Evidence("events", (1,), "evidence.operations_failed", {"action": "write", "count": 3, "message": text})
    line = LogLine(text, "demoted", text, ns(20), 5)
    own = demo_incident(
        target=text,
        targets=(text,),
        evidence=(seen,),
        rejected=(Rejected("switchover", "reason.no_failover_asked"),),
        leader_before=text,
        leader_after="patroni9",
        supporting=support(lines=(line,)),
    )
    note = Reported("note", ns(5), BEGAN, {"text": text}, 3)
    members = (*capture().members, member(text, "replica", 0))
    captured = replace(capture(), members=members)
    return demo_results(
        own,
        recordings=(
            demo_recording(
                scope=text,
                notes=(note,),
                captures=(captured,),
                failures=(FailureGroup("write", "fail", text, text, text, text, 2),),
                parts=(*demo_recording().parts, Part("patroni", text, (text,), (text,), None, (4,))),
                leaderships=(LeaderPeriod(text, 1, (1,), ns(0.2), None, BEGAN, ()),),
                versions={"postgres": text},
            ),
        ),
    )


def test_what_was_not_observed_is_unknown_and_never_zero() -> None:
    unseen = demo_incident(
        write=cost(outage_ns=None, ok=0), read=cost(outage_ns=None, ok=0), lost=None, fault_to_write_ns=None
    )
    found = demo_results(unseen, durability=DurabilityTotals(100, 0, 100, None, (), 0, None, None, ()))
    for name, unknown in (("en", "unknown"), ("ru", "неизвестно")):
        text = rendered(found, name)
        first = next(line for line in text.splitlines() if line.startswith('| <a id="incident-1">'))
        assert first.count(unknown) >= 5 and not re.search(r"\| 0[ .,]", first)


def test_an_empty_recording_does_not_claim_that_all_was_well() -> None:
    for profile in PROFILES:
        text = rendered(
            demo_results(recordings=(EMPTY,), consistency=Consistency(False, (), (), (), ())), "en", profile
        )
        assert_sound(text)
        assert "cannot show whether anything failed" in text
        assert "Nothing failed" not in text and "were never down" not in text
        assert words(outside(text)) < 500


def test_a_recording_without_traffic_claims_nothing_about_the_application() -> None:
    silent = demo_recording(totals=(), served=(), baseline=())
    unseen = demo_incident(write=cost(outage_ns=None, ok=0), read=cost(outage_ns=None, ok=0), lost=None)
    nothing = DurabilityTotals(0, 0, 0, None, (), 0, None, None, ())
    text = rendered(demo_results(unseen, recordings=(silent,), durability=nothing))
    assert_sound(text)
    assert "**Writes:** not measured. **Reads:** not measured." in text
    assert "There was no load, so the effect on an application is unknown." in text


def test_a_healthy_recording_gives_a_short_document_without_incidents() -> None:
    text = rendered(demo_results(), "en", "drill")
    assert_sound(text)
    assert "Nothing failed in 2 min." in text
    assert "Incidents" not in text and words(outside(text)) < 100


def test_two_recordings_are_told_apart() -> None:
    second = demo_recording(id=2, ended=None)
    other = replace(demo_incident(), id=2, recording=2)
    found = demo_results(demo_incident(), other, recordings=(demo_recording(), second))
    for profile in PROFILES:
        text = rendered(found, "en", profile)
        assert_sound(text)
        assert "### Recording 1" in text and "### Recording 2" in text
        assert "**Recording 2 has no end.**" in text


def test_an_unknown_cause_says_what_was_observed_and_what_is_excluded() -> None:
    seen = Evidence("events", (3,), "evidence.leader_key_kept", {"member": "patroni1"})
    rejected = (Rejected("switchover", "reason.no_failover_asked"),)
    unknown = demo_incident(
        cause="unknown", target=None, targets=(), confidence="low", evidence=(seen,), rejected=rejected
    )
    text = rendered(demo_results(unknown))
    assert_sound(text)
    assert "unknown cause, low confidence" in text
    assert "`patroni1` held the leader key throughout" in text and "Excluded: planned switchover" in text


def test_forty_incidents_stay_short_outside_their_folded_blocks() -> None:
    causes = ("leader.killed", "leader.frozen", "replica.stopped", "proxy.down")
    many = demo_results(*(demo_incident(n, causes[n % 4]) for n in range(1, 41)))
    for profile, most in zip(PROFILES, (2_500, 1_500), strict=True):
        text = rendered(many, "en", profile)
        assert_sound(text)
        assert words(outside(text)) <= most


def test_an_operators_note_is_shown_with_its_moment() -> None:
    noted = demo_recording(notes=(Reported("note", ns(5), BEGAN, {"text": "the *rack* was moved"}, 3),))
    text = rendered(demo_results(recordings=(noted,)))
    assert "| 08:36:08 | the \\*rack\\* was moved |" in text


@lru_cache
def commands() -> list[str]:
    texts = [homework_document(name, profile) for name in ("ru", "en") for profile in PROFILES]
    lost = DurabilityTotals(100, 100, 0, 0, (), 0, 0, 0, ())
    texts.append(rendered(demo_results(demo_incident(), durability=lost)))
    return sorted({found for text in texts for found in re.findall(r'^observer query "(.*)"$', text, re.MULTILINE)})


def test_every_query_of_the_document_fits_a_line_and_runs_on_the_recording() -> None:
    assert len(commands()) >= 7
    with opened(RECORDING) as reader:
        for sql in commands():
            assert len(f'observer query "{sql}"') <= LONGEST_COMMAND, sql
            assert '"' not in sql and "$" not in sql and "`" not in sql  # one argument of the shell
            columns, rows = reader.query(sql)
            assert columns
            list(rows)


def test_operations_that_are_counted_again_by_sql_give_the_same_numbers() -> None:
    [own] = homework_results().recordings
    with opened(RECORDING) as reader:
        outcomes = counted(reader, "select action || ' ' || outcome, count(*) from operations group by 1")
        served = counted(reader, "select 'all', sum(operations) from served_by")
    for total in own.totals:
        counts = (outcomes.get(f"{total.action} {outcome}", 0) for outcome in ("ok", "fail", "unknown"))
        assert tuple(counts) == (total.ok, total.failed, total.unknown)
    assert served["all"] == sum(row.operations for row in own.served)


def counted(reader: Reader, sql: str) -> dict[str, int]:
    return {str(key): int(n) for key, n in reader.query(sql)[1]}


@pytest.mark.parametrize("name", ["ru", "en"])
def test_nothing_is_claimed_that_wrong_documents_claim(name: str) -> None:
    text = homework_document(name).lower()
    for claim in ("репликация синхронная", "replication is synchronous", "данные не потеряны", "no data was lost"):
        assert claim not in text
