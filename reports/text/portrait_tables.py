"""The tables of what a cluster is: parts and ports, where a port leads, lag, what later captures changed. Pure."""

from __future__ import annotations

import itertools
from typing import Any

from reports.render.escaping import code, table
from reports.render.language import Language
from reports.text.answering import role_of
from reports.text.cells import cell, number
from reports.text.old_facts import CaptureFact, MomentFact, PartFact, RecordingFact, ServedFact, longest_up_s, ports_of

HOMEWORK_PORTS = {"write": "5001", "read": "5002"}
SHOWN_CHANGES = 40
SHOWN_APART = 40
SHOWN_KEPT = 20


def parts(recording: RecordingFact, language: Language) -> str:
    """Every part of the cluster with its addresses."""
    rows = []
    for part in (*recording["parts"], *recording["watchers"]):
        role = language.written(part["name"] if part["kind"] == "haproxy" else part["kind"], "@parts")
        if part["led_utc"] is not None:
            role = language.say("parts.led", role=role, utc=part["led_utc"])
        name = "haproxy" if part["kind"] == "haproxy" else part["name"]
        rows.append(
            (
                language.written(part["kind"], "@partname"),
                code(name),
                ", ".join(code(address) for address in part["inside"]) or _unseen_inside(part, language),
                ", ".join(code(address) for address in part["outside"] or _reached(part)),
                role,
                ", ".join(map(str, part["event_ids"])),
            )
        )
    return table(language.columns("parts.columns"), rows)


def _unseen_inside(part: PartFact, language: Language) -> str:
    """A proxy has addresses of its own within the cluster, and nobody tells them."""
    return language.phrases["format.unknown"] if part["kind"] == "haproxy" else ""


def _reached(part: Any) -> list[str]:
    """Where nothing else was told, the observer went to the address that the cluster names."""
    return list(part["inside"])


def ports(recording: RecordingFact, language: Language) -> str:
    """Which server answered behind each port, in which role."""
    known = ports_of(recording["settings"])
    counts: dict[tuple[str, str, str, bool | None], int] = {}
    for row in recording["served"]:
        key = (row["action"], str(row["server"] or ""), str(row["address"] or ""), row["in_recovery"])
        counts[key] = counts.get(key, 0) + row["operations"]
    rows = [
        (
            cell(known.get(action), language, "code"),
            language.written(action, "@action"),
            cell(server, language, "code"),
            cell(address, language, "code"),
            "" if recovery is None else f"`{'t' if recovery else 'f'}` ({role_of(recovery, language)})",
            number(n, language, 0),
        )
        for (action, server, address, recovery), n in sorted(
            counts.items(), key=lambda item: (item[0][0] != "write", item[0][1], bool(item[0][3]))
        )
    ]
    return table(language.columns("proxy.ports_columns"), rows)


def port_sentences(recording: RecordingFact, language: Language) -> list[str]:
    """Whether the ports lead where the homework's text says, and every exception counted."""
    said = []
    known = ports_of(recording["settings"])
    if set(known) == {"write", "read"}:
        numbers = {action: address.rpartition(":")[2] for action, address in known.items()}
        led, replicated = _right(recording, "write", False), _right(recording, "read", True)
        if led[1] and replicated[1] and not (led[0] > led[1] / 2 and replicated[0] > replicated[1] / 2):
            counts = dict(zip(("led", "writes", "replicated", "reads"), (*led, *replicated), strict=True))
            said.append(language.say("proxy.text_roles", **known, **counts))
        elif numbers == HOMEWORK_PORTS:
            said.append(language.say("proxy.text_agrees"))
        elif numbers["write"] == HOMEWORK_PORTS["read"] and numbers["read"] == HOMEWORK_PORTS["write"]:
            said.append(language.say("proxy.text_contradicts", **known))
        else:
            said.append(language.say("proxy.text_shifted", **known))
    for action in ("write", "read"):
        own = [row for row in recording["served"] if row["action"] == action]
        total = sum(row["operations"] for row in own)
        if not own or any(row["in_recovery"] is None for row in own):
            continue
        primary = sum(row["operations"] for row in own if not row["in_recovery"])
        if action == "write" and primary == total:
            said.append(language.say("proxy.writes_all_primary", total=total))
        elif action == "write":
            said.append(language.say("load.writes_recovery", n=total - primary))
        elif primary:
            said += _reads_of_leaders(own, recording, language)
        else:
            said.append(language.say("proxy.reads_all_replicas", total=total))
    return said


