"""What only one kind of fault has to tell: reads without a quorum, writes past a proxy that is away."""

from __future__ import annotations

from reports.render.language import language
from reports.report import render
from reports.text.aftermath import proxied, quorum
from tests.unit.facts_fixture import crash, pace, span

EN = language("en")


def test_reads_without_a_quorum_are_counted_while_writes_were_down_alone() -> None:
    facts = crash()
    one, only = facts["incidents"][0], facts["recordings"][0]
    one["pace"] = [pace("read", second, 20, 1) for second in range(3, 50)]  # writes are down from 7.67 to 39.53 s
    said = " ".join(quorum(one, only, EN))
    assert (
        "(in whole seconds, from 8.0\u00a0s to 39.0\u00a0s): 620 succeeded, 31 did not. Count them: `observer" in said
    )
    assert "due_ns >= 8000000000 and due_ns < 39000000000 group by 1" in said
    one["pace"] = []
    assert "How many reads got through while writes were down is unknown." in quorum(one, only, EN)[1]


def test_writes_past_a_proxy_are_told_with_their_moment_where_they_were_during_the_outage() -> None:
    facts = crash()
    one, only = facts["incidents"][0], facts["recordings"][0]
    only["proofs"] = [span("patroni2", "written", 20.0, 20.02, 71), span("patroni2", "written", 39.9, 40.0, 72)]
    [said] = proxied(one, only, EN)
    assert "`patroni2` directly, past HAProxy, went through at 20.02\u00a0s, 12.37\u00a0s after the command" in said
    assert "(`events` 71)" in said
    assert (
        "There was no other direct write during the outage. The next one, at 40.00\u00a0s (`events` 72), came after"
        in said
    )


def test_the_id_of_a_row_is_written_as_it_is_asked_for() -> None:
    assert EN.written([1095, 1115, None], "id") == "1095, 1115, unknown"
    facts = crash()
    only = facts["recordings"][0]
    only["blindness"][0]["event_id"] = 1387
    only["dashboards"], only["crowds"] = [], [{**span("p", "100 / 100", 10, 20, 1387), "until_id": 1400}]
    text = render(facts, "en")
    assert "(100 / 100 in use, `events` 1387, 1400)" in text
    assert "1,387" not in text
