"""From results to a document and its pictures."""

from __future__ import annotations

from pathlib import Path

import pytest

from observer.commands.reporting import draw, text
from observer.model.errors import CannotWrite
from reports.render.language import language
from tests.unit.document.builders import demo_incident, demo_recording, demo_results

FOUND = demo_results(demo_incident())


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
    first = demo_recording(names={"patroni2": "etcd1", "patroni1": "etcd2"})
    second = demo_recording(id=2, names={"patroni2": "etcd9", "patroni1": "etcd2"})
    document = text(demo_results(recordings=(first, second)), "md", "en", "homework")
    assert "`etcd2` was the leader throughout" in document
    assert "`patroni2`" in document and "`etcd9`" not in document