def _reads_of_leaders(reads: list[ServedFact], recording: RecordingFact, language: Language) -> list[str]:
    """How many reads a leader served: on new connections, and on persistent ones, and what speaks for their age."""
    said = []
    turned, kept = recording["turned"], recording["kept_led"]
    for probe in ("fresh", "kept"):
        own = [row for row in reads if row["probe"] == probe]
        led = sum(row["operations"] for row in own if not row["in_recovery"])
        total = sum(row["operations"] for row in own)
        if probe == "fresh" and own:
            said.append(language.say("proxy.reads_new", n=total - led, total=total, led=led))
            if led and turned is not None:
                ids = {"ids": turned["event_id"], "read": turned["operation_id"]}
                said.append(language.say("proxy.reads_turned", n=led, seconds=turned["seconds"], **ids))
            elif led:
                said.append(language.say("proxy.reads_turning", n=led))
        elif led:
            said.append(language.say("proxy.reads_primary_kept", n=led, total=total))
            pairs = ["\u00a0→\u00a0".join(map(str, pair)) for pair in (kept or ())[:SHOWN_KEPT]]
            more = ", …" if len(kept or ()) > SHOWN_KEPT else ""
            if kept is None:
                said.append(language.say("proxy.reads_kept_unknown"))
            else:
                said.append(language.say("proxy.reads_kept_turned", n=len(kept), ids=", ".join(pairs) + more))
    return said


def _right(recording: RecordingFact, action: str, in_recovery: bool) -> tuple[int, int]:
    """How many operations of an action a server in that role served, and how many there were.

    New connections alone are counted where there were any: they show where the port leads now.
    """
    every = [row for row in recording["served"] if row["action"] == action]
    own = [row for row in every if row["probe"] == "fresh"] or every
    right = sum(row["operations"] for row in own if row["in_recovery"] is in_recovery)
    return right, sum(row["operations"] for row in own)


def others(docker: bool, language: Language) -> str:
    """That what was never asked is not listed, with the command that lists it."""
    command = "docker ps -a --format '{{.Names}} {{.Ports}}'" if docker else "ss -tlnp"
    return language.say("parts.others", command=command)


def check_sentences(recording: RecordingFact, language: Language) -> list[str]:
    """How the proxy decides by its stats, what was measured of its checks, who stayed UP: a paragraph each."""
    proxy, pauses = recording["proxy"], recording["checks"]["pauses"]
    said = [language.say("proxy.checks")]
    if proxy["rise"] is None or proxy["fall"] is None:
        said.append(language.say("proxy.counts_unknown"))
    else:
        said.append(language.say("proxy.counts", rise=proxy["rise"], fall=proxy["fall"], ids=proxy["event_ids"]))
    if proxy["inter_ms"] is None:
        said.append(language.say("proxy.inter_unknown"))
    elif proxy["inter_told"]:
        said.append(language.say("proxy.inter", inter_ms=proxy["inter_ms"]))
    else:
        said.append(language.say("proxy.inter_stats", inter_ms=proxy["inter_ms"], ids=proxy["event_ids"]))
    if pauses is None:
        measured = language.say("proxy.inter_unmeasured")
    else:
        median, low, high = (_measured(pauses[key], language) for key in ("median", "shortest", "longest"))
        measured = language.say("proxy.inter_measured", n=pauses["count"], median=median, low=low, high=high)
    if proxy["rise"] is None or proxy["fall"] is None or proxy["inter_ms"] is None:
        said.append(language.say("proxy.counts_ask"))
    return [" ".join(said), measured, " ".join([*_stays(recording, language), *_lingering(recording, language)])]


def _measured(moment: MomentFact, language: Language) -> str:
    return language.say("proxy.measured", seconds=moment["ms"] / 1000, ids=moment["event_ids"])


def _stays(recording: RecordingFact, language: Language) -> list[str]:
    """How long a check of a silent server takes, and so how long a dead one may stay UP."""
    proxy, checks = recording["proxy"], recording["checks"]
    timeouts = checks["timeouts"]
    if not timeouts:
        return [language.say("proxy.hangs"), language.say("proxy.stays")]
    items = [
        language.say("proxy.hangs_item", status=status, seconds=moment["ms"] / 1000, ids=moment["event_ids"])
        for status, moment in timeouts.items()
    ]
    said = [language.say("proxy.hangs_ms", list="; ".join(items)), language.say("proxy.stays")]
    pause_ms = checks["pauses"]["median"]["ms"] if proxy["inter_ms"] is None and checks["pauses"] else proxy["inter_ms"]
    if proxy["fall"] is not None and pause_ms is not None:
        lengths = [moment["ms"] for moment in timeouts.values()]
        said.append(
            language.say(
                "proxy.stays_bound",
                fall=proxy["fall"],
                pause=pause_ms / 1000,
                first=max(lengths) / 1000,
                more=proxy["fall"] - 1,
                later=lengths[-1] / 1000,
                status=list(timeouts)[-1],
                seconds=longest_up_s(proxy["fall"], pause_ms, lengths),
            )
        )
    return said


