"""observer.toml: the values it takes, its defaults, its errors, and that it keeps secrets."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from observer.config.access import check_settings
from observer.config.errors import sections
from observer.config.loading import load
from observer.config.settings import Settings
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
def test_slashes_around_the_namespace_are_ignored(written: Written, namespace: str) -> None:
    assert written(f'[cluster]\nnamespace = "{namespace}"').cluster.namespace == "/service"


def test_the_environment_overrides_the_file(tmp_path: Path) -> None:
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
def test_a_text_option_takes_the_value_of_a_variable_unchanged(name: str, value: str) -> None:
    settings = load(None, {name: value})
    _, section, option = name.lower().split("_")
    taken = getattr(getattr(settings, section), option)
    assert (taken.get_secret_value() if hasattr(taken, "get_secret_value") else taken) == value


def test_a_recording_stores_no_secret_of_the_settings(written: Written) -> None:
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


def test_an_error_does_not_show_a_secret_of_the_wrong_type(written: Written) -> None:
    with pytest.raises(ConfigError) as refused:
        written('[etcd]\npassword = ["hunter2"]')
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    "toml",
    [
        "write = 'host=h password=hunter2'\n[cluster]",
        "[haproxy]\nstats = [['http://u:hunter2@h/']]",
        "[postgres]\nmembers = { a = ['password=hunter2'] }",
        "[etcd]\nendpoints = ['http://u:hunter2@h:2379']",
    ],
)
def test_an_error_does_not_show_a_secret_in_the_wrong_place(written: Written, toml: str) -> None:
    with pytest.raises(ConfigError) as refused:
        written(toml)
    assert "hunter2" not in str(refused.value)


def options() -> list[tuple[str, str, object]]:
    """Section, name and default of each option."""
    found = []
    for section, model in sections().items():
        found += [(section, name, option.default) for name, option in model.model_fields.items()]
    return found


@pytest.mark.parametrize(
    "value", ['"db1:2379,db2:2379"', '"http://db1:2379, http://db2:2379/"', '["db1:2379", "http://db2:2379"]']
)
def test_endpoints_are_a_list_or_text_with_commas_and_may_be_urls(written: Written, value: str) -> None:
    assert written(f"[etcd]\nendpoints = {value}").etcd.endpoints == ("db1:2379", "db2:2379")


def test_one_endpoint_needs_no_list(written: Written) -> None:
    settings = written('[etcd]\nendpoints = "127.0.0.1:1"')
    assert (settings.etcd.endpoints, settings.patroni.members) == (("127.0.0.1:1",), None)


def test_a_variable_takes_a_list_as_text_with_commas() -> None:
    variables = {"OBSERVER_ETCD_ENDPOINTS": "db1:2379,db2:2379", "OBSERVER_HAPROXY_STATS": "http://p:7000/"}
    settings = load(None, variables)
    assert settings.etcd.endpoints == ("db1:2379", "db2:2379")
    assert settings.haproxy.stats == ("http://p:7000/",)


def test_a_member_has_one_log_file_or_a_list(written: Written) -> None:
    files = written('[log.files]\na = "a.log"\nb = ["b.log", "c.log"]').log.files
    assert files == {"a": ("a.log",), "b": ("b.log", "c.log")}


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("[etcd]\nendpoint = []", "unknown option etcd.endpoint; write etcd.endpoints (known are: endpoints, user, "),
        ("[trafic]\nrate_per_s = 1", "unknown section [trafic]; write [traffic] (known are: cluster, etcd, "),
        ("[source]\npath = 1", "unknown section [source]; write [store] (known are: cluster, etcd, "),
        ("[etcd]\nzzz = 1", "unknown option etcd.zzz (known are: endpoints, user, password, ca, cert, key)."),
        ("[etcd]\nendpoints = 5", 'etcd.endpoints = 5 is not valid: write a list of texts in quotes: ["...", "..."].'),
        (
            '[etcd]\nendpoints = ["db1"]',
            'etcd.endpoints = ["db1"] is not valid: write each address as host:port, such as "db1:2379".',
        ),
        (
            '[traffic]\nrate_per_s = "fast"',
            'traffic.rate_per_s = "fast" is not valid: write a number above 0 and of at most 5000.',
        ),
        (
            "[patroni]\nevery_ms = 0",
            "patroni.every_ms = 0 is not valid: write a whole number above 0 and of at most 60000.",
        ),
        ("[haproxy]\ninter_ms = 1.5", "haproxy.inter_ms = 1.5 is not valid: write a whole number above 0 and"),
        ("[haproxy]\nrise = 0", "haproxy.rise = 0 is not valid: write a whole number of at least 1."),
        (
            '[traffic]\nworkload = "prob"',
            'traffic.workload = "prob" is not valid: write one of "homework", "probe", "none" (did you mean "probe"?).',
        ),
        ("[cluster]\nscope = 5", "cluster.scope = 5 is not valid: write text in quotes."),
        ("[traffic]\nwrite = 5", "traffic.write is not valid: write text in quotes."),
        (
            "[patroni]\nmembers = { a = 5 }",
            'patroni.members.a = 5 is not valid: write a table: { NAME = "..." }.',
        ),
        ("[patroni]\nmembers = 5", 'patroni.members = 5 is not valid: write a table: { NAME = "..." }.'),
        ("scope = 5", "scope stands outside a [section]; put it into one."),
    ],
)
def test_an_error_names_the_file_the_option_the_value_and_the_remedy(
    written: Written, tmp_path: Path, toml: str, message: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        written(toml)
    assert str(refused.value).startswith(f"{tmp_path / 'observer.toml'}: {message}")


@pytest.mark.parametrize(("section", "name"), [(section, name) for section, name, _ in options()])
@pytest.mark.parametrize("value", ["[[[]]]", "1979-05-27", "{ a = { b = [] } }", "[{}]"])
def test_no_error_is_in_the_words_of_the_library(written: Written, section: str, name: str, value: str) -> None:
    with pytest.raises(ConfigError) as refused:
        written(f"[{section}]\n{name} = {value}")
    assert re.search(
        rf"observer.toml: {section}.{name}(\.a|\.b)* (= .+ )?is not valid: write .+\.$", str(refused.value)
    )


def test_an_error_in_a_variable_names_the_variable() -> None:
    with pytest.raises(ConfigError) as refused:
        load(None, {"OBSERVER_TRAFFIC_RATE_PER_S": "fast"})
    assert str(refused.value) == (
        'OBSERVER_TRAFFIC_RATE_PER_S: traffic.rate_per_s = "fast" is not valid: '
        "write a number above 0 and of at most 5000."
    )


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("OBSERVER_TRAFIC_RATE", "write OBSERVER_TRAFFIC_RATE_PER_S, or unset it."),
        ("OBSERVER_ETCD_ENDPOINT", "write OBSERVER_ETCD_ENDPOINTS, or unset it."),
        ("OBSERVER_STACK_DIRECTORY", "write OBSERVER_STACK_DIR, or unset it."),
        ("OBSERVER_X", "unset it (docs/reference/configuration.md lists all options)."),
    ],
)
def test_an_unknown_variable_is_an_error_that_suggests_the_closest_name(name: str, remedy: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load(None, {name: "secret"})
    assert str(refused.value) == f"unknown environment variable {name}; {remedy}"


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ('[etcd]\nca = "no.pem"', 'etcd.ca = "no.pem" cannot be read (No such file or directory); name a PEM file'),
        ('[etcd]\ncert = "observer.toml"', "etcd.cert and etcd.key work only together; give both, or neither."),
        ('[patroni]\nca = "observer.toml"', "[patroni]: its certificates cannot be used ("),
        ('[postgres]\ndsn = "here"', "postgres.dsn: the connection string cannot be read;"),
        ("[etcd]\nendpoints = []", "etcd.endpoints is empty; name at least one, such as 127.0.0.1:2379."),
    ],
)
def test_an_error_about_a_value_that_cannot_be_used_names_the_file(
    written: Written, tmp_path: Path, toml: str, message: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        check_settings(written(toml))
    assert str(refused.value).startswith(f"{tmp_path / 'observer.toml'}: {message}")


@pytest.mark.parametrize(("section", "name", "default"), options())
def test_the_page_describes_each_option_with_its_unit_and_its_default(section: str, name: str, default: object) -> None:
    text = (Path(__file__).parents[2] / "docs" / "reference" / "configuration.md").read_text(encoding="utf-8")
    chapter = re.search(rf"## \[{section}\]\n(.*?)(?=\n## |\Z)", text, re.DOTALL)
    assert chapter, f"docs/reference/configuration.md has no chapter [{section}]"
    row = re.search(rf"^\| `{name}` \| ([^|]+) \| ([^|]+) \| .+ \|$", chapter[1], re.MULTILINE)
    assert row, f"docs/reference/configuration.md has no row for {section}.{name}"
    if isinstance(default, str | int | float) and default != "":
        assert str(default) in row[2]
    for suffix, unit in (("_ms", "ms"), ("_per_s", "per second"), ("outage_s", "s")):
        if name.endswith(suffix):
            assert unit in row[1].split()[0] or unit in row[1]
