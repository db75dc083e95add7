"""Single points of failure as the run shows them, and designs for production with what each does not solve."""

from collections.abc import Iterator

from observer.model.causes import CAUSES
from reports.analysis.results.whole import Results
from reports.document.blocks import Bullets, Profile, Section, Sentence
from reports.document.build import code, numbers, paragraph, say, table
from reports.document.each_recording import cluster_kind

DESIGNS = ("two_proxies", "client_list", "three_hosts", "synchronous")


def resilience(results: Results, profile: Profile) -> Section | None:
    """Return the section on single points of failure; in a drill one sentence."""
    if not results.recordings:
        return None
    points = dict(_points(results))
    title = say("weak_points.title")
    if profile == "drill":
        names = [say(f"weak_points.name_{name}") for name in points]
        return Section("resilience", title, paragraph(say("weak_points.short", list=names)))
    rows = [tuple(say(f"weak_points.{name}_{part}") for part in ("design", "gives", "leaves")) for name in DESIGNS]
    return Section("resilience", title, (Bullets(tuple(points.values())), *table("weak_points.designs_columns", rows)))


def _points(results: Results) -> Iterator[tuple[str, tuple[Sentence, ...]]]:
    """Yield each weak point: its name, and the sentences that the run supports."""
    down = [i.id for i in results.incidents if CAUSES[i.cause].layer == "proxy" and i.write.outage_ns]
    cost = (say("weak_points.proxy_cost", n=len(down), links=numbers(down)),) if down else ()
    yield "proxy", (say("weak_points.proxy"), *cost)
    if all(_one_host(results)):
        yield "host", (say("weak_points.host"),)
    live = next((r.live for r in reversed(results.recordings) if r.live is not None), None)
    if live is None:
        yield "replication", (say("weak_points.replication_unknown"),)
    elif not live.get("synchronous_mode"):
        yield "replication", (say("weak_points.replication", lost=results.durability.lost),)
    if cluster_kind(results.recordings) == "docker":
        command = "docker inspect -f '{{json .Mounts}}' demo-patroni1 demo-etcd1"
        yield "volumes", (say("weak_points.volumes", command=code(command)),)


def _one_host(results: Results) -> Iterator[bool]:
    """Yield for each recording whether all parts answer at one host's address."""
    for recording in results.recordings:
        addresses = [a for part in recording.parts for a in (part.outside or part.inside)]
        yield bool(addresses) and len({address.rpartition(":")[0] for address in addresses}) == 1
