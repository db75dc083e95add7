"""Incidents: where one begins and where it ends. It opens at a first sign and closes after 5 s of calm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from observer.model.findings import Outage
from observer.model.recording import SECOND_NS
from reports.analysis.index import ETCD, FAILOVER, Index
from reports.analysis.leadership import leader_at
from reports.analysis.triggers import Sign, signs

CALM_NS = 5 * SECOND_NS
# Parts of one fault (a host with its Patroni and its etcd, two etcd members of three) are seen this close together.
TOGETHER_NS = 5 * SECOND_NS
# What was seen this shortly before a first sign belongs to it.
BEFORE_NS = 2 * SECOND_NS


@dataclass(frozen=True, slots=True)
class Span:
    """An incident before it is judged. `active_until_ns` is its last failure or change, `ended_ns` 5 s after it.

    `since_ns`: what belongs to it may have been seen a little before its first sign, since what a node says that has
    just come back is none. `reach_ns` is how far what belongs to it may reach when a new fault cut it short,
    `following_ns` when the next one began, or the recording ended. `about`: the subjects of the fault that opened it
    while another incident was still open; empty where it opened in calm. `not_about`: the subjects of the faults that
    cut it short, and from when on what they do is no part of it: 0 for one that had not failed in it.
    """

    since_ns: int
    began_ns: int
    active_until_ns: int
    ended_ns: int
    reach_ns: int
    following_ns: int
    about: frozenset[str]
    not_about: Mapping[str, int]


def spans(index: Index) -> list[Span]:
    """Every incident's stretch of time, in order; they do not overlap."""
    found: list[_Open] = []
    for sign in signs(index):
        last = found[-1] if found else None
        if last is None or sign.from_ns > last.active_until_ns + CALM_NS:
            if sign.opens:
                found.append(_Open(sign.from_ns, sign.until_ns, [sign], {sign.subject: sign} if sign.fault else {}))
        elif sign.fault and _is_another(index, sign, last):
            found.append(_cut(index, last, sign))
        else:
            last.signs.append(sign)
            last.active_until_ns = max(last.active_until_ns, sign.until_ns)
            if sign.fault:
                last.faults.setdefault(sign.subject, sign)
    return [_closed(index, found, position) for position in range(len(found))]


@dataclass(slots=True)
class _Open:
    """An incident while its signs are gathered. `cut`: it opened while another one was still open."""

    began_ns: int
    active_until_ns: int
    signs: list[Sign]
    faults: dict[str, Sign]
    cut: bool = False


def _is_another(index: Index, sign: Sign, last: _Open) -> bool:
    """Whether a fault that is seen while an incident is open is a new one, and no part of that incident.

    It is not, if it is seen together with the first fault, or follows from what is known: the leader whose key just
    went. A subject that failed before fails anew only where an outage of its own began with it.
    """
    first_ns = min((fault.from_ns for fault in last.faults.values()), default=last.began_ns)
    if sign.from_ns - max(first_ns, last.began_ns) <= TOGETHER_NS:
        return False
    if sign.subject in last.faults:
        return sign.anew and sign.since_ns > last.faults[sign.subject].from_ns + TOGETHER_NS
    return not any(
        event.kind in ("leader.lost", "member.lost") and event.subject == sign.subject
        for event in index.between(last.began_ns, sign.from_ns)
    )


def _cut(index: Index, last: _Open, fault: Sign) -> _Open:
    """Ends an open incident where a new fault began, and opens another one with what came after.

    The fault began with the outage that began with it, else with the first that was seen of its subject. The old
    incident keeps what began before, though it lasts longer; the new one lasts at least as long, so that the end of the
    old one is no third incident.
    """
    at_ns = max(min(_first_seen(index, last, fault), default=fault.from_ns), last.began_ns + 1)
    until_ns = max(last.active_until_ns, fault.until_ns)
    later = [sign for sign in last.signs if sign.from_ns >= at_ns]
    last.signs = [sign for sign in last.signs if sign.from_ns < at_ns]
    last.active_until_ns = max((sign.until_ns for sign in last.signs), default=last.began_ns)
    return _Open(at_ns, until_ns, [*later, fault], {fault.subject: fault}, cut=True)


def _first_seen(index: Index, last: _Open, fault: Sign) -> list[int]:
    """When a fault may have begun that ends an open incident."""
    if fault.anew:
        began = [o.began_ns for own in index.outages.values() for o in own]
        return [at_ns for at_ns in began if fault.since_ns - SECOND_NS // 2 <= at_ns <= fault.from_ns]
    together_ns = fault.from_ns - TOGETHER_NS
    return [sign.from_ns for sign in last.signs if sign.subject == fault.subject and sign.from_ns >= together_ns]


def _closed(index: Index, found: Sequence[_Open], position: int) -> Span:
    own = found[position]
    following_ns = found[position + 1].began_ns if position + 1 < len(found) else index.end_ns
    calm_ns = min(own.active_until_ns + CALM_NS, max(index.end_ns, own.active_until_ns))
    before_ns = found[position - 1].active_until_ns if position else 0
    since_ns = own.began_ns if own.cut else max(own.began_ns - BEFORE_NS, min(before_ns, own.began_ns))
    return Span(
        since_ns=since_ns,
        began_ns=own.began_ns,
        active_until_ns=own.active_until_ns,
        ended_ns=min(calm_ns, max(following_ns, own.began_ns)),
        reach_ns=calm_ns,
        following_ns=following_ns,
        about=_about(index, found, position),
        not_about=_not_about(index, found, position),
    )


def _about(index: Index, found: Sequence[_Open], position: int) -> frozenset[str]:
    """What an incident is about that was cut out of another which was not over yet; empty: whatever it holds."""
    own = found[position]
    overlaps = own.cut and found[position - 1].active_until_ns > own.began_ns
    return _subjects(index, own) if overlaps else frozenset()


def _not_about(index: Index, found: Sequence[_Open], position: int) -> Mapping[str, int]:
    """What the incidents are about that cut this one short while it lasted."""
    own = found[position]
    failed = _subjects(index, own) | {sign.subject for sign in own.signs}
    others: dict[str, int] = {}
    for other in found[position + 1 :]:
        if not other.cut or other.began_ns > own.active_until_ns + CALM_NS:
            break
        for subject in _subjects(index, other):
            others.setdefault(subject, other.began_ns if subject in failed else 0)
    return others


def _subjects(index: Index, own: _Open) -> frozenset[str]:
    """Whose faults it holds. A request for a new leader is the leader's, too; a member of etcd stands for etcd."""
    subjects = set(own.faults)
    leader = leader_at(index.leaderships, own.began_ns)
    if FAILOVER in subjects and leader is not None:
        subjects.add(leader)
    if any(spell.source == ETCD and spell.subject in subjects for spell in index.spells):
        subjects.add(ETCD)
    return frozenset(subjects)


def outages_of(span: Span, outages: Sequence[Outage], following: Span | None) -> tuple[Outage, ...]:
    """The outages that belong to an incident: those that began in it."""
    until_ns = span.ended_ns if following is None else following.began_ns
    return tuple(o for o in outages if span.began_ns <= o.began_ns < max(until_ns, span.began_ns + 1))
