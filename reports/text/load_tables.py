"""The tables of the load: how much, how fast, who served it, and why it failed. Facts in, Markdown out. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from reports.render.escaping import code, table
from reports.render.language import Language
from reports.text.answering import link
from reports.text.cells import between, cell, number, share
from reports.text.old_facts import NOT_NOW, READ_ONLY, UNREACHED, Facts, FailureFact, RecordingFact

SHOWN_FAILURES = 30


def totals(recording: RecordingFact, language: Language) -> str:
    """All operations of a recording, by action and outcome."""
    rows = [
        (
            language.written(total["action"], "@action"),
            *(number(n, language, 0) for n in (total["attempted"], total["ok"], total["failed"], total["unknown"])),
            share(total["ok"], total["attempted"], language),
        )
        for total in recording["totals"]
    ]
    return table(language.columns("load.totals_columns"), rows)


def failures(recording: RecordingFact, language: Language) -> str:
    """Why operations failed: how far they came and what they were told, and how often."""
    counts: Counter[tuple[str, str, str, str | None, str | None]] = Counter()
    for fact in recording["failures"]:
        key = (fact["action"], fact["outcome"], fact["stage"], fact["sqlstate"], fact["message"])
        counts[key] += fact["operations"]
    told = sorted(counts.items(), key=lambda item: -item[1])
    rows = [
        (
            language.written(action, "@action"),
            language.written(outcome, "@outcome"),
            language.written(stage, "@stage"),
            cell(sqlstate, language, "code"),
            cell(message, language, "code"),
            number(n, language, 0),
        )
        for (action, outcome, stage, sqlstate, message), n in told[:SHOWN_FAILURES]
    ]
    rest = sum(n for _, n in told[SHOWN_FAILURES:])
    if rest:
        rows.append((language.say("load.other_failures"), "", "", "", "", number(rest, language, 0)))
    return table(language.columns("load.failures_columns"), rows)


def failures_sum(recording: RecordingFact, language: Language) -> str:
    """What the table of failures sums to, by action and outcome."""
    sums: Counter[tuple[str, str]] = Counter()
    for fact in recording["failures"]:
        sums[fact["outcome"], fact["action"]] += fact["operations"]
    items = [
        language.say("load.failures_item", outcome=outcome, action=action, n=n)
        for (outcome, action), n in sorted(sums.items(), key=lambda item: (item[0][0], item[0][1] != "write"))
    ]
    return language.say("load.failures_sum", list=", ".join(items))


def failed_by_server(recording: RecordingFact, language: Language) -> str:
    """Operations that were not acknowledged, by the server that they reached."""
    counts: dict[tuple[str, str | None], Counter[str]] = {}
    for fact in recording["failures"]:
        counts.setdefault((fact["action"], fact["server"]), Counter())[fact["outcome"]] += fact["operations"]
    rows = [
        (
            language.written(action, "@action"),
            language.say("load.unnamed") if server is None else code(server),
            number(outcomes["fail"], language, 0),
            number(outcomes["unknown"], language, 0),
        )
        for (action, server), outcomes in sorted(
            counts.items(), key=lambda item: (item[0][0] != "write", item[0][1] or "")
        )
    ]
    return table(language.columns("load.by_server_columns"), rows)


def failed_sentence(facts: Facts, recording: RecordingFact, language: Language) -> str:
    """What is known of the servers behind the failures of each action, and what those unknown are by."""
    said = []
    for action in ("write", "read"):
        own = [f for f in recording["failures"] if f["outcome"] == "fail" and f["action"] == action]
        if own:
            items = _by_what_is_known(own, facts, recording, language)
            total = sum(f["operations"] for f in own)
            said.append(language.say("load.failed", action=action, n=total, list="; ".join(items)))
    if any(f["outcome"] == "unknown" and f["server"] is not None for f in recording["failures"]):
        said.append(language.say("load.unknown_named"))
    return " ".join(said)


def _by_what_is_known(
    own: Sequence[FailureFact], facts: Facts, recording: RecordingFact, language: Language
) -> list[str]:
    """The failures of an action, each counted once, by what tells of their server."""
    counts: Counter[str] = Counter()
    for fact in own:
        if fact["server"] is not None:
            known = "named"
        elif fact["sqlstate"] == READ_ONLY:
            known = "read_only"
        elif fact["sqlstate"] == NOT_NOW:
            known = "not_now"
        else:
            known = "unreached" if fact["sqlstate"] is None and fact["stage"] in UNREACHED else "other"
        counts[known] += fact["operations"]
    items = []
    for known in ("named", "read_only", "not_now", "unreached", "other"):
        if counts[known]:
            told = language.say(f"load.failed_{known}", n=counts[known])
            every = sum(fact["operations"] for fact in recording["read_only"])
            if known == "read_only" and own[0]["action"] == "write" and counts[known] == every:
                told += _read_only_by(facts, recording, language)
            items.append(told)
    return items


def _read_only_by(facts: Facts, recording: RecordingFact, language: Language) -> str:
    """Which members the refused writes certainly met, and of which incidents that is not known."""
    sole: dict[str, list[int]] = {}
    for fact in recording["read_only"]:
        for member, n in fact["sole"].items():
            sole.setdefault(member, []).append(n)
    items = [
        language.say("load.read_only_sole", counts=" + ".join(number(n, language, 0) for n in ns), member=member)
        for member, ns in sorted(sole.items())
    ]
    chapters = {i["number"]: i for i in facts["incidents"] if i["recording"] == recording["id"]}
    rest = {fact["incident"]: fact["operations"] - sum(fact["sole"].values()) for fact in recording["read_only"]}
    links = [link(chapters[n], language) for n, left in rest.items() if left and n in chapters]
    if sum(rest.values()):
        where = f" ({', '.join(links)})" if links else ""
        items.append(language.say("load.read_only_rest", n=sum(rest.values()), where=where))
    return f": {', '.join(items)}"


def calm(recording: RecordingFact, language: Language) -> str:
    """Which stretches were calm, and how long together."""
    spells = recording["baseline"][0]["spells"]
    seconds = sum(to_s - from_s for from_s, to_s in spells)
    listed = "; ".join(between(from_s, to_s, language) for from_s, to_s in spells)
    return language.say("load.calm", n=len(spells), seconds=seconds, list=listed)


def baseline(recording: RecordingFact, language: Language) -> str:
    """The latencies of the calm spells."""
    rows = [
        (
            language.written(calm["action"], "@action"),
            language.written(calm["probe"], "@probe"),
            *(number(calm[name], language, 0) for name in ("operations", "failed", "unknown")),
            number(calm["rate_per_s"], language),
            *(number(calm[name], language) for name in ("p50_ms", "p95_ms", "p99_ms", "max_ms")),
        )
        for calm in recording["baseline"]
    ]
    return table(language.columns("load.baseline_columns"), rows)


def served(recording: RecordingFact, language: Language) -> str:
    """Who acknowledged operations, in which role, and their share of the action's; kept and fresh together."""
    whole: dict[str, int] = {}
    groups: dict[tuple[str, str | None, str | None, bool | None], tuple[int, set[int]]] = {}
    for row in sorted(recording["served"], key=lambda row: row["action"], reverse=True):
        whole[row["action"]] = whole.get(row["action"], 0) + row["operations"]
        key = (row["action"], row["server"], row["address"], row["in_recovery"])
        operations, timelines = groups.get(key, (0, set()))
        own = set() if row["timeline"] is None else {row["timeline"]}
        groups[key] = (operations + row["operations"], timelines | own)
    rows = [
        (
            language.written(action, "@action"),
            cell(server, language, "code"),
            cell(address, language, "code"),
            "" if in_recovery is None else language.say("recovery.yes" if in_recovery else "recovery.no"),
            ", ".join(str(timeline) for timeline in sorted(timelines)),
            number(operations, language, 0),
            share(operations, whole[action], language),
        )
        for (action, server, address, in_recovery), (operations, timelines) in groups.items()
    ]
    return table(language.columns("load.served_columns"), rows)
