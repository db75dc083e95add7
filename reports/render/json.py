"""The results as JSON: one generic serializer, and the public keys of attributes that have another name in the code.

Times in nanoseconds (`..._ns`) become seconds (`..._s`), `duration_ns` becomes `seconds`. Keys are a public interface:
they may be added, and do not change.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from observer.model.findings import Cost, Outage, Phase
from observer.model.recording import SECOND_NS
from reports.analysis.results.reads import TwoPrimaries
from reports.analysis.results.recording import Baseline, ConnectionLimit, Throughput
from reports.analysis.results.whole import IncidentResults, RecordingResults, Results
from reports.render.language import Language, language

# The public key of each attribute with another name. `..._ns` is not listed: it becomes `..._s`.
KEYS: Mapping[str, str] = {
    "complete": "whole",
    "connection_limits": "crowds",
    "direct_writes": "proofs",
    "duration_ns": "seconds",
    "etcd_outages": "etcd_away",
    "examined": "looked_at",
    "failed_reads": "unlucky_reads",
    "injected": "told",
    "inter_from_settings": "inter_told",
    "lag_samples_excluded": "lags_apart",
    "last_stale_read": "turned",
    "new": "fresh",
    "new_longer": "fresh_longer",
    "new_open": "fresh_open",
    "new_outage_ns": "fresh_outage_s",
    "new_outages": "fresh_outages",
    "not_observed": "unobserved",
    "observer_suspended": "slept",
    "periods": "spells",
    "persistent": "kept",
    "persistent_on_leader": "kept_led",
    "persistent_open": "kept_open",
    "persistent_outage_ns": "kept_outage_s",
    "persistent_outages": "kept_outages",
    "persistent_reads": "kept_reads",
    "possible_split_brain": "hidden",
    "read_only_setting": "set_so",
    "reads_served": "answered",
    "rejoins": "returns",
    "replica_lags": "lags",
    "resumed": "thawed",
    "session_peak": "peak",
    "stale_up": "lingering",
    "stalled_replication": "halted",
    "supporting": "testimony",
    "throughput": "pace",
    "unreachable": "blindness",
    "was_etcd_leader": "led_etcd",
    "worst_duration_ids": "worst_s_ids",
}

# Attributes that are not printed, and properties that are.
OMITTED: Mapping[type, tuple[str, ...]] = {Cost: ("action",), Outage: ("action", "first_failure_ns")}
ADDED: Mapping[type, tuple[str, ...]] = {Outage: ("duration_ns",), TwoPrimaries: ("duration_ns",)}


def document(results: Results) -> dict[str, Any]:
    """Return the results as `--format json` prints them: sentences in English, milliseconds, sorted keys."""
    words = language("en").plain()
    found = unrounded(results)
    for incident in found["incidents"]:
        for cost in (incident["write"], incident["read"]):
            _cost_to_ms(cost)
        for phase in incident["phases"]:
            _span_to_ms(phase)
        proofs = (*incident["evidence"], *(one for phase in incident["phases"] for one in phase["evidence"]))
        for evidence in proofs:
            evidence |= {"key": evidence["says"], "says": _evidence(evidence, words)}
        for rejected in incident["rejected"]:
            rejected |= {"key": rejected["reason"], "reason": words.say(rejected["reason"], **rejected["facts"])}
    for warning in found["warnings"]:
        warning["says"] = words.say(warning["key"], **warning["facts"])
    rounded = _rounded(found)
    assert isinstance(rounded, dict)
    return rounded


def unrounded(results: Results) -> dict[str, Any]:
    """Return the results under their public keys, exact to the microsecond, with keys of phrases for sentences."""
    found = _plain(results)
    assert isinstance(found, dict)
    return found


def seconds(at_ns: int | None) -> float | None:
    """Return nanoseconds as seconds, exact to the microsecond."""
    return None if at_ns is None else round(at_ns / SECOND_NS, 6)


def _plain(value: Any) -> Any:
    if type(value) in SPECIAL:
        return SPECIAL[type(value)](value)
    if is_dataclass(value) and not isinstance(value, type):
        return _fields(value, [*_names(value, *OMITTED.get(type(value), ())), *ADDED.get(type(value), ())])
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value


def _fields(value: Any, names: Iterable[str]) -> dict[str, Any]:
    found = {}
    for name in names:
        own = getattr(value, name)
        if name.endswith("_ns"):
            found[KEYS.get(name, f"{name.removesuffix('_ns')}_s")] = seconds(own)
        else:
            found[KEYS.get(name, name)] = _plain(own)
    return found


def _names(value: Any, *without: str) -> list[str]:
    return [field.name for field in fields(value) if field.name not in without]


def _recording(value: RecordingResults) -> dict[str, Any]:
    return {**_fields(value, _names(value, "duration_ns")), "duration_s": seconds(value.duration_ns)}


def _incident(value: IncidentResults) -> dict[str, Any]:
    change = {name: getattr(value, name) for name in ("timeline_before", "timeline_after")}
    return {
        **_fields(value, _names(value, "leader_before", "leader_after", *change, "brownout")),
        "leader": {"before": value.leader_before, "after": value.leader_after, **change},
        "brownout_s": seconds(value.brownout_ns),
        "lost": [_plain(lost) for lost in value.lost or ()],
        "lost_writes": value.lost_writes,
    }


def _phase(value: Phase) -> dict[str, Any]:
    return {
        **_fields(value, ("name", "duration_ns", "shortest_ns", "longest_ns", "bound_s")),
        "began_s": seconds(value.began.by_ns),
        "ended_s": seconds(value.ended.by_ns),
        "evidence": [_plain(one) for one in (value.began_by, value.ended_by) if one is not None],
    }


def _baseline(value: Baseline) -> dict[str, Any]:
    periods = [[seconds(at_ns) for at_ns in period] for period in value.periods]
    return {**_fields(value, _names(value)), KEYS["periods"]: periods}


def _connection_limit(value: ConnectionLimit) -> dict[str, Any]:
    return {**_fields(value, _names(value, "sessions", "limit")), "what": f"{value.sessions} / {value.limit}"}


def _throughput(value: Throughput) -> dict[str, Any]:
    """Return a column; moments and widths of whole seconds are integers."""
    whole = {name: own // SECOND_NS for name in ("at_ns", "width_ns") if (own := getattr(value, name)) % SECOND_NS == 0}
    return {**_fields(value, _names(value)), **{f"{name.removesuffix('_ns')}_s": own for name, own in whole.items()}}


SPECIAL: Mapping[type, Callable[[Any], dict[str, Any]]] = {
    RecordingResults: _recording,
    IncidentResults: _incident,
    Phase: _phase,
    Baseline: _baseline,
    ConnectionLimit: _connection_limit,
    Throughput: _throughput,
}


def _evidence(evidence: Mapping[str, Any], words: Language) -> str:
    return evidence_sentence(evidence["says"], evidence["facts"], words)


def evidence_sentence(key: str, facts: Mapping[str, Any], words: Language) -> str:
    """Return the sentence of evidence, with its moment if that is known."""
    sentence, at_s = words.say(key, **facts), facts.get("at_s")
    return sentence if at_s is None else words.say("evidence_at.sentence", at_s=at_s, sentence=sentence)


def _cost_to_ms(cost: dict[str, Any]) -> None:
    for outage in cost["outages"]:
        _span_to_ms(outage)
    if cost["outages"] and cost["outage_s"] is not None:
        cost["outage_s"] = sum(outage["seconds"] for outage in cost["outages"])


def _span_to_ms(span: dict[str, Any]) -> None:
    """Round both ends to a millisecond and set the length to their difference, so that phases sum to the outage."""
    began_s, ended_s = round(span["began_s"], 3), round(span["ended_s"], 3)
    span |= {"began_s": began_s, "ended_s": ended_s, "seconds": ended_s - began_s}


def _rounded(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _rounded(value[key]) for key in sorted(value, key=str)}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return round(value, 3) + 0.0 if isinstance(value, float) else value
