"""The discovery of the cluster, for a recording that began while etcd did not answer."""

from __future__ import annotations

import pytest

from observer.model.errors import CannotWrite, ConfigError, NothingAnswers, ObserverError
from observer.model.recording import Event
from observer.recording.discovery_retry import DiscoveryRetry
from observer.sources.discovery import Discovery

DEMO = Discovery("demo", "7", "a", {}, {}, stale=False)
SEVERAL = ConfigError("etcd holds several scopes (demo, shop): choose one as scope in [cluster].")


class Search:
    """A retry whose attempts end with the given answers."""

    def __init__(self, *answers: Discovery | ObserverError) -> None:
        self.answers = list(answers)
        self.said: list[str] = []
        self.recorded: list[Event] = []
        self.done: list[str] = []
        self.full = False
        self.retry = DiscoveryRetry(
            self._discover, self._found, self._store, self.said.append, self.recorded.append, lambda: 5
        )

    def attempts(self) -> list[bool]:
        return [self.retry.attempt() for _ in list(self.answers)]

    def _discover(self) -> Discovery:
        answer = self.answers.pop(0)
        if isinstance(answer, ObserverError):
            raise answer
        return answer

    def _found(self, cluster: Discovery) -> None:
        self.done.append(f"found {cluster.scope}")

    def _store(self, cluster: Discovery) -> None:
        if self.full:
            self.full = False
            raise CannotWrite("the disk is full.")
        self.done.append(f"stored {cluster.cluster_id}")


def test_attempts_go_on_until_etcd_answers() -> None:
    search = Search(NothingAnswers("no etcd answers."), DEMO)
    assert search.attempts() == [False, True]
    assert search.done == ["found demo", "stored 7"]
    assert (search.said, search.recorded) == ([], [])


def test_an_error_that_waiting_does_not_fix_is_reported_and_recorded_once_until_it_is_fixed() -> None:
    search = Search(SEVERAL, SEVERAL, NothingAnswers("no etcd answers."), SEVERAL, DEMO)
    assert search.attempts() == [False, False, False, False, True]
    assert [sentence.partition(":")[0] for sentence in search.said] == ["Etcd holds several scopes (demo, shop)"]
    assert [(event.kind, event.subject) for event in search.recorded] == [
        ("source.blind", "cluster"),
        ("source.sees", "cluster"),
    ]
    assert search.recorded[0].detail["error"] == str(SEVERAL)


@pytest.mark.parametrize("first", [SEVERAL, ConfigError("etcd at a:1 holds no scope of Patroni.")])
def test_a_different_error_is_reported_too(first: ConfigError) -> None:
    search = Search(first, ConfigError("etcd holds several scopes (x, y): choose one."), DEMO)
    search.attempts()
    assert (len(search.said), [event.kind for event in search.recorded].count("source.blind")) == (2, 2)


def test_the_cluster_is_watched_while_the_file_cannot_be_written_and_stored_afterwards() -> None:
    search = Search(DEMO, DEMO)
    search.full = True
    assert search.attempts() == [False, True]
    assert search.done == ["found demo", "found demo", "stored 7"]
