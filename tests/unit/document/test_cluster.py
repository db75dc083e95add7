"""The section on the cluster: the table of members, live settings, versions, parts."""

from __future__ import annotations

from reports.document.cluster import cluster
from tests.unit.document.builders import capture, demo_recording, demo_results, shown

TABLE = """\
+ Cluster: demo (7712396073502273558) ------+----+-----------+-----------+
| Member   | Host     | Role    | State     | TL | Lag in MB | LSN       |
+----------+----------+---------+-----------+----+-----------+-----------+
| patroni1 | patroni1 | Leader  | running   |  1 |           | 0/404EF58 |
| patroni2 | patroni2 | Replica | streaming |  1 |         0 | 0/404EF58 |
+----------+----------+---------+-----------+----+-----------+-----------+"""


def test_members_stand_in_the_form_of_patronictl_list_with_the_time_of_capture() -> None:
    text = shown(cluster(demo_results(), "homework"))
    assert TABLE in text
    assert "Members at 08:36:08 UTC as in `patronictl list` (events 34)" in text


def test_a_changed_table_at_the_end_is_folded() -> None:
    changed = demo_recording(captures=(capture(), capture("patroni2", 119, 2)))
    text = shown(cluster(demo_results(recordings=(changed,)), "homework"))
    assert "<details><summary>At the end, 08:38:08 UTC (events 34)</summary>" in text
    same = demo_recording(captures=(capture(), capture(at_s=119)))
    assert "states and timelines were the same" in shown(cluster(demo_results(recordings=(same,)), "homework"))


def test_settings_come_from_the_live_cluster_and_unset_modes_are_off() -> None:
    text = shown(cluster(demo_results(), "drill"))
    assert "| 30 s | 10 s | 10 s | off | off | 3,000 ms | 3 | 2 |" in text
    assert "Settings of the live cluster (events 5, 35)." in text


def test_settings_that_were_never_observed_are_unknown() -> None:
    text = shown(cluster(demo_results(recordings=(demo_recording(live=None, live_id=None),)), "drill"))
    assert "| unknown | unknown | unknown | unknown | unknown | 3,000 ms | 3 | 2 |" in text


def test_a_version_that_was_not_observed_is_unknown() -> None:
    text = shown(cluster(demo_results(), "homework"))
    assert "PostgreSQL 17.12, Patroni 4.0.7, etcd 3.5.16, HAProxy 3.0.11, libpq 17.11, host unknown" in text


def test_each_part_has_its_role_and_its_addresses_inside_and_outside() -> None:
    text = shown(cluster(demo_results(), "homework"))
    assert "| etcd | `etcd1` | etcd's leader at 08:36:08 | etcd1:2379 | 127.0.0.1:23791 | events 12 |" in text
    assert "| HAProxy | `haproxy` | port for writes | — | 127.0.0.1:5001 | — |" in text


def test_several_recordings_have_a_heading_each() -> None:
    text = shown(cluster(demo_results(recordings=(demo_recording(), demo_recording(id=2))), "homework"), "ru")
    assert "### Наблюдение 1" in text and "### Наблюдение 2" in text


def test_without_a_capture_the_section_says_so() -> None:
    assert "The list of members was not captured." in shown(
        cluster(demo_results(recordings=(demo_recording(captures=()),)), "drill")
    )
