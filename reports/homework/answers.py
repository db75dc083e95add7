"""The questions of the homework: the incidents that answer each, and the commands that test the others."""

from collections.abc import Iterable

from observer.model.causes import CAUSES
from observer.model.recording import SECOND_NS
from reports.analysis.results.recording import Part
from reports.analysis.results.whole import Answer, IncidentResults, RecordingResults, Results
from reports.document.each_recording import cluster_kind, stack_command

# In the order of the homework. The table of causes says which causes answer each.
QUESTIONS = (
    "leader_stopped",
    "leader_killed",
    "leader_frozen",
    "replica",
    "etcd_one",
    "etcd_leader",
    "etcd_two",
    "etcd_all",
    "proxy",
)
# An etcd member may stop answering this long before its incident begins.
ETCD_EARLY_NS = 10 * SECOND_NS
VERBS = {"leader_stopped": "stop", "leader_killed": "kill", "leader_frozen": "pause"}


def answers_of(results: Results) -> tuple[Answer, ...]:
    """Return one answer for each question about a fault."""
    return tuple(
        Answer(
            name,
            tuple(incident.id for incident in results.incidents if _answers(name, incident, results)),
            commands(name, results.recordings),
        )
        for name in QUESTIONS
    )


def _answers(name: str, incident: IncidentResults, results: Results) -> bool:
    if name not in CAUSES[incident.cause].questions:
        return False
    if name == "etcd_leader":
        return incident.was_etcd_leader is True
    if name == "etcd_all":
        return all_etcd_gone(incident, results)
    return name != "etcd_two" or not all_etcd_gone(incident, results)


def all_etcd_gone(incident: IncidentResults, results: Results) -> bool:
    """Return whether all known etcd members were unreachable at one moment of the incident."""
    recording = next(r for r in results.recordings if r.id == incident.recording)
    known = {address for part in _etcd(recording) for address in part.outside}
    away = [u for u in recording.unreachable if u.source == "etcd" and u.subject in known]
    for at_ns in (u.from_ns for u in away):
        if incident.began_ns - ETCD_EARLY_NS <= at_ns <= incident.ended_ns:
            together = {u.subject for u in away if u.from_ns <= at_ns and (u.to_ns is None or u.to_ns > at_ns)}
            if together == known:
                return True
    return False


def commands(question: str, recordings: tuple[RecordingResults, ...]) -> tuple[str, ...]:
    """Return the commands that inject the fault of a question on this cluster and repair it."""
    leader, replica = _leader_and_replica(recordings)
    etcd = list(dict.fromkeys(part.name for r in recordings[-1:] for part in _etcd(r))) or ["etcd1", "etcd2", "etcd3"]
    led = next((r.etcd_leader for r in reversed(recordings) if r.etcd_leader), None)
    if question == "etcd_leader" and led is None:
        member = ["etcdN"]
        stop, start = stack_command("stop", member, recordings), stack_command("start", member, recordings)
        return _etcd_status(etcd[0], recordings), stop, start
    targets = {
        "replica": [replica],
        "etcd_one": [name for name in etcd if name != led][-1:] or etcd,
        "etcd_leader": [led or etcd[0]],
        "etcd_two": etcd[1:3] or etcd,
        "etcd_all": etcd,
        "proxy": ["haproxy"],
    }.get(question, [leader])
    verb = VERBS.get(question, "stop")
    repair = "resume" if verb == "pause" else "start"
    return stack_command(verb, targets, recordings), stack_command(repair, targets, recordings)


def _etcd(recording: RecordingResults) -> list[Part]:
    return [part for part in recording.parts if part.kind == "etcd"]


def _etcd_status(member: str, recordings: tuple[RecordingResults, ...]) -> str:
    """Return the command that shows which member leads etcd."""
    status = "endpoint status --cluster -w table"
    if cluster_kind(recordings) == "docker":
        return f"docker exec demo-{member} etcdctl {status}"
    outside = [address for r in recordings[-1:] for part in _etcd(r) for address in part.outside]
    return f"etcdctl --endpoints {outside[0]} {status}" if outside else f"etcdctl {status}"


def _leader_and_replica(recordings: Iterable[RecordingResults]) -> tuple[str, str]:
    """Return the last leader and another member."""
    led = [leader.member for r in recordings for leader in r.leaderships]
    members = [str(m.get("name")) for r in recordings for c in r.captures for m in c.members if m.get("name")]
    leader = led[-1] if led else members[0] if members else "patroni1"
    return leader, next((name for name in members if name != leader), "patroni2")
