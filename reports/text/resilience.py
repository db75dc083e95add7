"""Single points of failure and designs that mend them, as far as the run shows them. Facts in, Markdown out. Pure."""

from __future__ import annotations

from reports.render.escaping import table
from reports.render.language import Language
from reports.text.old_answers import kind_of
from reports.text.old_facts import Facts, RecordingFact
from reports.text.queries import crowded


def weak_points(facts: Facts, language: Language) -> list[str]:
    """What there is only one of."""
    recordings = facts["recordings"]
    said = [language.say("resilience.point_proxy"), *_full_proxy(recordings, language)]
    if recordings and all(_one_host(recording) for recording in recordings):
        said.append(language.say("resilience.point_host"))
    live = next((r["live"] for r in reversed(recordings) if r["live"]), None)
    if live is None:
        said.append(language.say("resilience.point_sync_unknown"))
    else:
        on = bool(live.get("synchronous_mode"))
        value = language.say("resilience.on" if on else "resilience.off")
        said.append(language.say("resilience.point_sync" if on else "resilience.point_async", value=value))
    docker = kind_of(recordings) == "docker"
    command = "docker inspect -f '{{json .Mounts}}' demo-patroni1 demo-etcd1"
    check = language.say("resilience.volumes_check", command=command) if docker else ""
    return [*said, language.say("resilience.point_volumes", check=check)]


def _full_proxy(recordings: list[RecordingFact], language: Language) -> list[str]:
    """The proxy's limit of connections, where it was seen to be reached."""
    crowds = [spell for recording in recordings for spell in recording["crowds"]]
    if not crowds:
        return []
    limits = sorted({spell["what"].rpartition(" / ")[2] for spell in crowds})
    seconds = sum(spell["to_s"] - spell["from_s"] for spell in crowds)
    return [language.say("resilience.point_maxconn", limits=limits, n=len(crowds), seconds=seconds, command=crowded())]


def _one_host(recording: RecordingFact) -> bool:
    addresses = [a for part in recording["parts"] for a in (part["outside"] or part["inside"])]
    return bool(addresses) and len({address.rpartition(":")[0] for address in addresses}) == 1


def proxy_cost(facts: Facts, language: Language) -> str:
    """Where the proxy's faults and what they cost are told; empty where there were none."""
    from reports.text.answering import link

    own = [i for i in facts["incidents"] if i["cause"] in ("proxy.down", "proxy.frozen")]
    if not own:
        return ""
    links = ", ".join(link(incident, language) for incident in own)
    return language.say("resilience.measured", links=links)


def designs(facts: Facts, language: Language) -> str:
    """Designs for production, with what each does not solve."""
    rows = [tuple(line.split("|")) for line in language.columns("resilience.designs")]
    return table(language.columns("resilience.designs_columns"), rows)


def dashboards(facts: Facts, language: Language) -> str:
    """The dashboards that come with the cluster."""
    rows = [tuple(line.split("|")) for line in language.columns("grafana.dashboards")]
    return table(language.columns("grafana.columns"), rows)
