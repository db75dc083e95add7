"""The index of a recording: which subject an event is about, and which names are members."""

from __future__ import annotations

import pytest

from reports.analysis.index import build_index
from tests.unit.recordings import event, healthy, recording_of


@pytest.mark.parametrize("kind", ["observer.slept", "clock.stepped", "tick.skipped"])
def test_an_event_of_the_observer_itself_is_about_no_part_of_the_cluster(kind: str) -> None:
    own = event(10, "daemon", kind, "wall clock")
    assert build_index(recording_of([*healthy(), own])).subject_of(own) is None


def test_only_etcd_patroni_and_postgres_name_members() -> None:
    pooler = event(10, "pooler", "member.changed", "pooler1", waiting=3)
    assert build_index(recording_of([*healthy(), pooler])).members == {"patroni1", "patroni2", "patroni3"}
