"""observer.toml: what it takes, what it fills in, and that no secret leaves it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import BaseModel

from observer.config.settings import Settings, load
from observer.model.errors import ConfigError

Written = Callable[[str], Settings]


@pytest.fixture
def written(tmp_path: Path) -> Written:
    def written(toml: str, **environment: str) -> Settings:
        path = tmp_path / "observer.toml"
        path.write_text(toml, encoding="utf-8")
        return load(path, environment)

    return written


def test_without_a_file_all_addresses_are_those_of_the_stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load(None, {})
    assert settings.etcd.endpoints == ("127.0.0.1:23791", "127.0.0.1:23792", "127.0.0.1:23793")
    assert "port=5001" in settings.traffic.write.get_secret_value()
    assert settings.database == Path("observer.db")


def test_a_file_that_names_etcd_gets_no_default_address(written: Written) -> None:
    settings = written('[etcd]\nendpoints = ["db1:2379"]')
    assert (settings.haproxy.stats, settings.patroni.members, settings.cluster.scope) == ((), None, None)
    assert settings.traffic.write.get_secret_value() == ""


def test_a_file_without_etcd_changes_only_what_it_names(written: Written) -> None:
    settings = written("[traffic]\nrate_per_s = 5")
    assert settings.traffic.rate_per_s == 5
    assert "port=5001" in settings.traffic.write.get_secret_value()


def test_an_empty_table_of_members_turns_a_source_off(written: Written) -> None:
    assert written('[etcd]\nendpoints = ["a:1"]\n[patroni]\nmembers = {}').patroni.members == {}


def test_paths_are_relative_to_the_file(written: Written, tmp_path: Path) -> None:
    assert written('[store]\npath = "data/today.db"').database == tmp_path / "data" / "today.db"


@pytest.mark.parametrize("namespace", ["/service", "service", "service/", "/service/"])
def test_slashes_around_the_namespace_do_not_matter(written: Written, namespace: str) -> None:
    assert written(f'[cluster]\nnamespace = "{namespace}"').cluster.namespace == "/service"


def test_the_environment_comes_before_the_file(tmp_path: Path) -> None:
    path = tmp_path / "observer.toml"
    path.write_text("[traffic]\nrate_per_s = 5")
    environment = {
        "OBSERVER_TRAFFIC_RATE_PER_S": "7",
        "OBSERVER_CLUSTER_SCOPE": "prod",
        "OBSERVER_ETCD_ENDPOINTS": '["a:1"]',
        "OBSERVER_STACK_DIR": "/elsewhere",
    }
    settings = load(path, environment)
    assert (settings.traffic.rate_per_s, settings.cluster.scope, settings.etcd.endpoints) == (7, "prod", ("a:1",))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OBSERVER_CLUSTER_SCOPE", "1"),
        ("OBSERVER_ETCD_PASSWORD", "123456"),
        ("OBSERVER_HAPROXY_PASSWORD", "true"),
        ("OBSERVER_HAPROXY_PASSWORD", '"quoted"'),
        ("OBSERVER_TRAFFIC_WRITE", "1979-05-27"),
    ],
)
def test_an_option_that_is_text_takes_the_environment_as_it_is(name: str, value: str) -> None:
    settings = load(None, {name: value})
    _, section, option = name.lower().split("_")
    taken = getattr(getattr(settings, section), option)
    assert (taken.get_secret_value() if hasattr(taken, "get_secret_value") else taken) == value


def test_no_secret_is_among_the_settings_that_are_recorded(written: Written) -> None:
    settings = written(
        """
        [etcd]
        endpoints = ["a:1"]
        password = "hunter2"
        [patroni]
        password = "hunter2"
        [haproxy]
        stats = ["http://admin:hunter2@127.0.0.1:7001/"]
        password = "hunter2"
        [postgres]
        dsn = "user=postgres password=hunter2"
        members = { a = "host=h password='hunter2 with a space'", b = "postgres://u:hunter2@h/db" }
        [traffic]
        write = "host=h user=u password=hunter2"
        read = "postgres://u:hunter2@h:5002/db?sslmode=require&password=hunter2"
        """
    )
    assert "hunter2" not in str(settings.public())
    assert settings.public()["traffic"]["write"] == "host=h user=u"


def test_a_secret_of_the_wrong_type_is_not_shown(written: Written) -> None:
    with pytest.raises(ConfigError) as refused:
        written('[etcd]\npassword = ["hunter2"]')
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    "toml",
    [
        "write = 'host=h password=hunter2'\n[cluster]",
        "[haproxy]\nstats = 'http://u:hunter2@h/'",
        "[postgres]\nmembers = { a = ['password=hunter2'] }",
        "[etcd]\nendpoints = ['http://u:hunter2@h:2379']",
    ],
)
def test_a_secret_that_stands_where_none_should_is_not_shown(written: Written, toml: str) -> None:
    with pytest.raises(ConfigError) as refused:
        written(toml)
    assert "hunter2" not in str(refused.value)


def options() -> list[tuple[str, str, object]]:
    """Section, name and default of each option."""
    found = []
    for section, field in Settings.model_fields.items():
        model = field.annotation
        if isinstance(model, type) and issubclass(model, BaseModel):
            found += [(section, name, option.default) for name, option in model.model_fields.items()]
    return found


@pytest.mark.parametrize(("section", "name", "default"), options())
def test_each_option_is_described_with_its_unit_and_its_default(section: str, name: str, default: object) -> None:
    text = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text(encoding="utf-8")
    chapter = re.search(rf"## \[{section}\]\n(.*?)(?=\n## |\Z)", text, re.DOTALL)
    assert chapter, f"docs/configuration.md has no chapter [{section}]"
    row = re.search(rf"^\| `{name}` \| ([^|]+) \| ([^|]+) \| .+ \|$", chapter[1], re.MULTILINE)
    assert row, f"docs/configuration.md has no row for {section}.{name}"
    if isinstance(default, str | int | float) and default != "":
        assert str(default) in row[2]
    for suffix, unit in (("_ms", "ms"), ("_per_s", "per second"), ("outage_s", "s")):
        if name.endswith(suffix):
            assert unit in row[1].split()[0] or unit in row[1]
