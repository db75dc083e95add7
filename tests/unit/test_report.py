"""The report, the lines for the terminal and the JSON document, from literal facts."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from markdown_it import MarkdownIt

from observer.model.causes import CAUSES
from reports.analysis.keys import EVIDENCE, PHASES, REASONS
from reports.render.language import language
from reports.report import LanguageName, evidence_sentence, json_document, render, summary_lines
from reports.sections import SECTIONS, Profile
from reports.text.narrative import parts
from reports.text.old_facts import Facts
from tests.unit.facts_fixture import ALL, crash, healthy, incident, lossy, nothing_seen, twice

GITHUB = MarkdownIt("commonmark").enable(["table", "strikethrough"])
NBSP = "\u00a0"


@pytest.fixture(params=sorted(ALL))
def facts(request: pytest.FixtureRequest) -> Facts:
    return ALL[request.param]()


@pytest.mark.parametrize("language_name", ["ru", "en"])
@pytest.mark.parametrize("profile", ["homework", "drill"])
def test_every_document_is_sound_markdown(facts: Facts, language_name: LanguageName, profile: Profile) -> None:
    text = render(facts, language_name, profile)
    assert text.endswith("\n") and not text.endswith("\n\n")
    assert "\n\n\n" not in text
    assert not re.search(r"\b(None|nan|Undefined)\b|[{}]", re.sub(r"(?m)^%%\{init: .*$", "", text))
    assert not [line for line in text.splitlines() if line != line.rstrip()]
    tokens = GITHUB.parse(text)
    pipes = [t for t in tokens if t.type == "inline" and "|" in re.sub(r"`[^`]*`", "", t.content)]
    assert not pipes, "a row that is in no table"
    assert [t.type for t in tokens].count("table_open") == text.count("| ---") - text.count(" | ---") + _numeric(text)


def _numeric(text: str) -> int:
    """Tables whose first column is one of numbers."""
    return len(re.findall(r"(?m)^\| --:", text))


def test_the_same_facts_give_the_same_bytes(facts: Facts) -> None:
    assert render(facts) == render(facts)
    assert json.dumps(json_document(facts)) == json.dumps(json_document(facts))


def test_rendering_changes_no_fact(facts: Facts) -> None:
    before = json.dumps(facts)
    render(facts)
    json_document(facts)
    assert json.dumps(facts) == before


def test_the_summary_tells_the_crash_in_words_and_in_a_row() -> None:
    text = render(crash(), "en").replace(NBSP, " ")
    assert "Leader `patroni1` was killed" in text
    assert "could not write for 31.9 s" in text
    row = "22:10:10 | Leader `patroni1` was killed | 31.9 s | 0 s | the same | 0 | `patroni1` → `patroni2` |"
    assert f"| [1](#incident-1) | {row}" in text


def test_russian_has_a_decimal_comma() -> None:
    assert "Приложение не могло писать 31,9 с." in render(crash(), "ru").replace(NBSP, " ")


@pytest.mark.parametrize(
    "seconds", [(0.004, 0.004, 0.004, 0.004), (25.873, 0.134, 0.1, 5.737, 0.033), (1.125, 1.125, 1.125)]
)
def test_the_printed_phases_sum_to_the_printed_outage(seconds: tuple[float, ...]) -> None:
    found = incident()
    names = ("detection", "election", "promotion", "routing", "recovery")
    phases = [{**found["phases"][0], "name": n, "seconds": s} for n, s in zip(names, seconds, strict=False)]
    found["phases"] = phases  # type: ignore[typeddict-item]  # the other times do not matter here
    assert round(sum(part.seconds for part in parts(found)), 2) == round(sum(seconds), 2)


def test_evidence_is_quoted_with_its_rows_and_a_command_that_shows_them() -> None:
    text = render(crash(), "en")
    assert "(`events` 52, 53)" in text
    assert 'observer query "select * from events where id in (30, 31, 52, 53, 54, 57, 66, 88)"' in text


def test_a_healthy_recording_gives_a_short_document_without_incidents() -> None:
    text = render(healthy(), "en")
    assert "No incident was seen" in text
    assert "## Incident" not in text
    assert len(text) < len(render(crash(), "en")) * 0.75


def test_what_was_not_observed_is_never_fine() -> None:
    text = render(nothing_seen(), "en")
    assert "has no end" in text
    assert "whether there were incidents is unknown" in text
    assert "who led is unknown" in text
    assert "no two nodes" not in text
    assert "Every source saw" not in text


def test_an_outage_that_did_not_end_says_so_and_an_unobserved_one_is_a_dash() -> None:
    text = render(lossy(), "en").replace(NBSP, " ")
    assert "| write | ≥ 119.7 s, not over |" in text
    assert "| read | — | — |" in text
    assert "The effect on reads was not observed." in text


def test_lost_writes_are_listed_by_token() -> None:
    text = render(lossy(), "en")
    assert "2 writes were acknowledged to the application, but are not in the database" in text
    assert "`deadbeef-0000000152`" in text


def test_writes_that_failed_and_are_there_are_listed_by_token() -> None:
    found = crash()
    write = {"recording": 1, "token": "deadbeef-0000000160", "failed_utc": found["incidents"][0]["began_utc"]}
    more = {"failed_s": 7.67, "stage": "connect", "message": "no | route", "operation_id": 160, "audit_id": 4}
    found["durability"]["failed_but_present"] = 1
    found["durability"]["failed_but_present_writes"] = [{**write, **more}]  # type: ignore[typeddict-item]
    text = render(found, "en")
    assert "**1 write failed and is there all the same.**" in text
    assert "| `deadbeef-0000000160` | 22:10:10 | 7.7 | `connect` | <code>no &#124; route</code> | 160 | 4 |" in text
    assert "there all the same" not in render(crash(), "en")


def test_a_brownout_stands_beside_what_the_settings_imply() -> None:
    found = crash()
    found["incidents"][0]["brownout_s"], found["incidents"][0]["brownout_bound_s"] = 3.5, [0.0, 9.0]
    text = render(found, "en").replace(NBSP, " ")
    assert "for 3.5 s (a brownout)" in text and "up to 9.0 s (fall × inter)" in text
    assert "fall × inter), and longer" not in render(crash(), "en")


def test_that_reads_went_on_is_not_said_where_new_connections_did_not_get_through() -> None:
    found = crash()
    found["incidents"][0]["read"] |= {"fresh_outage_s": 31.0, "fresh_longer": True}
    text = render(found, "en").replace(NBSP, " ")
    assert "new connections could not read for 31.0 s" in text
    assert "Reads went on without a break" not in text and ", reads went on" not in text
    assert "New connections (read) were down for" not in text
    found["incidents"][0]["read"]["outage_s"] = 2.0
    text = render(found, "en").replace(NBSP, " ")
    assert "New connections (read) were down for 31.0 s, persistent ones for 0 s." in text


def test_many_incidents_are_told_in_their_rows_alone() -> None:
    found = crash()
    found["incidents"] = [{**incident(), "id": n, "number": n} for n in range(1, 6)]
    summary = render(found, "en").split("## The cluster")[0]
    assert summary.count("| 22:10:10 | Leader `patroni1` was killed |") == 5
    assert "disappeared without warning" not in summary


def test_what_goes_on_in_a_fault_is_told_once_and_a_fault_that_came_once_is_measured_once() -> None:
    found = crash()
    text = render(found, "en")
    assert "Measured once (n = 1): another such fault will take another time; the phases with bounds" in text
    found["incidents"] = [incident(), {**incident(), "id": 2, "number": 2}]
    chapter = render(found, "en").split("## Incident 2.")[1]
    assert "What goes on in it is told in [incident 1](#incident-1)." in chapter
    assert "Measured once" not in chapter


def test_new_connections_are_told_by_their_own_number_where_it_is_another_one() -> None:
    found = crash()
    found["incidents"][0]["write"]["fresh_outage_s"] = 32.4
    text = render(found, "en")
    assert "| write 32.4 s |".replace(" s", "\u00a0s") in text
    assert "New connections are tried 2 times a second, so a difference of up to 1.0\u00a0s may be the step" in text


def test_an_operators_note_is_shown_with_its_moment() -> None:
    found = crash()
    note = {
        "kind": "note.told",
        "at_s": 5.0,
        "utc": found["recordings"][0]["began_utc"],
        "detail": {"text": "kill | it"},
    }
    found["recordings"][0]["notes"] = [{**note, "event_id": 3}]  # type: ignore[typeddict-item]  # literal enough
    assert "| 22:10:03 | 5.0 | note | kill &#124; it |" in render(found, "en")


def test_several_recordings_are_told_apart() -> None:
    text = render(twice(), "en")
    assert text.count("### Recording 2") == 6
    assert "## Incident 1 (recording 1)." in text


def test_the_drill_explains_less_than_the_homework() -> None:
    assert "Glossary" in render(crash(), "en", "homework")
    assert "Glossary" not in render(crash(), "en", "drill")


def test_a_self_check_that_failed_is_shown_at_the_top() -> None:
    ghost = {"recording": 1, "member": "a | b"}
    text = render({**crash(), "warnings": [{"key": "check.nobody", "facts": ghost}]}, "en")
    assert text.index("nothing is known of <code>a &#124; b</code>, which is said to have led.") < text.index("## ")


def test_a_phase_outside_of_its_bounds_is_named() -> None:
    found = crash()
    found["incidents"][0]["phases"][0]["bound_s"] = [5.0, 10.0]
    assert "Detection took 25.9 s, while the settings imply 5.0 s–10.0 s." in render(found, "en").replace(NBSP, " ")
    assert "Detection took" not in render(crash(), "en")


def strings(value: Any, change: Callable[[str], str], key: str = "") -> Any:
    """The facts with every name and text from outside changed."""
    ours = {"began_utc", "ended_utc", "utc", "from_utc", "acknowledged_utc", "cause", "says", "reason", "table", "name"}
    if isinstance(value, dict):
        return {k: strings(v, change, k) for k, v in value.items()}
    if isinstance(value, list):
        return [strings(item, change, key) for item in value]
    return change(value) if isinstance(value, str) and key not in ours else value


@pytest.mark.parametrize("evil", ["|", "`", "\n\n# x\n", "<script>", "```", "*_", "a|b`c\\", "-->", "${x}", "]("])
@pytest.mark.parametrize("language_name", ["ru", "en"])
def test_text_from_outside_breaks_nothing(evil: str, language_name: LanguageName) -> None:
    def shape(text: str) -> list[str]:
        return [t.type for t in GITHUB.parse(text) if t.type != "inline"]

    for kind in (crash, lossy):
        plain: Facts = strings(kind(), lambda text: f"{text}x")
        nasty: Facts = strings(kind(), lambda text: f"{text}{evil}x")
        assert shape(render(nasty, language_name)) == shape(render(plain, language_name))


@pytest.mark.parametrize("language_name", ["ru", "en"])
def test_every_cause_and_every_phase_renders(language_name: LanguageName) -> None:
    for cause in CAUSES:
        found = crash()
        found["incidents"][0]["cause"] = cause
        found["incidents"][0]["rejected"] = [{"cause": cause, "reason": "reason.no_failover_asked", "facts": {}}]
        assert language(language_name).say(f"cause.{cause}.name") in render(found, language_name)
    for phase in (*PHASES, "promotion+routing+recovery"):
        found = crash()
        found["incidents"][0]["phases"][1]["name"] = phase
        render(found, language_name)


@pytest.mark.parametrize("language_name", ["ru", "en"])
def test_every_piece_of_evidence_and_reason_renders_when_nothing_of_it_is_known(language_name: LanguageName) -> None:
    found = crash()
    only = found["incidents"][0]
    only["evidence"] = [
        {"table": "events", "ids": [], "says": key, "facts": dict.fromkeys(names)} for key, names in EVIDENCE.items()
    ]
    only["rejected"] = [
        {"cause": "unknown", "reason": key, "facts": dict.fromkeys(names)} for key, names in REASONS.items()
    ]
    assert "None" not in render(found, language_name)


def test_the_terminal_gets_a_few_plain_lines() -> None:
    lines = [line.replace(NBSP, " ") for line in summary_lines(crash(), "en")]
    assert lines == [
        "22:10:10 UTC  Leader patroni1 was killed.",
        "  no writes for 31.9 s, no reads for 0 s",
        "  phases: detection 25.87 s, election 0.13 s, promotion 0.10 s, routing 5.73 s, recovery 0.03 s",
        "  leader: patroni1 → patroni2, timeline 1 → 2",
        "  acknowledged writes lost: 0",
    ]
    assert summary_lines(healthy(), "en") == ["No incident was seen."]
    assert summary_lines(nothing_seen(), "ru")[0].startswith("Наблюдение 1 не закончено")


def test_evidence_is_said_in_plain_text_with_its_moment() -> None:
    sentence = evidence_sentence(crash()["incidents"][0]["evidence"][1])
    assert sentence.replace(NBSP, " ") == "7.9 s: Patroni REST of patroni1 stopped answering: connection refused"


def test_json_says_in_english_what_the_keys_mean_and_keeps_the_keys() -> None:
    only = json_document(crash())["incidents"][0]
    assert only["rejected"][2] == {
        "cause": "switchover",
        "facts": {},
        "key": "reason.no_failover_asked",
        "reason": "no change of leader was requested",
    }
    assert only["evidence"][0]["key"] == "evidence.lease_expired"
    assert "their lease expired" in only["evidence"][0]["says"]
    assert only["phases"][0]["evidence"][0]["says"].startswith("33.5")


def test_json_has_sorted_keys_and_no_float_finer_than_a_millisecond(facts: Facts) -> None:
    def walk(value: Any) -> Iterator[Any]:
        yield value
        for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            yield from walk(item)

    document = json_document(facts)
    assert json.loads(json.dumps(document)) == document
    for value in walk(document):
        if isinstance(value, dict):
            assert list(value) == sorted(value)
        if isinstance(value, float):
            assert value == round(value, 3)


def test_json_phases_sum_to_the_outage_to_the_millisecond() -> None:
    found = crash()
    for span in (*found["incidents"][0]["phases"], *found["incidents"][0]["write"]["outages"]):
        span["began_s"] += 0.0004567 * span["began_s"] % 0.001
        span["ended_s"] += 0.0004567 * span["ended_s"] % 0.001
        span["seconds"] = span["ended_s"] - span["began_s"]
    only = json_document(found)["incidents"][0]
    inside = [phase["seconds"] for phase in only["phases"] if PHASES[phase["name"]]]
    assert round(sum(inside), 3) == only["write"]["outage_s"]


def test_every_section_has_a_template_and_the_table_of_contents_keeps_their_order() -> None:
    text = render(crash(), "en")
    without_heading = ("incident", "notes", "glossary", "objectives")
    titles = [language("en").say(f"{s.name}.title") for s in SECTIONS if s.name not in without_heading]
    places = [text.index(f"## {title}") for title in titles]
    assert places == sorted(places)


def test_a_leader_that_took_its_key_back_did_change_meanwhile() -> None:
    facts = crash()
    facts["incidents"][0]["leader"] |= {"after": "patroni1", "timeline_after": 1}
    facts["incidents"][0]["evidence"].append(
        {
            "table": "events",
            "ids": [54],
            "says": "evidence.leader_key_taken",
            "facts": {"member": "patroni2", "at_s": 33},
        }
    )
    text = render(facts, "en", "drill").replace(NBSP, " ")
    assert "The leader is the same again, `patroni1`, timeline 1: another held the key meanwhile." in text
