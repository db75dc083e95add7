"""From a recording file to a document, its pictures, and the lines for a terminal."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from observer.commands.reporting import draw, summary, text
from observer.model.errors import CannotWrite
from reports.render.language import language
from tests.unit.document.builders_cluster import cost, incident, recording, results

FOUND = results(incident())


def test_a_document_links_the_pictures_relative_to_itself(tmp_path: Path) -> None:
    linked = draw(FOUND, "en", tmp_path / "hw 3" / "pictures", tmp_path / "hw 3" / "SOLUTION.md")
    assert linked["1-run"] == "pictures/1-run.svg"
    assert (tmp_path / "hw 3" / "pictures" / "1-run.svg").read_text(encoding="utf-8").startswith("<svg")
    document = text(FOUND, "md", "en", "homework", linked)
    assert "![The whole recording](pictures/1-run.svg)" in document
    assert "![Incident 1: rate, latency, phases](pictures/incident-1.svg)" in document


def test_every_picture_that_is_drawn_is_in_the_document(tmp_path: Path) -> None:
    linked = draw(FOUND, "en", tmp_path / "pictures", tmp_path / "SOLUTION.md")
    document = text(FOUND, "md", "en", "drill", linked)
    assert all(f"]({path})" in document for path in linked.values())


def test_without_a_document_pictures_are_linked_from_beside_their_folder(tmp_path: Path) -> None:
    assert draw(FOUND, "en", tmp_path / "a b", None)["1-run"] == "a%20b/1-run.svg"


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file", encoding="utf-8")
    with pytest.raises(CannotWrite, match="taken"):
        draw(FOUND, "en", tmp_path / "taken" / "in it", None)


def test_without_pictures_the_document_links_none() -> None:
    assert "![" not in text(FOUND, "md", "en", "homework")


def test_the_only_proxy_has_no_name_and_one_of_two_keeps_its_address() -> None:
    en = language("en")
    named = en.naming({"127.0.0.1:23792": "etcd2", "http://127.0.0.1:7001/": ""})
    assert (
        named.say("evidence.raft_elected", endpoint="127.0.0.1:23792")
        == "etcd's members elected `etcd2` as their leader"
    )
    assert named.say("evidence.proxy_back", proxy="http://127.0.0.1:7001/") == "HAProxy answers again"
    said = en.say("evidence.proxy_back", proxy="http://10.0.0.7:7001/").replace("\u00a0", " ")
    assert said == "HAProxy `http://10.0.0.7:7001/` answers again"


def test_an_address_that_two_recordings_name_differently_keeps_no_name() -> None:
    first = recording(names={"patroni2": "etcd1", "patroni1": "etcd2"})
    second = recording(id=2, names={"patroni2": "etcd9", "patroni1": "etcd2"})
    document = text(results(recordings=(first, second)), "md", "en", "homework")
    assert "`etcd2` was the leader throughout" in document
    assert "`patroni2`" in document and "`etcd9`" not in document


def test_the_terminal_gets_a_few_plain_lines() -> None:
    lines = [line.replace("\u00a0", " ") for line in summary(FOUND, "en")]
    assert lines[0] == "08:36:18 UTC  Leader patroni1 was killed."
    assert lines[1] == "  write outage 26.1 s, read outage 0 s"
    assert "  leader: patroni1 → patroni2, timeline 1 → 2" in lines
    assert lines[-1] == "  acknowledged writes lost: 0"


def test_the_terminal_says_that_an_outage_is_not_over_and_that_a_recording_has_no_end() -> None:
    still = replace(results(incident(write=cost(12.0, open=True))), recordings=(recording(ended=None),))
    lines = [line.replace("\u00a0", " ") for line in summary(still, "en")]
    assert lines[0].startswith("Recording 1 has no end")
    assert any("≥ 12.0 s" in line for line in lines)
    assert summary(results(), "en") == ["Nothing failed."]
