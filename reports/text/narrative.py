"""What is said of an incident in sentences: the choice of phrases, from plain facts. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from reports.analysis.keys import PHASES
from reports.render.language import Language
from reports.text.old_facts import (
    CostFact,
    EvidenceFact,
    Facts,
    IncidentFact,
    LeaderFact,
    PhaseFact,
    RecordingFact,
    RejectedFact,
    WarningFact,
)

# A phase that is nearly all of its outage is not worth a sentence.
WHOLE = 0.98
FULL_PROXY = ("evidence.proxy_full", "evidence.proxy_room")


@dataclass(frozen=True, slots=True)
class Part:
    """A phase with the seconds to show, to 0.01: differences of rounded offsets, so that they sum to the outage."""

    phase: PhaseFact
    seconds: float
    inside: bool


def evidence_sentence(fact: EvidenceFact, language: Language) -> str:
    """What rows show, with its moment in seconds since the recording began where that is known."""
    sentence = language.say(fact["says"], **fact["facts"])
    at_s = fact["facts"].get("at_s")
    return sentence if at_s is None else language.say("evidence_at.sentence", at_s=at_s, sentence=sentence)


def rejected_sentence(fact: RejectedFact, language: Language) -> str:
    """Why a cause does not hold."""
    return language.say(fact["reason"], **fact["facts"])


def warning(fact: WarningFact, language: Language) -> str:
    """Which check of the report did not hold, and what is not stated because of it."""
    return language.say(fact["key"], **fact["facts"])


def who(incident: IncidentFact) -> str | list[str] | None:
    """The target, or the targets, of an incident's cause."""
    return incident["target"] or incident["targets"] or None


def names_of(facts: Facts) -> dict[str, str]:
    """By which name to call what has an address; not at all where two recordings disagree."""
    told = [item for recording in facts["recordings"] for item in recording["names"].items()]
    return {address: name for address, name in told if all(n == name for a, n in told if a == address)}


def cause_title(incident: IncidentFact, language: Language) -> str:
    """The headline of an incident; where etcd lost its quorum, with the members that were silent."""
    title = language.say(f"cause.{incident['cause']}.title", who=who(incident))
    silent = sorted({f["facts"]["endpoint"] for f in incident["evidence"] if f["says"] == "evidence.etcd_failed"})
    if incident["cause"] == "etcd.quorum_lost" and silent:
        title += language.say("incident.silent_etcd", endpoints=silent)
    return title


def story(incident: IncidentFact, language: Language) -> str:
    """An incident in a few sentences, for a person who does not know Patroni."""
    said = [
        language.say(f"cause.{incident['cause']}.meaning"),
        cost_sentences(incident, language),
        *longest_phase(incident, language),
        *_leader_sentences(incident["leader"], language),
        lost_sentence(incident, language),
    ]
    return " ".join(sentence for sentence in said if sentence)


def cost_sentences(incident: IncidentFact, language: Language) -> str:
    """What an incident cost writes and reads; in one sentence where it cost neither, on no kind of connection."""
    write, read = incident["write"], incident["read"]
    if booked(write) is not None and booked(write) == booked(read):
        return language.say("story.both_within", id=booked(write))
    none = own_outage_s(write) == 0 and own_outage_s(read) == 0
    if none and not write["fresh_longer"] and not read["fresh_longer"]:
        writes, reads = (cost["failed"] + cost["unknown"] for cost in (write, read))
        key = "story.both_kept_but" if writes + reads else "story.both_kept"
        return language.say(key, writes=writes, reads=reads)
    return f"{cost_sentence('write', write, language)} {cost_sentence('read', read, language)}"


def cost_sentence(action: str, cost: CostFact, language: Language) -> str:
    """What an incident cost writes or reads; where it cost them nothing, whether new connections got through."""
    seconds = cost["outage_s"]
    if (earlier := booked(cost)) is not None:
        return language.say(f"story.{action}_within", id=earlier)
    if seconds is None:
        return language.say(f"story.{action}_unknown")
    if cost["open"]:
        return language.say(f"story.{action}_open", seconds=seconds)
    if seconds:
        return language.say(f"story.{action}_outage", seconds=seconds)
    if cost["fresh_longer"]:
        return language.say(f"story.{action}_kept_only", seconds=cost["fresh_outage_s"])
    return language.say(f"story.{action}_kept")


