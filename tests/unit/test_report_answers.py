"""Answers to the homework, what came of nodes, faults compared, weak points: from literal facts."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from reports.facts.answers import answers_of, commands, kind_of, untested
from reports.facts.checks import checked
from reports.facts.shape import Facts
from reports.render.language import language
from reports.report import render
from reports.text.comparison import comparison, missing_faults
from tests.unit.facts_fixture import crash, healthy, incident, served, span, utc


def answered(facts: Facts) -> Facts:
    facts["answers"] = answers_of(facts)
    return facts


def with_host(host: str) -> Facts:
    facts = crash()
    for capture in facts["recordings"][0]["captures"]:
        for row in capture["members"]:
            row["host"] = host
    return facts


def many(count: int) -> Facts:
    facts = crash()
    one = facts["incidents"][0]
    facts["incidents"] = []
    for n in range(count):
        other: Any = deepcopy(one)
        shift = 300.0 * n
        other |= {"id": n + 1, "number": n + 1, "began_s": 7.67 + shift, "began_utc": utc(7.67 + shift)}
        facts["incidents"].append(other)
    return facts


def test_what_was_tried_is_answered_with_its_incident_and_what_was_not_with_a_command() -> None:
    text = render(answered(crash()), "en")
    assert (
        "**What if the leader dies suddenly (SIGKILL)?** Tested once, [incident 1](#incident-1): "
        "writes were down 31.9\u00a0s, reads went on; `patroni2` became the leader; "
    ) in text
    assert "**What if HAProxy goes?** Not tested. To test it: `python -m stack stop haproxy`, " in text
    assert '<a id="incident-1"></a>' in text


def test_every_question_is_there_even_where_nothing_was_tried() -> None:
    answers = answered(healthy())["answers"]
    assert len(answers) == 9 and not any(answer["incidents"] for answer in answers)
    assert render(answered(healthy()), "ru").count("Не проверялось.") == 9


@pytest.mark.parametrize(
    ("host", "kind", "first"),
    [
        ("127.0.0.1", "local", "python -m stack stop etcd3"),
        ("172.18.0.3", "docker", "docker stop demo-etcd3"),
    ],
)
def test_commands_name_the_members_of_this_cluster(host: str, kind: str, first: str) -> None:
    recordings = with_host(host)["recordings"]
    assert kind_of(recordings) == kind
    assert commands("etcd_one", recordings)[0] == first


def test_several_incidents_of_a_question_have_a_line_each() -> None:
    text = render(answered(many(3)), "en")
    lines = text[text.index("**What if the leader dies suddenly") :].splitlines()
    assert lines[0].endswith("Tested 3 times:")
    assert [line[: line.index(":")] for line in lines[1:4]] == [f"  - [incident {n}](#incident-{n})" for n in (1, 2, 3)]
    assert lines[4].startswith("- **")


def test_what_new_connections_alone_could_not_do_is_no_interruption_of_all_and_is_told_beside_them() -> None:
    facts = many(2)
    assert "New connections alone" not in render(answered(facts), "en").split("## The cluster")[0].split("answered")[1]
    for one, fresh_s in zip(facts["incidents"], (6.7, 17.2), strict=True):
        one["read"] |= {"outage_s": 0.0, "fresh_longer": True, "fresh_outage_s": fresh_s}
    text = render(answered(facts), "en")
    assert "reads in 0. " in text
    assert (
        "New connections alone could not read in 2 other incidents, for 6.7–17.2 s: "
        "[incident 1](#incident-1), [incident 2](#incident-2)." in text
    )


def test_who_led_etcd_is_told_by_its_election_and_is_unknown_where_only_the_told_fault_names_a_role() -> None:
    facts = crash()
    one = facts["incidents"][0]
    one |= {"cause": "etcd.member_down", "target": "127.0.0.1:23791", "led_etcd": False}
    one["told"][0]["detail"] = {"component": "etcd", "action": "kill", "target": "etcd1", "role": "etcd_follower1"}
    assert "not etcd's leader" in comparison(facts, language("en"))
    facts["recordings"][0]["etcd_leader"] = None
    text = render(answered(facts), "en")
    assert "no source of the recording says who led etcd; only whoever broke it told its role, `etcd_follower1`" in text
    assert "not etcd's leader" not in comparison(facts, language("en"))
    moment: Any = {"before": "etcd1", "term_before": 2, "after_s": 8.0, "by_s": 9.0}
    one["testimony"]["elections"] = [{**moment, "leader": "etcd2", "term": 3, "event_id": 449, "start": None}]
    assert "etcd elected `etcd2` leader, term 3 (`events` 449)" in render(answered(facts), "en")


def test_reads_that_went_back_in_time_are_told_with_who_served_reads() -> None:
    facts = answered(crash())
    reads = facts["consistency"]["reads"][0]
    for count, expected in ((1, True), (0, False)):
        for back in (reads["back_same_server"], reads["back_other_server"]):
            assert back is not None
            back["count"] = 0
        assert reads["back_other_server"] is not None
        reads["back_other_server"]["count"] = count
        assert ('1 read went back in time, see "Consistency".' in render(facts, "en")) is expected


def test_what_was_not_tested_is_listed_once() -> None:
    text = render(answered(crash()), "en")
    assert text.count("a node cut off from the network") == 1
    assert 'What was not tested stands under "The homework\'s questions, answered"' in text
    assert render(answered(crash()), "en", "drill").count("a node cut off from the network") == 1


def test_how_faults_of_the_leader_differ_is_told_where_two_of_them_were_tried() -> None:
    facts = many(2)
    assert "different faults" not in render(facts, "en")
    facts["incidents"][1]["cause"] = "leader.frozen"
    assert "different faults" in render(facts, "en")


def test_etcds_own_leader_is_named_where_it_is_known_and_asked_for_where_it_is_not() -> None:
    recordings = crash()["recordings"]
    assert commands("etcd_leader", recordings)[0] == "python -m stack stop etcd1"
    recordings[0]["etcd_leader"] = None
    assert commands("etcd_leader", recordings) == [
        "etcdctl --endpoints 127.0.0.1:23791 endpoint status --cluster -w table",
        "python -m stack stop etcdN",
        "python -m stack start etcdN",
    ]
    facts = answered(healthy())
    facts["recordings"][0]["etcd_leader"] = None
    text = render(answered(facts), "en")
    assert "`python -m stack stop etcdN`, `python -m stack start etcdN`; etcdN is the member for which" in text


def test_the_leader_that_is_named_in_a_command_is_the_one_that_leads_now() -> None:
    assert commands("leader_frozen", crash()["recordings"]) == [
        "python -m stack pause patroni2",
        "python -m stack resume patroni2",
    ]


def test_variants_that_no_incident_shows_are_named_with_their_commands() -> None:
    facts = crash()
    assert [name for name, _ in untested(facts)] == ["replica_killed", "replica_frozen", "proxy_killed", "cut_off"]
    line = next(text for text in render(answered(facts), "ru").splitlines() if text.startswith("- Не проверялось: "))
    assert "реплика убита (SIGKILL) — `python -m stack kill patroni1`; " in line
    assert line.endswith("узел отключён от сети — `observer drill replica-disconnected`.")
    facts["incidents"][0]["cause"] = "leader.unreachable"
    facts["incidents"][0]["told"][0]["detail"] = {"component": "haproxy", "action": "kill", "target": "haproxy"}
    assert [name for name, _ in untested(facts)] == ["replica_killed", "replica_frozen"]
    assert dict(untested(with_host("172.18.0.3")))["cut_off"] == (
        "docker network disconnect demo_default demo-patroni1"
    )
    assert "- Не проверялось: реплика убита" in render(answered(healthy()), "ru")


@pytest.mark.parametrize(("workload", "expected"), [("homework", True), ("probe", False), (None, False)])
def test_that_the_homeworks_tables_exist_is_said_where_writes_went_there(workload: str | None, expected: bool) -> None:
    facts = crash()
    facts["recordings"][0]["settings"]["traffic"]["workload"] = workload
    assert ("so that table exists" in render(answered(facts), "en")) is expected


def test_one_etcd_that_led_answers_two_questions_and_one_that_did_not_answers_one() -> None:
    for led, expected in ((True, ["etcd_one", "etcd_leader"]), (False, ["etcd_one"])):
        facts = crash()
        facts["incidents"][0] |= {"cause": "etcd.member_down", "target": "127.0.0.1:23791", "led_etcd": led}
        assert [a["question"] for a in answers_of(facts) if a["incidents"]] == expected


def test_an_exception_is_never_rounded_away() -> None:
    facts = crash()
    facts["recordings"][0]["served"].append(
        {
            "action": "read",
            "probe": "fresh",
            "server": "patroni2",
            "address": "127.0.0.1:15432",
            "in_recovery": False,
            "timeline": 2,
            "operations": 6,
        }
    )
    text = render(facts, "ru")
    assert "Реплики обслужили 2\u00a0802 чтения из 2\u00a0808." in text
    assert "попали к репликам в 0 случаях из 6, к лидеру — в 6." in text


@pytest.mark.parametrize(
    ("write", "read", "expected"),
    [
        ("host=127.0.0.1 port=5001", "host=127.0.0.1 port=5002", "the ports of this recording are set up so"),
        ("host=127.0.0.1 port=5002", "host=127.0.0.1 port=5001", "A contradiction with the homework's text"),
        ("host=127.0.0.1 port=6001", "host=127.0.0.1 port=6002", "Here the ports are others"),
    ],
)
def test_the_ports_are_held_to_the_homeworks_text(write: str, read: str, expected: str) -> None:
    facts = crash()
    facts["recordings"][0]["settings"]["traffic"] |= {"write": write, "read": read}
    assert expected in render(facts, "en")


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        (None, "Whether pg_rewind was needed is unknown"),
        ("plain", "mentions neither pg_rewind nor a re-clone"),
        ("rewound", "It came back through pg_rewind: the node's log says so."),
        ("copied", "Its database was copied anew"),
    ],
)
def test_pg_rewind_is_claimed_only_where_a_log_says_so(how: str | None, expected: str) -> None:
    facts = crash()
    facts["incidents"][0]["returns"][0]["how"] = how
    text = render(facts, "en")
    assert (
        "The old leader `patroni1` answered SQL by 50.4\u00a0s after the incident began: role replica, timeline 2."
        in text
    )
    assert expected in text


def test_faults_are_compared_by_least_middle_and_most() -> None:
    facts = crash()
    for n, seconds in ((2, 20.0), (3, 40.0)):
        other = deepcopy(incident())
        other["id"] = n
        other["write"]["outage_s"] = seconds
        facts["incidents"].append(other)
    row = next(line for line in render(facts, "en").splitlines() if line.startswith("| leader killed | 3"))
    assert "| 20.0 | 31.9 | 40.0 |" in row


def test_an_outage_that_was_not_over_is_at_least_so_long_and_no_least_and_no_middle() -> None:
    facts = crash()
    for n, seconds, is_open in ((2, 20.0, False), (3, 5.0, True)):
        other = deepcopy(incident())
        other["id"] = n
        other["write"] |= {"outage_s": seconds, "open": is_open}
        facts["incidents"].append(other)
    row = next(line for line in render(facts, "en").splitlines() if line.startswith("| leader killed | 3"))
    assert "| 20.0 | 25.9 | ≥\u00a031.9 |" in row
    facts["incidents"][2]["write"]["outage_s"] = 50.0
    facts["incidents"][2]["lost_writes"], facts["incidents"][1]["lost_writes"] = None, 2
    text = render(answered(facts), "en")
    row = next(line for line in text.splitlines() if line.startswith("| leader killed | 3"))
    assert "| 20.0 | 25.9 | ≥\u00a050.0 |" in row
    assert "| ≥\u00a02 |" in row
    assert "The longest outage of writes was ≥ 50.0\u00a0s, not over" in text


def test_forty_incidents_begin_with_an_overview_and_fold_the_rest() -> None:
    text = render(many(40), "en")
    assert text.index("| [40](#incident-40) |") < text.index("<details>") < text.index("## Incident 1.")
    unfolded, depth = 0, 0
    for line in text.splitlines():
        depth += line.count("<details>") - line.count("</details>")
        unfolded += depth == 0
        assert depth in (0, 1)
    assert depth == 0
    assert unfolded < 1110


def test_a_long_document_is_sound_html_between_its_markdown() -> None:
    for count in (1, 5, 30):
        text = render(many(count), "ru")
        assert text.count("<details>") == text.count("</details>")


def test_objectives_stand_first_in_a_drill_with_what_dominates() -> None:
    facts = crash()
    facts["objectives"] = [{"name": "write_outage_s", "limit": 30.0, "measured": 31.86, "verdict": "BROKEN"}]
    text = render(facts, "en", "drill")
    assert "| longest outage of writes, s | 31.9 | 30.0 | **broken** |" in text
    assert "What takes longest is detection: 25.9\u00a0s of 31.9\u00a0s of outages of writes." in text
    assert "homework" not in text.lower()


def test_what_does_not_hold_is_not_stated_and_the_report_says_why() -> None:
    assert checked(crash())["warnings"] == []
    facts = crash()
    facts["incidents"][0]["write"]["outages"][0]["seconds"] += 1
    facts["incidents"][0]["evidence"] = []
    facts["recordings"][0]["leaderships"][0]["member"] = "ghost"
    facts["recordings"][0]["totals"][0]["failed"] += 1
    document = answered(checked(facts))
    keys = ["check.failures", "check.nobody", "check.outage_rows", "check.cause_rows"]
    assert [warning["key"] for warning in document["warnings"]] == keys
    (one,) = document["incidents"]
    assert (one["cause"], one["confidence"], one["write"]["outage_s"], one["phases"]) == ("unknown", "low", None, [])
    text = render(document, "ru")
    assert text.count("причину `leader.killed` не подтверждает ни одна строка; она названа неизвестной.") == 2
    assert text.count("неподтверждённых операций (запись)") == 2  # at the head, and beside the table of totals


def test_a_story_out_of_order_is_noticed() -> None:
    facts = many(2)
    facts["incidents"].reverse()
    told = {warning["key"]: warning["facts"] for warning in checked(facts)["warnings"]}
    assert told["check.incident_order"] == {"incident": 1, "other": 2}


def test_what_was_not_driven_is_no_zero_and_no_yes() -> None:
    facts = crash()
    one = facts["incidents"][0]
    one |= {"cause": "etcd.member_down", "phases": [], "lost_writes": None, "led_etcd": None}
    unseen = {**one["read"], "outage_s": None, "kept_outage_s": None, "fresh_outage_s": None}
    one["write"] = one["read"] = {**unseen, "ok": 0, "failed": 0, "unknown": 0, "outages": []}
    text = render(answered(facts), "en")
    assert "Failed operations in the incident" not in text
    assert "The effect on writes was not observed." in text
    assert "Yes, in the only incident" not in text
    assert "No interruption was seen, but not all of the time and not everything was observed" in text
    assert "| write | — | — | — | — | — | — | — | — |" in text


@pytest.mark.parametrize("unseen", ["reads", "stretch"])
def test_that_nothing_was_ever_interrupted_is_said_only_where_all_was_observed(unseen: str) -> None:
    facts = healthy()
    quiet = "No incident was seen, so only this is known: in 2\u00a0min 7\u00a0s no operation failed."
    untested = "Whether the application goes on when something is broken was not tested."
    assert f"{quiet} {untested}" in render(answered(facts), "en")
    only = facts["recordings"][0]
    if unseen == "reads":
        only["totals"] = [total for total in only["totals"] if total["action"] == "write"]
    else:
        only["unobserved"] = [{"action": "write", "from_s": 10.0, "to_s": 40.0}]
    text = render(answered(facts), "en")
    assert quiet not in text and untested in text


def test_operations_that_failed_without_an_outage_are_told() -> None:
    facts = crash()
    one = facts["incidents"][0]
    one |= {"cause": "replica.stopped", "phases": [], "lost_writes": None}
    one["write"] = {**one["read"], "outage_s": 0.0}
    one["read"] = {**one["read"], "failed": 7}
    writes = {"action": "write", "attempted": 100, "ok": 100, "failed": 0, "unknown": 0}
    facts["recordings"][0]["totals"] = [writes, {**writes, "action": "read", "attempted": 107, "failed": 7}]
    text = render(answered(facts), "en")
    assert "though single operations failed: writes 0, reads 7." in text
    assert ": neither writes nor reads were interrupted, 7 operations failed; " in text
    yes = "Yes, in the only incident that was seen: neither writes nor reads were interrupted; "
    assert f"{yes}7 operations failed in all of the recording." in text


def test_a_port_for_reads_that_leads_to_the_leader_contradicts_the_text_whatever_its_number() -> None:
    facts = crash()
    facts["recordings"][0]["settings"]["traffic"] |= {"write": "host=h port=5001", "read": "host=h port=5002"}
    for row in facts["recordings"][0]["served"]:
        row["in_recovery"] = False
    text = render(facts, "en")
    assert "to a replica 0 times of 2,802." in text
    assert "what was measured agrees" not in text


def test_a_full_proxy_is_told_where_it_was_full_during_an_outage_and_nowhere_else() -> None:
    facts = crash()
    began_s, ended_s = (facts["incidents"][0]["write"]["outages"][0][key] for key in ("began_s", "ended_s"))
    crowd: Any = {"subject": "p", "what": "100 / 100", "event_id": 71, "until_id": 80}
    facts["recordings"][0]["crowds"] = [crowd | {"from_s": began_s + 5, "to_s": began_s + 15}]
    assert "for 10.0\u00a0s (100 / 100 in use, `events` 71, 80)" in render(facts, "en")
    facts["recordings"][0]["crowds"] = [crowd | {"from_s": ended_s + 5, "to_s": ended_s + 15}]
    assert "in use, `events` 71, 80)" not in render(facts, "en")
    assert "HAProxy was at its connection limit once, 10.0\u00a0s in all (`events` 71, 80)." in render(facts, "en")


def test_a_recovery_that_waited_for_room_in_the_proxy_says_so() -> None:
    facts = crash()
    one = facts["incidents"][0]
    outage = one["write"]["outages"][0]
    recovery: Any = next(phase for phase in one["phases"] if phase["name"] == "recovery")
    recovery |= {"seconds": 28.0, "began_s": outage["ended_s"] - 28.0, "ended_s": outage["ended_s"]}
    one["phases"] = [next(phase for phase in one["phases"] if phase["name"] == "election"), recovery]
    assert "the application connected to the database again" in render(facts, "en")
    full: Any = {"proxy": "p", "sessions": 100, "limit": 100, "at_s": recovery["began_s"] - 1}
    one["evidence"].append({"table": "events", "ids": [71], "says": "evidence.proxy_full", "facts": full})
    assert "HAProxy was at its connection limit and accepted new connections only as others closed" in render(
        facts, "en"
    )


def test_that_writes_are_not_synchronous_is_said_also_where_the_settings_leave_it_out() -> None:
    facts = crash()
    live = facts["recordings"][0]["live"]
    assert live is not None and "synchronous_mode" not in live
    assert "| `synchronous_mode` | no (not set, the default) |" in render(facts, "en")
    live["synchronous_mode"] = True
    assert "| `synchronous_mode` | yes |" in render(facts, "en")


def test_what_grafana_shows_is_answered_by_the_panels_that_had_data() -> None:
    facts = crash()
    assert "**What does Grafana show?** Not tested: " in render(facts, "en")
    boards: Any = [
        {"board": "HAProxy", "panels": 27, "empty": ["Queue"], "series": {}},
        {"board": "etcd", "panels": 3, "empty": [], "series": {}},
    ]
    facts["recordings"][0]["dashboards"] = [{"from_s": 0.0, "to_s": 9.0, "boards": boards, "event_id": 5}]
    assert "**What does Grafana show?** 29 of 30 panels had data (`HAProxy`, `etcd`; `events` 5)" in render(facts, "en")


def test_reads_of_a_leader_are_told_apart_by_the_age_of_their_connection() -> None:
    facts = crash()
    rows = [("kept", True, 900), ("kept", False, 100), ("fresh", True, 95), ("fresh", False, 5)]
    writes = [row for row in facts["recordings"][0]["served"] if row["action"] == "write"]
    facts["recordings"][0]["served"] = writes + [served("read", p, "patroni2", r, 2, n) for p, r, n in rows]
    text = render(facts, "ru")
    assert "Новые соединения для чтения попали к репликам в 95 случаях из 100, к лидеру — в 5." in text
    facts["recordings"][0]["turned"] = {"seconds": 8.233, "event_id": 870, "operation_id": 20619, "turn_ids": [870]}
    told = "до самого позднего из них прошло 8,23\u00a0с (`events` 870, `operations` 20619): о смене HAProxy узнаёт"
    assert told in render(facts, "ru")
    assert "На постоянных соединениях лидер обслужил 100 из 1\u00a0000 чтений. Как они попали к лидеру" in text
    facts["recordings"][0]["kept_led"] = [[380, 382], [5476, 5478]]
    told = "began to serve them twice, and each time the persistent read just before had been served by the same node"
    assert f"{told} as a replica (`operations` 380\u00a0→\u00a0382, 5476\u00a0→\u00a05478)" in render(facts, "en")


def test_a_proxy_that_was_full_is_a_weak_point_and_one_that_never_was_is_not() -> None:
    facts = crash()
    assert "HAProxy's limit of connections" not in render(facts, "en")
    facts["recordings"][0]["crowds"] = [span("p", "100 / 100", 10, 14, 71), span("p", "100 / 100", 20, 21.5, 80)]
    text = render(facts, "ru")
    assert "**Предел соединений HAProxy.** `maxconn` 100: " in text
    assert 'предел был исчерпан 2 раза, всего 5,5\u00a0с: `observer query "select id, by_ns' in text


def test_faults_are_compared_by_reads_on_new_connections_too() -> None:
    facts = crash()
    facts["incidents"][0]["read"]["fresh_outage_s"] = 17.3
    row = next(line for line in comparison(facts, language("en")).splitlines() if "incident-1" in line)
    assert [cell.strip() for cell in row.split("|")][5:10] == ["31.9", "31.9", "0.0", "17.3", "0"]
    facts["incidents"][0]["read"]["fresh_outage_s"] = None
    row = next(line for line in comparison(facts, language("en")).splitlines() if "incident-1" in line)
    assert [cell.strip() for cell in row.split("|")][8] == "—"


def test_reads_that_were_interrupted_alone_are_no_yes() -> None:
    facts = crash()
    one = facts["incidents"][0]
    one["write"], one["read"] = one["read"], one["write"]
    text = render(answered(facts), "en")
    assert "Writes were not interrupted, reads were in 1 of 1 incident." in text


def test_a_document_without_incidents_says_what_it_checked() -> None:
    text = render(healthy(), "en")
    assert "checked itself: the recording holds no failure that belongs to no incident" in text
    assert "every cause has rows" not in text


def test_one_case_has_no_middle_and_says_that_its_spread_is_unknown() -> None:
    facts = crash()
    row = next(line for line in comparison(facts, language("en")).splitlines() if "incident-1" in line)
    assert "| leader killed | 1, spread unknown | 31.9 | — | 31.9 |" in row
    facts["incidents"].append({**deepcopy(incident()), "id": 2})
    row = next(line for line in comparison(facts, language("en")).splitlines() if "incident-1" in line)
    assert "| leader killed | 2 | 31.9 | — | 31.9 |" in row


def test_faults_of_etcd_are_told_apart_by_how_much_of_it_went_and_by_whether_it_led() -> None:
    facts = crash()
    facts["incidents"] = []
    kinds: list[dict[str, Any]] = [
        {"cause": "etcd.member_down", "led_etcd": True},
        {"cause": "etcd.member_down", "led_etcd": False},
        {"cause": "etcd.quorum_lost", "targets": ["127.0.0.1:23791", "127.0.0.1:23792"]},
    ]
    for n, kind in enumerate(kinds, 1):
        other: Any = deepcopy(incident())
        facts["incidents"].append({**other, "id": n, **kind})
    names = [line.split("|")[1].strip() for line in comparison(facts, language("en")).splitlines()[2:]]
    assert names == [
        "one etcd member down, etcd's leader",
        "one etcd member down, not etcd's leader",
        "etcd lost its quorum, 2 of 3 silent",
    ]


def test_every_fault_that_nobody_tried_is_named_beside_those_that_were() -> None:
    facts = answered(crash())
    said = missing_faults(facts, language("en"))
    for name in ("leader frozen", "replica shut down", "two of three members of etcd", "HAProxy stopped", "a node cut"):
        assert name in said
    assert "leader killed" not in said


def test_a_clean_stop_of_etcd_is_named_only_where_every_fault_of_etcd_was_told_to_be_a_kill() -> None:
    facts = crash()
    one = facts["incidents"][0]
    one["cause"] = "etcd.member_down"
    one["told"][0]["detail"] = {"component": "etcd", "action": "kill", "target": "etcd1"}
    assert "etcd_stopped" in dict(untested(facts))
    one["told"][0]["detail"]["action"] = "stop"
    assert "etcd_stopped" not in dict(untested(facts))
    one["told"] = []
    assert "etcd_stopped" not in dict(untested(facts))
