"""A recording ends cleanly, with a last analysis, even if records were lost."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from observer.config.settings import Settings
from observer.live.plain import Plain
from observer.live.state import ACTIONS
from observer.model.errors import CannotWrite
from observer.model.findings import Cost, Findings, Incident
from observer.model.recording import Recording
from observer.recording import daemon as daemon_module
from observer.recording import recorder as recorder_module
from observer.recording.daemon import Daemon
from observer.recording.recorder import Entry
from observer.store import Reader, Writer

# No component answers, and the recording waits for none.
SETTINGS = Settings.model_validate(
    {"etcd": {"endpoints": ["127.0.0.1:9"]}, "traffic": {"workload": "none"}, "docker": {"socket": "off"}}
)


def test_a_recording_that_lost_records_to_a_full_disk_still_ends_cleanly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = threading.Event()
    full.set()
    append = Writer.append

    def refuse_while_full(writer: Writer, recording_id: int, batch: Sequence[Entry]) -> None:
        if full.is_set():
            full.clear()
            raise CannotWrite("the disk is full; free some space.")
        append(writer, recording_id, batch)

    analyzed: list[Recording] = []

    def analyze(recording: Recording) -> Findings:
        analyzed.append(recording)
        return Findings((), (), (), None, 0)

    monkeypatch.setattr(Writer, "append", refuse_while_full)
    monkeypatch.setattr(recorder_module, "MAX_PENDING", 0)
    monkeypatch.setattr(daemon_module, "find_cluster", lambda settings, say: None)
    path = tmp_path / "observer.db"
    with pytest.raises(CannotWrite, match="records could not be written"):
        Daemon(SETTINGS, path, analyze, Plain(lambda text: None)).run(for_s=0.1)
    with Reader(path) as reader:
        recording = reader.recording()
        blind = [event for event in reader.events(1) if event.kind == "source.blind" and event.subject == "recorder"]
    assert recording.ended == "for"
    assert [event.detail["how"] for event in blind] == ["unwritten"]
    assert analyzed[-1].header.ended == "for"


class Captured:
    """Dashboards that keep the spans they should capture, ns."""

    spans: list[tuple[int, int]]

    def __init__(self, *_: object) -> None:
        type(self).spans = []

    def capture(self, from_ns: int, to_ns: int) -> bool:
        self.spans.append((from_ns, to_ns))
        return True


def lasted(began_ns: int, ended_ns: int) -> Incident:
    writes, reads = (Cost(action, (), 0, None, False, 0, 0, 0) for action in ACTIONS)
    unknown = (None, None, None, None)
    return Incident(
        1, "unknown", None, (), "low", (), (), began_ns, ended_ns, writes, reads, *unknown, (), None, None, None, None
    )


def test_an_incident_is_captured_again_if_it_turns_out_longer_and_the_last_one_at_the_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daemon_module, "Dashboards", Captured)
    monkeypatch.setattr(daemon_module, "find_cluster", lambda settings, say: None)
    settings = SETTINGS.model_copy(update={"prometheus": SETTINGS.prometheus.model_copy(update={"url": "http://p"})})
    growing = iter([[(10, 20)], [(10, 20)], [(10, 55)]])  # the incidents found while the recording goes on
    last = [(10, 55), (70, 80)]

    def analyze(_: Recording) -> Findings:
        return Findings(tuple(lasted(*span) for span in next(growing, last)), (), (), None, 0)

    daemon = Daemon(settings, tmp_path / "observer.db", analyze, Plain(lambda text: None))
    wait = daemon._wait

    def analyzed_three_times(until_s: float | None) -> None:
        for _ in range(3):
            daemon._analysis.run([daemon._receive])
        wait(until_s)

    monkeypatch.setattr(daemon, "_wait", analyzed_three_times)
    daemon.run(for_s=0.1)
    assert [span for span in Captured.spans if span[0]] == [(10, 20), (10, 55), (70, 80)]
    assert [span[0] for span in Captured.spans].count(0) == 1, "and the whole recording once"