def booked(cost: CostFact) -> int | None:
    """The earlier incident that an action was down for when this one began, where it has no outage of its own."""
    return None if cost["outage_s"] else cost["within"]


def own_outage_s(cost: CostFact) -> float | None:
    """How long an action was down for this incident; unknown where it was down already, for an earlier one."""
    return cost["outage_s"] if booked(cost) is None else None


def others_within(incident: IncidentFact, facts: Facts, language: Language) -> list[str]:
    """Which incidents began while writes were down for this one: its phases hold their share, too."""
    ids = [other["id"] for other in facts["incidents"] if other["write"]["within"] == incident["id"]]
    links = [language.say("answers.link", id=one) for one in ids]
    return [language.say("incident.others_within", n=len(ids), links=links)] if ids else []


def longest_phase(incident: IncidentFact, language: Language) -> list[str]:
    """Where most of a write outage went, if it has phases to tell apart."""
    inside = [part for part in parts(incident) if part.inside]
    total = incident["write"]["outage_s"]
    if len(inside) < 2 or not total:
        return []
    longest = max(inside, key=lambda part: part.phase["seconds"])
    seconds = longest.phase["seconds"]
    if seconds / total > WHOLE:
        return []
    form = "longest_full" if longest.phase["name"] == "recovery" and crowded(incident, longest.phase) else "longest"
    what = phase_words(longest.phase["name"], form, language)
    return [language.say("story.longest", seconds=seconds, total=total, share=seconds / total, what=what)]


def crowded(incident: IncidentFact, phase: PhaseFact) -> bool:
    """Whether the proxy was full for most of a phase, which is then what it waited for."""
    at_s = {f["says"]: f["facts"].get("at_s") for f in incident["evidence"] if f["says"] in FULL_PROXY}
    from_s, to_s = (at_s.get(key) for key in FULL_PROXY)
    if from_s is None:
        return False
    full_s = min(phase["ended_s"], to_s or phase["ended_s"]) - max(phase["began_s"], from_s)
    return bool(full_s > phase["seconds"] / 2)


def _leader_sentences(leader: LeaderFact, language: Language) -> list[str]:
    before, after = leader["before"], leader["after"]
    if before is None or before == after:
        return []
    if after is None:
        return [language.say("story.leader_none", before=before)]
    if leader["timeline_before"] is None or leader["timeline_after"] is None:
        return [language.say("story.leader_changed", before=before, after=after)]
    return [language.say("story.leader_timeline", **leader)]


def lost_sentence(incident: IncidentFact, language: Language) -> str:
    """What an incident lost; nothing to say where no write was ever in danger."""
    lost = incident["lost_writes"]
    if lost:
        return language.say("story.lost_some", n=lost)
    if not incident["write"]["outage_s"]:
        return ""
    return language.say("story.lost_unknown" if lost is None else "story.lost_none")


def phase_words(name: str, form: str, language: Language) -> str:
    """A phase's name, meaning or what it waits for; phases that could not be told apart are joined by "and"."""
    joiner = "; " if form == "meaning" else language.phrases["format.and"]
    return joiner.join(language.say(f"phase.{part}.{form}") for part in name.split("+"))


def is_inside(name: str) -> bool:
    """Whether a phase is a part of the outage itself."""
    return all(PHASES.get(part, False) for part in name.split("+"))


def parts(incident: IncidentFact) -> list[Part]:
    """The phases with seconds to 0.01 that sum, as they are printed, to the outage as it is printed."""
    found, offset = [], 0.0
    for phase in incident["phases"]:
        inside = is_inside(phase["name"])
        shown = round(phase["seconds"], 2)
        if inside:
            shown = round(round(offset + phase["seconds"], 2) - round(offset, 2), 2)
            offset += phase["seconds"]
        found.append(Part(phase, shown, inside))
    return found


