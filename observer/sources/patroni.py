"""Patroni's REST API: each member by itself, and the cluster as one of them describes it."""

import json
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlsplit

from observer.model.recording import SECOND_NS, Event, Window
from observer.sources.keys import ROLES, without_secrets
from observer.sources.polling import ANONYMOUS, Access, Job, Now, Observation, Poller, PollFailed, Record
from observer.sources.web import Target

SAMPLE_NS = 10 * SECOND_NS


@dataclass(frozen=True, slots=True)
class Member:
    """The fields of GET /patroni whose changes are recorded; None: the answer lacks the field."""

    role: str | None
    state: str | None
    timeline: int | None
    server_version: int | None
    postmaster_start_time: str | None
    patroni_version: str | None
    replication: list[dict[str, str | None]]  # application_name, state and sync_state of each standby
    replication_state: str | None
    pause: bool
    failsafe: bool
    pending_restart: bool
    http: int


@dataclass(frozen=True, slots=True)
class Answer:
    """A member and its positions, which change all the time: {"received_location", ...} and dcs_last_seen."""

    member: Member
    positions: Mapping[str, Any]


def job(member: str, url: str, every_ms: int, record: Record, now_ns: Now, access: Access = ANONYMOUS) -> Job:
    """Return a poll of GET /patroni of one member every `every_ms`; the path of `url` is ignored.

    It records member.changed, and replication.sampled every 10 s.
    """
    target, address = Target(access), f"{base(url)}/patroni"
    sampled_ns: int | None = None

    def poll() -> Answer:
        code, document = _document(target, address)
        return answer_of(code, document)

    def compare(before: Answer | None, after: Answer) -> list[Observation]:
        nonlocal sampled_ns
        observations: list[Observation] = []
        if before is None or before.member != after.member:
            observations.append(("member.changed", member, asdict(after.member)))
        if after.positions and (sampled_ns is None or now_ns() - sampled_ns >= SAMPLE_NS):
            sampled_ns = now_ns()
            observations.append(("replication.sampled", member, after.positions))
        return observations

    return Job(f"patroni {member}", every_ms, Poller("patroni", member, poll, compare, record, now_ns).run)


def capture(members: Mapping[str, str], record: Record, now_ns: Now, access: Access = ANONYMOUS) -> bool:
    """Record cluster.captured from the first member (name: URL) that answers GET /cluster and GET /config.

    Return whether one did. A member that does not answer costs at most 2 s.
    """
    for member, url in members.items():
        began_ns = now_ns()
        with closing(Target(access)) as target, suppress(PollFailed):
            code, cluster = _document(target, f"{base(url)}/cluster")
            if code != 200 or not isinstance(cluster.get("members"), list):
                continue
            code, found = _document(target, f"{base(url)}/config")
            config = without_secrets(found) if code == 200 else None
            detail = {"members": cluster["members"], "config": config, "from": member}
            record(Event("patroni", "cluster.captured", member, Window(began_ns, now_ns()), detail))
            return True
    return False


def base(url: str) -> str:
    """Return scheme, host and port of an api_url, which ends in "/patroni"."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def answer_of(code: int, document: Mapping[str, Any]) -> Answer:
    """Return the answer of GET /patroni, of Patroni 3 or 4; a member that is not running answers with 503."""
    patroni = document.get("patroni")
    xlog = document.get("xlog")
    replication = document.get("replication")
    rows = [row for row in replication if isinstance(row, dict)] if isinstance(replication, list) else []
    standbys = [{name: row.get(name) for name in ("application_name", "state", "sync_state")} for row in rows]
    role = document.get("role")
    member = Member(
        role=ROLES.get(role, role) if isinstance(role, str) else None,
        state=document.get("state"),
        timeline=document.get("timeline"),
        server_version=document.get("server_version"),
        postmaster_start_time=document.get("postmaster_start_time"),
        patroni_version=patroni.get("version") if isinstance(patroni, dict) else None,
        replication=sorted(standbys, key=str),
        replication_state=document.get("replication_state"),
        pause=bool(document.get("pause")),
        failsafe=bool(document.get("failsafe_mode_is_active")),
        pending_restart=bool(document.get("pending_restart")),
        http=code,
    )
    positions = dict(xlog) if isinstance(xlog, dict) else {}
    if "dcs_last_seen" in document:
        positions["dcs_last_seen"] = document["dcs_last_seen"]
    return Answer(member, positions)


def _document(target: Target, url: str) -> tuple[int, dict[str, Any]]:
    code, body = target.get(url)
    try:
        document = json.loads(body)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise PollFailed("error", f"HTTP {code}, and no JSON object in it", {"http": code})
    return code, document
