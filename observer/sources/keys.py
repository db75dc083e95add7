"""Patroni's keys in etcd under one scope: from the keys before and after a change to observations. Pure."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from observer.model.redaction import without_password
from observer.sources.polling import Observation

ROLES = {"master": "primary"}  # Patroni 3 says master, Patroni 4 primary
MEMBER = ("state", "role", "timeline", "version", "conn_url", "api_url")
WHOLE = {  # keys whose whole value is recorded, with the kind of event and the name in its detail
    "config": ("config.changed", "config"),
    "history": ("history.changed", "history"),
    "sync": ("sync.changed", "value"),
    "failsafe": ("failsafe.changed", "value"),
}


@dataclass(frozen=True, slots=True)
class Key:
    """A key: its value, the revision of the value, the revision that created the key, and its lease (0: none)."""

    name: str
    value: bytes
    revision: int
    created: int
    lease: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All keys under a prefix at one revision of one cluster."""

    keys: tuple[Key, ...]
    revision: int
    cluster: int


@dataclass(frozen=True, slots=True)
class Change:
    """A key that was written, or deleted (`key` None), at a revision."""

    name: str
    key: Key | None
    revision: int


Keys = Mapping[str, Key]  # by name under the scope: "leader", "members/patroni1"


def root_of(namespace: str) -> str:
    """Return the prefix of all keys of a namespace."""
    return f"/{namespace.strip('/')}/".replace("//", "/")


def text_of(key: Key | None) -> str | None:
    """Return the value as text; None for no key and for an empty value."""
    return (key.value.decode("utf-8", "replace") or None) if key is not None else None


def json_of(key: Key | None) -> Any:
    """Return the value as JSON; None if there is no value or no valid JSON."""
    try:
        return json.loads(text_of(key) or "null")
    except ValueError:
        return None


def without_secrets(value: Any) -> Any:
    """Return a JSON value without passwords: fields of that name, and passwords within strings."""
    if isinstance(value, dict):
        return {
            name: without_secrets(part) for name, part in value.items() if not str(name).lower().endswith("password")
        }
    if isinstance(value, list):
        return [without_secrets(part) for part in value]
    return without_password(value) if isinstance(value, str) else value


def member_of(key: Key | None) -> dict[str, Any]:
    """Return what a member's key holds, without the WAL position, which changes all the time."""
    value = json_of(key)
    value = value if isinstance(value, dict) else {}
    detail = {name: value.get(name) for name in MEMBER}
    return {**detail, "role": ROLES.get(str(detail["role"]), detail["role"])}


def observations_of(
    name: str, before: Key | None, after: Key | None, revision: int, scope: str, previous: str | None = None
) -> list[Observation]:
    """Return what a change of one key means; nothing for keys that do not matter and for unchanged values.

    `previous` is the last known leader, for a key that is taken after it was gone.
    """
    if name == "leader":
        return list(_leader(before, after, revision, text_of(before) or previous))
    if name.startswith("members/"):
        member = name.removeprefix("members/")
        if after is None:
            return [("member.lost", member, {"revision": revision})]
        if before is not None and member_of(before) == member_of(after):
            return []
        return [("member.changed", member, {"revision": revision, "deleted": False, **member_of(after)})]
    if name in WHOLE and json_of(before) != json_of(after):
        kind, field = WHOLE[name]
        return [(kind, scope, {"revision": revision, field: without_secrets(json_of(after))})]
    if name == "failover":
        return list(_failover(json_of(before), json_of(after), revision, scope))
    return []


def initial_observations(keys: Keys, scope: str) -> list[Observation]:
    """Return what the keys mean when they are read for the first time, in the order in which they were written."""
    observations: list[Observation] = []
    for name, key in sorted(keys.items(), key=lambda item: item[1].revision):
        if name == "leader":
            observations.append(leader_seen(key, initial=True))
            continue
        for kind, subject, detail in observations_of(name, None, key, key.revision, scope):
            observations.append((kind, subject, {**detail, "initial": True}))
    return observations


def leader_seen(key: Key, initial: bool = False) -> Observation:
    """Return the observation of a leader key that was found unchanged or for the first time."""
    detail = {"revision": key.revision, "lease": key.lease, "key": key.name, "previous": None}
    return "leader.seen", text_of(key) or "", {**detail, **({"initial": True} if initial else {})}


def _leader(before: Key | None, after: Key | None, revision: int, previous: str | None) -> Iterator[Observation]:
    """Yield the loss and the take-over; a leader key with a new creation revision was gone in between."""
    was, now = text_of(before), text_of(after)
    recreated = before is not None and after is not None and before.created != after.created
    if before is not None and was and (after is None or recreated):
        yield "leader.lost", was, {"revision": revision, "key": before.name, "lease": before.lease}
    if after is not None and now and (now != was or recreated):
        detail = {"revision": revision, "lease": after.lease, "key": after.name, "previous": previous}
        yield "leader.elected", now, detail


def _failover(before: Any, after: Any, revision: int, scope: str) -> Iterator[Observation]:
    if before == after:
        return
    if isinstance(after, dict) and after:
        request = {"leader": after.get("leader"), "candidate": after.get("member") or after.get("candidate")}
        yield "failover.asked", scope, {"revision": revision, **request, "scheduled_at": after.get("scheduled_at")}
    elif before:
        yield "failover.cleared", scope, {"revision": revision}
