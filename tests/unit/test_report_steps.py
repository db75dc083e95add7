"""The homework's steps that no recording shows, each with its command; how a recording is opened."""

from __future__ import annotations

from typing import Literal

import pytest

from reports.render.language import language
from reports.report import render
from reports.text.old_facts import Facts
from reports.text.steps import untested_steps
from tests.unit.facts_fixture import crash

WRITE = "host=127.0.0.1 port=5001 user=postgres dbname=postgres"


def on(host: str, **traffic: str) -> Facts:
    facts = crash()
    facts["recordings"][0]["settings"]["traffic"] |= traffic
    for capture in facts["recordings"][0]["captures"]:
        for member in capture["members"]:
            member["host"] = host
    return facts


def test_in_containers_every_step_of_the_homework_is_named_with_its_command() -> None:
    facts = on("172.18.0.3", write=WRITE, read=WRITE.replace("5001", "5002"))
    said = "\n".join(untested_steps(facts, language("en")))
    for command in (
        "`cd patroni-master && docker build -t patroni .`",
        "`docker exec demo-patroni1 patronictl list`",
        "&#92;d+ events",
        "port=5002 user=postgres dbname=postgres\" -c 'select pg_is_in_recovery()'`",
        "`python3 traffic-generator.py`",  # on the ports that it knows
        "http://localhost:3000",
    ):
        assert command in said


def test_a_cluster_of_processes_has_neither_image_nor_grafana() -> None:
    said = "\n".join(untested_steps(on("127.0.0.1", write=WRITE, read=WRITE), language("ru")))
    assert "traffic-generator.py" in said and f'`psql "{WRITE}" -c' in said
    assert "docker" not in said and "3000" not in said
    moved = on("127.0.0.1", write=WRITE.replace("5001", "5701"), read=WRITE.replace("5001", "5702"))
    told = "\n".join(untested_steps(moved, language("ru")))
    assert "`PORT_PRIMARY=5701 PORT_REPLICAS=5702 python3 traffic-generator.py`" in told


def test_what_has_no_address_has_no_command() -> None:
    assert "psql" not in "\n".join(untested_steps(on("127.0.0.1"), language("ru")))


def test_how_to_repeat_builds_pours_and_opens_the_recording() -> None:
    facts = on("172.18.0.3", write=WRITE)
    for name, other in (("ru", "en"), ("en", "ru")):
        text = render(facts, "ru" if name == "ru" else "en")
        assert "(cd patroni-master && docker build -t patroni .)   # " in text
        assert f'PGPASSWORD=postgres psql "{WRITE}" -f schema.sql   # ' in text
        assert "xz -dk observer.db.xz   # " in text and "make setup && . .venv/bin/activate   # " in text
        assert f"observer report --db observer.db.xz --lang {other} -o SOLUTION.{other}.md   # " in text
    drill = render(on("172.18.0.3", write=WRITE, workload="probe"), "en", "drill")
    assert "schema.sql" not in drill and "traffic-generator" not in drill


@pytest.mark.parametrize(
    ("lang", "made"),
    [
        ("ru", "--lang ru -o HW_3_SOLUTION.md --pictures pictures "),
        ("en", "--lang en -o HW_3_SOLUTION.en.md --pictures pictures.en "),
    ],
)
def test_each_language_is_made_again_in_files_of_its_own(lang: Literal["ru", "en"], made: str) -> None:
    assert f"observer report {made}" in render(on("172.18.0.3", write=WRITE), lang)


def test_a_drill_is_made_again_as_a_drill_with_the_schema_that_its_load_writes_to() -> None:
    facts = on("172.18.0.3", write=WRITE, workload="homework")
    text = render(facts, "en", "drill")
    assert "observer report --lang en --profile drill -o DRILL.md" in text
    assert "-f schema.sql" in text
    assert "--pictures" not in text.partition("## How to repeat it")[2]
