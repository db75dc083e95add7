"""What Patroni keeps in etcd under its scope: from keys before and after to the events that they tell. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from observer.model.redaction import without_password
from observer.sources.polling import Told

ROLES = {"master": "primary"}  # Patroni 3 says master, Patroni 4 primary
MEMBER = ("state", "role", "timeline", "version", "conn_url", "api_url")
WHOLE = {  # keys whose whole value is told, under which kind and name
    "config": ("config.changed", "config"),
    "history": ("history.changed", "history"),
    "sync": ("sync.changed", "value"),
    "failsafe": ("failsafe.changed", "value"),
}


@dataclass(frozen=True, slots=True)
class Key:
    """A key as it was written: its value, the revision of that, the revision that created it, its lease (0: none)."""

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


def text_of(key: Key | None) -> str | None:
    """The value as text; None for no key and for an empty value."""
    return (key.value.decode("utf-8", "replace") or None) if key is not None else None


def json_of(key: Key | None) -> Any:
    """The value as JSON; None where there is none, or none that can be read."""
    try:
        return json.loads(text_of(key) or "null")
    except ValueError:
        return None


def without_secrets(value: Any) -> Any:
    """A JSON value as it may be recorded: what is called a password is left out, also within strings."""
    if isinstance(value, dict):
        return {
            name: without_secrets(part) for name, part in value.items() if not str(name).lower().endswith("password")
        }
    if isinstance(value, list):
        return [without_secrets(part) for part in value]
    return without_password(value) if isinstance(value, str) else value


def member_of(key: Key | None) -> dict[str, Any]:
    """What a member's key says of it; the position of its WAL, which changes all the time, is left out."""
    value = json_of(key)
    value = value if isinstance(value, dict) else {}
    detail = {name: value.get(name) for name in MEMBER}
    return {**detail, "role": ROLES.get(str(detail["role"]), detail["role"])}


def told_of(
    name: str, before: Key | None, after: Key | None, revision: int, scope: str, previous: str | None = None
) -> list[Told]:
    """What a change of one key tells; nothing for keys that do not matter and for values that stay as they were.

    `previous` is who held the leader key last, for when it is taken after it was gone.
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


def found(keys: Keys, scope: str) -> list[Told]:
    """What the keys tell to one who never saw them before, in the order in which they were written."""
    told: list[Told] = []
    for name, key in sorted(keys.items(), key=lambda item: item[1].revision):
        if name == "leader":
            told.append(leader_seen(key, initial=True))
            continue
        for kind, subject, detail in told_of(name, None, key, key.revision, scope):
            told.append((kind, subject, {**detail, "initial": True}))
    return told


def leader_seen(key: Key, initial: bool = False) -> Told:
    """The leader key as it was found."""
    detail = {"revision": key.revision, "lease": key.lease, "key": key.name, "previous": None}
    return "leader.seen", text_of(key) or "", {**detail, **({"initial": True} if initial else {})}


def _leader(before: Key | None, after: Key | None, revision: int, previous: str | None) -> Iterator[Told]:
    """A leader key that was created anew must have been gone, even where nobody saw that."""
    was, now = text_of(before), text_of(after)
    anew = before is not None and after is not None and before.created != after.created
    if before is not None and was and (after is None or anew):
        yield "leader.lost", was, {"revision": revision, "key": before.name, "lease": before.lease}
    if after is not None and now and (now != was or anew):
        detail = {"revision": revision, "lease": after.lease, "key": after.name, "previous": previous}
        yield "leader.elected", now, detail


def _failover(before: Any, after: Any, revision: int, scope: str) -> Iterator[Told]:
    if before == after:
        return
    if isinstance(after, dict) and after:
        asked = {"leader": after.get("leader"), "candidate": after.get("member") or after.get("candidate")}
        yield "failover.asked", scope, {"revision": revision, **asked, "scheduled_at": after.get("scheduled_at")}
    elif before:
        yield "failover.cleared", scope, {"revision": revision}
