"""No password is recorded or printed, in whatever form it is written; the text around it is."""

from __future__ import annotations

import pytest

from observer.config.settings import Settings
from observer.model.redaction import without_credentials, without_password
from observer.recording.watchers import Watchers


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        ("host=h password=p user=u", "host=h user=u"),
        ("host=h password=my\\ secret user=u", "host=h user=u"),
        ("host=h password='it''s \\' hard' user=u", "host=h user=u"),
        ("host=h sslpassword=p user=u", "host=h user=u"),
        ("postgresql://u:p@h/db", "postgresql://u@h/db"),
        ("postgresql://u:p@ss@h/db", "postgresql://u@h/db"),
        ("postgresql://u:p/w@h/db", "postgresql://u@h/db"),
        ("postgresql://u:p@h1:1,h2:2/db", "postgresql://u@h1:1,h2:2/db"),
        ("postgresql://h/db?password=p&sslmode=require", "postgresql://h/db?sslmode=require"),
        ("PGPASSWORD=p pg_receivewal -h h", "pg_receivewal -h h"),
        ("env PGPASSWORD='a b' RESTIC_PASSWORD=\"c d\" backup %p", "env backup %p"),
        ("PGPASSWORD='it'\\''s' backup", "backup"),
        ("curl http://u:p@ss@h/wal/%f", "curl http://u@h/wal/%f"),
        ("rsync %p u:p@h", "rsync %p u:@h"),
    ],
)
def test_a_text_loses_its_password(text: str, bare: str) -> None:
    assert without_password(text) == bare


@pytest.mark.parametrize(
    "text",
    ["host=h user=u dbname=d", "http://h:80/wal@today", "postgresql://u@[::1]:5432/db", "%m [%p] ", "scram-sha-256"],
)
def test_a_text_without_a_password_stays_as_it_is(text: str) -> None:
    assert without_password(text) == text


def test_a_url_loses_its_user_and_its_password() -> None:
    assert without_credentials("http://me:secret@h:7001/stats") == "http://h:7001/stats"
    assert without_credentials("tcp://me:sec@ret@h:2375") == "tcp://h:2375"
    assert without_credentials("unix:///var/run/docker.sock") == "unix:///var/run/docker.sock"


def test_a_container_of_a_proxy_has_the_name_that_the_proxy_has_elsewhere() -> None:
    settings = Settings.model_validate({"haproxy": {"stats": ["http://me:secret@h:7001/stats"]}})
    (proxy,) = Watchers(settings, lambda event: None, lambda: 0)._places()
    assert proxy.address == "http://h:7001/stats"
