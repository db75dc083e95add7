"""The questions of the homework: which incidents answer them, and the commands that would test the rest. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from reports.text.old_facts import AnswerFact, Facts, IncidentFact, RecordingFact

# What is asked of faults, in the order of the homework, and the causes (or beginnings of causes) that answer it.
QUESTIONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("leader_stopped", ("leader.stopped",)),
    ("leader_killed", ("leader.killed",)),
    ("leader_frozen", ("leader.frozen",)),
    ("replica", ("replica.",)),
    ("etcd_one", ("etcd.member_down",)),
    ("etcd_leader", ("etcd.member_down",)),
    ("etcd_two", ("etcd.quorum_lost",)),
    ("etcd_all", ("etcd.quorum_lost", "failsafe")),
    ("proxy", ("proxy.down",)),
)

CUT_OFF = ("leader.cut_off", "leader.unreachable", "replica.cut_off", "replica.unreachable")


def answers_of(facts: Facts) -> list[AnswerFact]:
    """One answer for each question about a fault."""
    return [
        {
            "question": name,
            "incidents": [i["id"] for i in facts["incidents"] if _fits(name, causes, i, facts)],
            "commands": commands(name, facts["recordings"]),
        }
        for name, causes in QUESTIONS
    ]


def _fits(name: str, causes: Iterable[str], incident: IncidentFact, facts: Facts) -> bool:
    if not incident["cause"].startswith(tuple(causes)):
        return False
    if name == "etcd_leader":
        return incident["led_etcd"] is True
    if name == "etcd_all":
        return all_etcd_gone(incident, facts)
    if name == "etcd_two":
        return not all_etcd_gone(incident, facts)
    return True


def told_role(incident: IncidentFact) -> str | None:
    """The rank of the member of etcd that was broken, as whoever broke it told: it is no observation."""
    roles = [t["detail"].get("role") for t in incident["told"] if t["detail"].get("component") == "etcd"]
    return next((str(role) for role in roles if role), None)


def all_etcd_gone(incident: IncidentFact, facts: Facts) -> bool:
    """Whether every member of etcd that the recording knows was away at one moment of the incident."""
    recording = next(r for r in facts["recordings"] if r["id"] == incident["recording"])
    known = {address for p in recording["parts"] if p["kind"] == "etcd" for address in p["outside"]}
    spells = [b for b in recording["blindness"] if b["source"] == "etcd" and b["subject"] in known]
    for spell in spells:
        at_s = spell["from_s"]
        if incident["began_s"] - 10 <= at_s <= incident["ended_s"]:
            away = {b["subject"] for b in spells if b["from_s"] <= at_s and (b["to_s"] is None or b["to_s"] > at_s)}
            if away == known:
                return True
    return False


def untested(facts: Facts) -> list[tuple[str, str]]:
    """The variants of faults that no incident of the run shows, each with the command that injects it."""
    recordings = facts["recordings"]
    _, replica = _leader_and_replica(recordings)
    causes = {incident["cause"] for incident in facts["incidents"]}
    deeds = {
        (t["detail"].get("component"), t["detail"].get("action"))
        for incident in facts["incidents"]
        for t in incident["told"]
        if t["kind"] == "fault.told"
    }
    # How a proxy went down that nobody told of cannot be seen: it may have been killed.
    untold = any(i["cause"] == "proxy.down" and not i["told"] for i in facts["incidents"])
    etcd = {action for component, action in deeds if component == "etcd"}
    untold_etcd = any(i["cause"].startswith("etcd.") and not i["told"] for i in facts["incidents"])
    member = next((p["name"] for r in recordings[-1:] for p in r["parts"] if p["kind"] == "etcd"), "etcd1")
    cut = "docker network disconnect demo_default demo-" + replica
    if kind_of(recordings) == "local":
        cut = "observer drill replica-disconnected"
    variants = (
        ("replica_killed", "replica.killed" in causes, command("kill", [replica], recordings)),
        ("replica_frozen", "replica.frozen" in causes, command("pause", [replica], recordings)),
        ("proxy_killed", ("haproxy", "kill") in deeds or untold, command("kill", ["haproxy"], recordings)),
        ("etcd_stopped", etcd != {"kill"} or untold_etcd, command("stop", [member], recordings)),
        ("cut_off", bool(causes & set(CUT_OFF)), cut),
    )
    return [(name, typed) for name, tried, typed in variants if not tried]


def kind_of(recordings: Iterable[RecordingFact]) -> str:
    """How the cluster runs: "local" (all members on loopback), "docker" (the stack in containers), "other"."""
    hosts = {
        str(member.get("host"))
        for recording in recordings
        for capture in recording["captures"]
        for member in capture["members"]
        if member.get("host")
    }
    scopes = {recording["scope"] for recording in recordings}
    if hosts and all(host.startswith("127.") or host in ("localhost", "::1") for host in hosts):
        return "local"
    return "docker" if scopes == {"demo"} else "other"


def commands(question: str, recordings: list[RecordingFact]) -> list[str]:
    """What to type to test it on this cluster, breaking first, mending last."""
    leader, replica = _leader_and_replica(recordings)
    etcd = [p["name"] for r in recordings[-1:] for p in r["parts"] if p["kind"] == "etcd"]
    etcd = list(dict.fromkeys(etcd)) or ["etcd1", "etcd2", "etcd3"]
    led = next((r["etcd_leader"] for r in reversed(recordings) if r["etcd_leader"]), None)
    if question == "etcd_leader" and led is None:
        ask = [_ask_etcd(etcd[0], recordings)]
        return [*ask, command("stop", ["etcdN"], recordings), command("start", ["etcdN"], recordings)]
    others = [name for name in etcd if name != led]
    verbs = {"leader_stopped": "stop", "leader_killed": "kill", "leader_frozen": "pause"}
    targets = {
        "replica": [replica],
        "etcd_one": others[-1:] or etcd,
        "etcd_leader": [led or etcd[0]],
        "etcd_two": etcd[1:3] or etcd,
        "etcd_all": etcd,
        "proxy": ["haproxy"],
    }.get(question, [leader])
    verb = verbs.get(question, "stop")
    mend = "resume" if verb == "pause" else "start"
    return [command(verb, targets, recordings), command(mend, targets, recordings)]


def _ask_etcd(member: str, recordings: list[RecordingFact]) -> str:
    """The command that says which member leads etcd."""
    ask = "endpoint status --cluster -w table"
    if kind_of(recordings) == "docker":
        return f"docker exec demo-{member} etcdctl {ask}"
    outside = [a for r in recordings[-1:] for p in r["parts"] if p["kind"] == "etcd" for a in p["outside"]]
    return f"etcdctl --endpoints {outside[0]} {ask}" if outside else f"etcdctl {ask}"


def command(verb: str, targets: list[str], recordings: Iterable[RecordingFact]) -> str:
    """The command that does something to members of this cluster."""
    if kind_of(recordings) == "local":
        return "; ".join(f"python -m stack {verb} {target}" for target in targets)
    words = {"pause": "pause", "resume": "unpause"}
    return f"docker {words.get(verb, verb)} {' '.join('demo-' + target for target in targets)}"


def _leader_and_replica(recordings: list[RecordingFact]) -> tuple[str, str]:
    """Who led last, and who did not."""
    led = [spell["member"] for r in recordings for spell in r["leaderships"]]
    members = [str(m.get("name")) for r in recordings for c in r["captures"] for m in c["members"] if m.get("name")]
    leader = led[-1] if led else members[0] if members else "patroni1"
    return leader, next((name for name in members if name != leader), "patroni2")
