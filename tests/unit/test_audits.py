"""Audits: which recordings they may compare, their time limits, and what is kept of one that failed."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from observer.config.settings import Settings
from observer.model.recording import MS_NS, Audit, Operation, Outcome, RecordingHeader
from observer.postgres.session import NoAnswer
from observer.recording import audits
from observer.recording.audits import EarlierAudit, reason_not_comparable
from observer.recording.members import Members
from observer.store import Reader, Writer
from observer.traffic import audit as audit_module
from observer.traffic.audit import CHUNK, AuditFailed, audit

DSN = "host=db port=5001 user=postgres dbname=app"
TRAFFIC = {"write": DSN, "workload": "probe"}
BEFORE = RecordingHeader(1, datetime(2026, 3, 1, tzinfo=UTC), "b", 0, 1, "demo", "7", {"traffic": TRAFFIC})
SETTINGS = Settings.model_validate({"traffic": {"write": DSN, "workload": "probe"}})


def like_before(**changed: Any) -> RecordingHeader:
    return replace(BEFORE, id=2, **changed)


class TestAnAbsentTokenIsLostOnlyInTheDatabaseThatItWasWrittenTo:
    def test_the_same_cluster_workload_and_database_are_comparable(self) -> None:
        assert reason_not_comparable(BEFORE, like_before()) is None

    def test_another_cluster_is_not_comparable(self) -> None:
        assert reason_not_comparable(BEFORE, like_before(cluster_id="8")) == "this is another cluster"

    def test_a_cluster_that_was_never_identified_may_be_another(self) -> None:
        assert (
            reason_not_comparable(replace(BEFORE, cluster_id=None), like_before()) == "its cluster was never identified"
        )

    def test_another_workload_has_other_tables(self) -> None:
        other = like_before(settings={"traffic": {**TRAFFIC, "workload": "homework"}})
        assert reason_not_comparable(BEFORE, other) == 'its workload was "probe"'

    def test_another_database_has_tables_of_its_own(self) -> None:
        other = like_before(settings={"traffic": {**TRAFFIC, "write": "host=db user=postgres"}})
        assert reason_not_comparable(BEFORE, other) == 'its database was "app"'

    def test_another_address_may_lead_to_the_same_rows(self) -> None:
        other = like_before(settings={"traffic": {**TRAFFIC, "write": "host=other dbname=app"}})
        assert reason_not_comparable(BEFORE, other) is None


class TestARecordingThatEndedWithoutAnAudit:
    @pytest.fixture
    def asked(self, monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
        """Return the audited ranges; every token is absent."""
        asked: list[tuple[int, int]] = []

        def absent(dsn: str, workload: str, tag: str, first_n: int, last_n: int, *_: object) -> list[Audit]:
            asked.append((first_n, last_n))
            return [Audit(9, f"{tag}-{first_n:010d}", f"{tag}-{last_n:010d}", present=False)]

        monkeypatch.setattr(audits, "audit", absent)
        return asked

    @pytest.fixture
    def said(self) -> list[str]:
        return []

    @pytest.fixture
    def writer(self, tmp_path: Path) -> Iterator[Writer]:
        with closing(Writer(tmp_path / "observer.db")) as writer:
            yield writer

    def earlier_audit(self, writer: Writer, now: RecordingHeader, said: list[str]) -> EarlierAudit:
        """Record two acknowledged writes that were never read back, and begin the next recording."""
        one = writer.begin(BEFORE)
        writer.append(one, [Operation("write", "kept", f"t-{n:010d}", n, n, n, Outcome.OK, "done") for n in (1, 2)])
        writer.begin(now)
        return EarlierAudit(SETTINGS, writer, BEFORE, Members(None, None, unused, unused), said.append)

    def audited(self, tmp_path: Path) -> list[tuple[str, str]]:
        with Reader(tmp_path / "observer.db") as reader:
            return [(a.first_token, a.last_token) for a in reader.load(1).audits]

    def test_is_audited_by_the_next_recording_of_the_same_cluster(
        self, writer: Writer, tmp_path: Path, asked: list[tuple[int, int]], said: list[str]
    ) -> None:
        assert self.earlier_audit(writer, like_before(), said).attempt()
        assert self.audited(tmp_path) == [("t-0000000001", "t-0000000002")]

    def test_stays_unaudited_if_the_cluster_is_another_and_a_message_says_so(
        self, writer: Writer, tmp_path: Path, asked: list[tuple[int, int]], said: list[str]
    ) -> None:
        assert self.earlier_audit(writer, like_before(cluster_id="8"), said).attempt()
        assert (asked, self.audited(tmp_path)) == ([], [])
        assert said == [
            "The last writes of recording 1 were never read back, and this is another cluster: "
            "whether they were lost stays unknown."
        ]

    def test_waits_until_the_cluster_is_identified(
        self, writer: Writer, tmp_path: Path, asked: list[tuple[int, int]], said: list[str]
    ) -> None:
        assert not self.earlier_audit(writer, like_before(cluster_id=None), said).attempt()
        assert (asked, said) == ([], [])

    def test_is_tried_again_after_longer_and_longer_pauses_for_the_tokens_that_are_left(
        self, writer: Writer, tmp_path: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        now_s = [100.0]
        asked: list[tuple[float, int]] = []

        def first_only(dsn: str, workload: str, tag: str, first_n: int, *_: object) -> list[Audit]:
            asked.append((now_s[0], first_n))
            found = [Audit(9, f"{tag}-{1:010d}", f"{tag}-{1:010d}", present=True)] if first_n == 1 else []
            raise AuditFailed("the primary gave no answer.", found, 2)

        monkeypatch.setattr(audits, "audit", first_only)
        monkeypatch.setattr(time, "monotonic", lambda: now_s[0])
        task = self.earlier_audit(writer, like_before(), said)
        for _ in range(8):
            assert not task.attempt()
            now_s[0] += 5
        assert asked == [(100, 1), (110, 2), (130, 2)]
        assert self.audited(tmp_path) == [("t-0000000001", "t-0000000001")]


class TestTheTimeLimitsOfAnAudit:
    def test_tokens_read_back_before_a_query_failed_are_kept(self, monkeypatch: pytest.MonkeyPatch) -> None:
        primary = Primary([[[1, CHUNK]], NoAnswer("silent", "answer", "no answer by the deadline")])
        monkeypatch.setattr(audit_module, "PersistentConnection", primary)
        with pytest.raises(AuditFailed, match="no answer by the deadline") as failed:
            audit(DSN, "probe", "t", 1, 2 * CHUNK, 25_000, lambda: 0)
        assert [(a.first_token, a.last_token) for a in failed.value.found] == [("t-0000000001", f"t-{CHUNK:010d}")]
        assert failed.value.next_n == CHUNK + 1

    def test_each_query_has_a_limit_and_all_of_them_together_have_one(self, monkeypatch: pytest.MonkeyPatch) -> None:
        primary = Primary([None, None])
        monkeypatch.setattr(audit_module, "PersistentConnection", primary)
        now_ms = iter([0, 0, 20_000])
        audit(DSN, "probe", "t", 1, 2 * CHUNK, 25_000, lambda: next(now_ms) * MS_NS, whole_ms=35_000)
        assert primary.until_ns == [25_000 * MS_NS, 35_000 * MS_NS]

    def test_the_limit_is_not_the_deadline_of_an_operation_and_three_audits_end_within_the_time_to_stop(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        limits_ms: list[object] = []

        def absent(*arguments: object) -> list[Audit]:
            limits_ms.append(arguments[5])
            return []

        monkeypatch.setattr(audits, "audit", absent)
        auditor = audits.Auditor(SETTINGS, "t", lambda entry: None, lambda: 0, Members(None, None, unused, unused))
        assert auditor.read_back(1, 9) is None
        assert limits_ms == [25_000] != [SETTINGS.traffic.deadline_ms]
        assert 3 * audit_module.WHOLE_MS < 120_000


class Primary:
    """Stands for the connection to the primary: returns each answer in turn, and keeps the limit of each query."""

    def __init__(self, answers: Sequence[list[list[int]] | NoAnswer | None]) -> None:
        self.answers = list(answers)
        self.until_ns: list[int] = []

    def __call__(self, *_: object) -> Primary:
        return self

    def ask(self, sql: str, values: Sequence[object], until_ns: int) -> list[tuple[Any, ...]]:
        self.until_ns.append(until_ns)
        answer = self.answers.pop(0)
        if isinstance(answer, NoAnswer):
            raise answer
        return [("10.0.0.1", 5432, False, 1, answer)]

    def close(self) -> None:
        return


def unused(member: str, address: str) -> None:
    return