def _lingering(recording: RecordingFact, language: Language) -> list[str]:
    """How long servers stayed UP after their PostgreSQL fell silent, the longest few."""
    longest = recording["checks"]["lingering"][:3]
    items = [
        language.say("proxy.down_item", server=fact["subject"], seconds=fact["seconds"], ids=fact["event_ids"])
        for fact in longest
    ]
    return [language.say("proxy.down_measured", list=", ".join(items))] if items else []


def lags(recording: RecordingFact, language: Language) -> str:
    """How far replicas were behind; a lag that was never there was at no moment worst."""
    rows = [
        (
            code(lag["member"]),
            language.written(lag["unit"], "@lag_unit"),
            number(lag["samples"], language, 0),
            *(
                number(lag[key], language, 2 if lag["unit"] == "seconds" and lag[key] else 0)
                for key in ("median", "worst")
            ),
            number(lag["worst_at_s"], language) if lag["worst"] else "",
            cell(lag["event_id"], language, "id") if lag["worst"] else "",
        )
        for lag in recording["lags"]
    ]
    return table(language.columns("lag.columns"), rows)


def lag_notes(recording: RecordingFact, language: Language) -> list[str]:
    """What is in no lag: short ones, those of replicas that are not connected, and the samples that were left out."""
    said, apart = [language.say("lag.note")], recording["lags_apart"]
    if apart:
        more = ", …" if len(apart) > SHOWN_APART else ""
        said.append(language.say("lag.apart", n=len(apart), ids=apart[:SHOWN_APART], more=more))
    return said


def later(recording: RecordingFact, language: Language) -> str:
    """How many captures followed the first, of the members and of the pools; empty where none did."""
    members, pools = (sum(bool(c[what]) for c in recording["captures"]) - 1 for what in ("members", "pools"))
    if members < 1 and pools < 1:
        return ""
    key = "changed.later" if changes(recording, language) else "changed.none"
    return language.say(key, members=max(0, members), pools=max(0, pools))


def changes(recording: RecordingFact, language: Language) -> str:
    """What each later capture says that the one before it did not; empty where none does."""
    found: dict[str, tuple[list[str], list[int]]] = {}
    for what, key in (("members", "name"), ("pools", "server")):
        captures = [c for c in recording["captures"] if c[what]]
        for before, after in itertools.pairwise(captures):
            differences, row = _differences(before, after, what, key, language), after[f"{what}_id"]
            told, ids = found.setdefault(after["utc"], ([], []))
            told += differences
            ids += [row] if differences and row is not None else []
    rows = [
        (language.written(utc, "clock"), "; ".join(told), ", ".join(map(str, ids)))
        for utc, (told, ids) in sorted(found.items())
        if told
    ]
    return table(language.columns("changed.columns"), rows[:SHOWN_CHANGES]) if rows else ""


def _differences(before: CaptureFact, after: CaptureFact, what: str, key: str, language: Language) -> list[str]:
    old, new = (_by_name(capture[what], key) for capture in (before, after))
    told = [language.say("changed.vanished", name=name) for name in old if name not in new]
    told += [language.say("changed.appeared", name=name) for name in new if name not in old]
    fields = ("role", "state", "timeline") if what == "members" else ("status", "check_status")
    for name in old:
        if name in new:
            pairs = [
                f"{language.written(old[name].get(f), _spec(f))} → {language.written(new[name].get(f), _spec(f))}"
                for f in fields
                if old[name].get(f) != new[name].get(f)
            ]
            if pairs:
                told.append(language.say("changed.member", name=name, what=", ".join(pairs)))
    return told


def _spec(field: str) -> str:
    return "@role" if field == "role" else ""


def _by_name(rows: list[dict[str, Any]], key: str) -> dict[str, dict[str, Any]]:
    named = {}
    for row in rows:
        if row.get("server") not in ("FRONTEND", "BACKEND"):
            name = f"{row['pool']}/{row[key]}" if row.get("pool") else str(row.get(key))
            named[name] = row
    return named
