"""The tables of what reads told: facts in, Markdown out. Pure."""

from __future__ import annotations

from reports.render.escaping import code, table
from reports.render.language import Language
from reports.text.cells import cell, number
from reports.text.incident_tables import runs
from reports.text.old_facts import ConsistencyFact, ReadsFact, SpreadFact

SHOWN_LOST = 20


def hidden_spells(fact: ConsistencyFact, language: Language) -> list[str]:
    """What direct looks cannot rule out, and what shows that it was so all the same; empty where there is nothing."""
    if not fact["hidden"]:
        return []
    items = []
    for one in fact["hidden"]:
        key = "consistency.hidden_thawed" if one["thawed"] else "consistency.hidden_led"
        to_s = language.say("consistency.to_end") if one["to_s"] is None else language.written(one["to_s"], "s")
        items.append(language.say(key, **{**one, "to": to_s, "ids": one["event_ids"]}))
    said = [language.say("consistency.hidden", list="; ".join(items))]
    committed = [
        language.say(
            "consistency.committed_item",
            member=one["member"],
            at_s=one["committed_s"],
            age_s=one["committed_age_s"],
            ids=one["committed_id"],
        )
        for one in fact["hidden"]
        if one["committed_s"] is not None
    ]
    if committed:
        said.append(language.say("consistency.committed", list="; ".join(committed)))
    return said


def forked(fact: ConsistencyFact, kept: bool, language: Language) -> list[str]:
    """What logs said of histories that were not the cluster's, and what became of them; `kept`: no write was lost."""
    if not fact["forks"]:
        return []
    items = [language.say("consistency.fork", **{**one, "ids": one["event_id"]}) for one in fact["forks"]]
    said = [language.say("consistency.forks", list="; ".join(items))]
    rewound = [one["rewound_id"] for one in fact["forks"] if one["rewound_id"] is not None]
    if len(rewound) == len(fact["forks"]):
        said.append(language.say("consistency.rewound", ids=rewound))
    elif rewound:
        said.append(language.say("consistency.rewound_some", ids=rewound))
    if kept:
        said.append(language.say("consistency.fork_no_loss"))
    return said


def looked_at(fact: ReadsFact, language: Language) -> str:
    """Which reads were looked at, and how many."""
    counts = {"n": fact["looked_at"], "total": fact["acknowledged"]}
    if not fact["whole"]:
        return language.say("reads.part", **counts)
    return language.say("reads.all" if counts["n"] == counts["total"] else "reads.some", **counts)


def back(fact: ReadsFact, language: Language) -> str:
    """The reads that went back in time, by whether the same server had shown the newer row."""
    rows = []
    for key in ("same_server", "other_server"):
        one = fact["back_same_server"] if key == "same_server" else fact["back_other_server"]
        if one is None:
            continue
        ids = sorted({*one["worst_writes_ids"], *one["worst_s_ids"]})
        rows.append(
            (
                language.say(f"reads.{key}"),
                number(one["count"], language, 0),
                number(one["worst_writes"], language, 0),
                number(one["worst_s"], language, 2),
                runs(ids),
            )
        )
    return table(language.columns("reads.back_columns"), rows)


def went_back(fact: ReadsFact) -> int | None:
    """How many reads went back in time; None: not observed."""
    same, other = fact["back_same_server"], fact["back_other_server"]
    return None if same is None or other is None else same["count"] + other["count"]


def staleness(fact: ReadsFact, language: Language) -> str:
    """How far reads were behind, by role and server; a role that one server alone had is one row."""
    rows = []
    for one in fact["staleness"]:
        of_role = [s for s in fact["staleness"] if s["role"] == one["role"] and s["server"] is not None]
        if one["server"] is None and len(of_role) == 1:
            continue
        rows.append(
            (
                language.written(one["role"], "@role"),
                language.say("reads.every_server") if one["server"] is None else code(one["server"]),
                number(one["reads"], language, 0),
                number(one["behind"], language, 0),
                _four(one["writes"], 0, language),
                _four(one["behind_s"], 3, language),
            )
        )
    return table(language.columns("reads.staleness_columns"), rows)


def _four(spread: SpreadFact, digits: int, language: Language) -> str:
    values = (spread["median"], spread["p95"], spread["p99"], spread["max"])
    return " / ".join(language.number(value, digits if value else 0) for value in values)


def read_then_lost(fact: ReadsFact, language: Language) -> str:
    """The first of the rows that were read and are not there any more."""
    rows = [
        (
            code(one["token"]),
            language.written(one["read_utc"], "clock"),
            number(one["read_s"], language),
            cell(one["server"], language, "code"),
            number(one["reads"], language, 0),
            runs(one["operation_ids"]),
            cell(one["audit_id"], language, "id"),
        )
        for one in (fact["read_then_lost"] or ())[:SHOWN_LOST]
    ]
    return table(language.columns("reads.lost_columns"), rows)
