"""The cluster of a recording that began while etcd was silent."""

from __future__ import annotations

import pytest

from observer.model.errors import CannotWrite, ConfigError, NothingAnswers, ObserverError
from observer.model.recording import Event
from observer.recording.discovery_retry import Seeker
from observer.sources.discovery import Discovery

DEMO = Discovery("demo", "7", "a", {}, {}, stale=False)
SEVERAL = ConfigError("etcd holds several scopes (demo, shop): choose one as scope in [cluster].")


class Search:
    """A seeker whose looks end as the test says."""

    def __init__(self, *answers: Discovery | ObserverError) -> None:
        self.answers = list(answers)
        self.said: list[str] = []
        self.told: list[Event] = []
        self.done: list[str] = []
        self.full = False
        self.seeker = Seeker(self._look, self._found, self._learn, self.said.append, self.told.append, lambda: 5)

    def looks(self) -> list[bool]:
        return [self.seeker.look() for _ in list(self.answers)]

    def _look(self) -> Discovery:
        answer = self.answers.pop(0)
        if isinstance(answer, ObserverError):
            raise answer
        return answer

    def _found(self, cluster: Discovery) -> None:
        self.done.append(f"found {cluster.scope}")

    def _learn(self, cluster: Discovery) -> None:
        if self.full:
            self.full = False
            raise CannotWrite("the disk is full.")
        self.done.append(f"learned {cluster.cluster_id}")


def test_it_is_looked_for_until_etcd_answers() -> None:
    search = Search(NothingAnswers("no etcd answers."), DEMO)
    assert search.looks() == [False, True]
    assert search.done == ["found demo", "learned 7"]
    assert (search.said, search.told) == ([], [])


def test_what_waiting_does_not_mend_is_said_and_recorded_once_until_it_is_mended() -> None:
    search = Search(SEVERAL, SEVERAL, NothingAnswers("no etcd answers."), SEVERAL, DEMO)
    assert search.looks() == [False, False, False, False, True]
    assert [sentence.partition(":")[0] for sentence in search.said] == ["Etcd holds several scopes (demo, shop)"]
    assert [(event.kind, event.subject) for event in search.told] == [
        ("source.blind", "cluster"),
        ("source.sees", "cluster"),
    ]
    assert search.told[0].detail["error"] == str(SEVERAL)


@pytest.mark.parametrize("first", [SEVERAL, ConfigError("etcd at a:1 holds no scope of Patroni.")])
def test_another_reason_is_told_too(first: ConfigError) -> None:
    search = Search(first, ConfigError("etcd holds several scopes (x, y): choose one."), DEMO)
    search.looks()
    assert (len(search.said), [event.kind for event in search.told].count("source.blind")) == (2, 2)


def test_the_cluster_is_watched_though_the_file_cannot_be_written_and_learned_when_it_can() -> None:
    search = Search(DEMO, DEMO)
    search.full = True
    assert search.looks() == [False, True]
    assert search.done == ["found demo", "found demo", "learned 7"]