def load_sentences(recording: RecordingFact, language: Language) -> list[str]:
    """Who served writes and reads, judged by the role that each server claimed."""
    writes = [s for s in recording["served"] if s["action"] == "write"]
    reads = [s for s in recording["served"] if s["action"] == "read"]
    said = []
    wrong = sum(s["operations"] for s in writes if s["in_recovery"])
    if wrong:
        said.append(language.say("load.writes_recovery", n=wrong))
    elif writes and all(s["in_recovery"] is False for s in writes):
        said.append(language.say("load.writes_primary"))
    total = sum(s["operations"] for s in reads)
    if total and all(s["in_recovery"] is not None for s in reads):
        served = sum(s["operations"] for s in reads if s["in_recovery"])
        said.append(language.say("load.reads_replicas", n=served, total=total))
    return said


def queries(facts: Sequence[EvidenceFact]) -> list[str]:
    """Ready commands that print the rows behind evidence, one for each table."""
    tables: dict[str, set[int]] = {}
    for fact in facts:
        if fact["ids"]:
            tables.setdefault(fact["table"], set()).update(fact["ids"])
    return [query(name, sorted(ids)) for name, ids in sorted(tables.items())]


def query(name: str, ids: Sequence[int]) -> str:
    """The command that prints rows of a table by their ids; many in a row are asked for as a range."""
    single: list[int] = []
    asked: list[str] = []
    for run in runs_of(ids):
        if len(run) > 3:
            asked.append(f"id between {run[0]} and {run[-1]}")
        else:
            single += run
    if single:
        asked.insert(0, f"id in ({', '.join(map(str, single))})")
    return f'observer query "select * from {name} where {" or ".join(asked)}"'


def runs_of(ids: Sequence[int]) -> list[list[int]]:
    """Ids in groups of those that follow each other."""
    found: list[list[int]] = []
    for row in ids:
        if found and row == found[-1][-1] + 1:
            found[-1].append(row)
        else:
            found.append([row])
    return found


def all_evidence(incident: IncidentFact) -> list[EvidenceFact]:
    """The evidence of an incident's cause and of its phases, each once, in order of time."""
    seen: dict[tuple[str, tuple[int, ...], str], EvidenceFact] = {}
    for fact in (*incident["evidence"], *(e for phase in incident["phases"] for e in phase["evidence"])):
        seen.setdefault((fact["table"], tuple(fact["ids"]), fact["says"]), fact)
    return sorted(seen.values(), key=lambda fact: (fact["facts"].get("at_s") is None, fact["facts"].get("at_s") or 0.0))


def sentence_case(text: str) -> str:
    """The text with its first letter in upper case."""
    return text[:1].upper() + text[1:]


def several_outages(action: str, cost: CostFact, language: Language) -> str:
    """The outages of one action, where an incident had more than one."""
    items = [
        language.say(
            "incident.outage_item",
            action=action,
            seconds=outage["seconds"],
            began_s=outage["began_s"],
            ids=" → ".join(str(row) for row in (outage["before_id"], outage["after_id"]) if row is not None) or "—",
        )
        for outage in cost["outages"]
    ]
    return language.say("incident.outages", list=", ".join(items))


def leader_changes(recording: RecordingFact, language: Language) -> str:
    """How often the leader key passed to another node, and how many promotions there were."""
    spells = recording["leaderships"]
    changes = sum(1 for before, after in pairwise(spells) if before["member"] != after["member"])
    said = [language.say("leadership.changes", n=changes) if changes else language.say("leadership.constant")]
    timelines = sorted({number for spell in spells for number in spell["timelines"]})
    if len(timelines) > 1:
        first, last = timelines[0], timelines[-1]
        said.append(language.say("leadership.promotions", first=first, last=last, n=last - first))
    anew = sum(len(spell["demoted"]) for spell in spells if len(spell["timelines"]) > 1)
    if anew:
        said.append(language.say("leadership.anew", n=anew))
    return sentences(said)


def sentences(said: Sequence[str]) -> str:
    """Sentences in a row, each with a capital."""
    return " ".join(sentence_case(one) for one in said)


def leader_kept(incident: IncidentFact) -> str:
    """Of a leader that is the same after: "back" where another held the key meanwhile, "again" where it was promoted
    anew, else "kept".
    """
    leader = incident["leader"]
    taken = [e["facts"].get("member") for e in incident["evidence"] if e["says"] == "evidence.leader_key_taken"]
    if any(member != leader["after"] for member in taken):
        return "back"
    before, after = leader["timeline_before"], leader["timeline_after"]
    return "again" if before is not None and after is not None and before != after else "kept"
