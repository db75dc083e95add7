"""Incidents: where one begins and where it ends. It opens at a first trigger and closes after 5 s of calm."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from observer.model.findings import Outage
from observer.model.recording import SECOND_NS
from reports.analysis.index import ETCD, FAILOVER, Index
from reports.analysis.leadership import leader_at
from reports.analysis.triggers import Trigger, triggers

CALM_NS = 5 * SECOND_NS
# Parts of one fault (a host with its Patroni and its etcd, two etcd members of three) show this close together.
TOGETHER_NS = 5 * SECOND_NS
# Events this shortly before a first trigger belong to it.
BEFORE_NS = 2 * SECOND_NS


@dataclass(frozen=True, slots=True)
class Span:
    """The time of an incident. `active_until_ns` is its last failure or change, `ended_ns` 5 s after it.

    `since_ns`: its first events may lie a little before its first trigger, since reports of a member that has just come
    back are no trigger. `reach_ns`: how far its events reach if a new fault cut it short. `following_ns`: when the next
    incident began, or the recording ended. `about`: the subjects of the fault that opened it while another incident was
    still open; empty if it opened in calm. `not_about`: the subjects of the faults that cut it short, with the moment
    from which their events are no part of it; 0 for a subject that had not failed in it.
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
    """Return the span of each incident, in order; they do not overlap."""
    found: list[_Open] = []
    for trigger in triggers(index):
        last = found[-1] if found else None
        if last is None or trigger.from_ns > last.active_until_ns + CALM_NS:
            if trigger.opens:
                faults = {trigger.subject: trigger} if trigger.fault else {}
                found.append(_Open(trigger.from_ns, trigger.until_ns, [trigger], faults))
        elif trigger.fault and _is_another(index, trigger, last):
            found.append(_cut(index, last, trigger))
        else:
            last.triggers.append(trigger)
            last.active_until_ns = max(last.active_until_ns, trigger.until_ns)
            if trigger.fault:
                last.faults.setdefault(trigger.subject, trigger)
    return [_closed(index, found, position) for position in range(len(found))]


@dataclass(slots=True)
class _Open:
    """An incident while its triggers are collected. `cut`: it opened while another one was still open."""

    began_ns: int
    active_until_ns: int
    triggers: list[Trigger]
    faults: dict[str, Trigger]
    cut: bool = False


def _is_another(index: Index, fault: Trigger, last: _Open) -> bool:
    """Return whether a fault that shows while an incident is open is a new one, and no part of that incident.

    It is a part if it shows together with the first fault, or follows from what is known: the leader whose key just
    went. A subject that failed before fails again only if an outage of its own began with it.
    """
    first_ns = min((one.from_ns for one in last.faults.values()), default=last.began_ns)
    if fault.from_ns - max(first_ns, last.began_ns) <= TOGETHER_NS:
        return False
    if fault.subject in last.faults:
        return fault.with_outage and fault.since_ns > last.faults[fault.subject].from_ns + TOGETHER_NS
    return not any(
        event.kind in ("leader.lost", "member.lost") and event.subject == fault.subject
        for event in index.between(last.began_ns, fault.from_ns)
    )


def _cut(index: Index, last: _Open, fault: Trigger) -> _Open:
    """End an open incident where a new fault began, and open another one with the triggers after that.

    The fault began with the outage that began with it, else with the first trigger of its subject. The old incident
    keeps what began before, though it lasts longer. The new one lasts at least as long, so that the end of the old one
    is no third incident.
    """
    at_ns = max(min(_first_shown(index, last, fault), default=fault.from_ns), last.began_ns + 1)
    until_ns = max(last.active_until_ns, fault.until_ns)
    later = [trigger for trigger in last.triggers if trigger.from_ns >= at_ns]
    last.triggers = [trigger for trigger in last.triggers if trigger.from_ns < at_ns]
    last.active_until_ns = max((trigger.until_ns for trigger in last.triggers), default=last.began_ns)
    return _Open(at_ns, until_ns, [*later, fault], {fault.subject: fault}, cut=True)


def _first_shown(index: Index, last: _Open, fault: Trigger) -> list[int]:
    if fault.with_outage:
        began = [o.began_ns for own in index.outages.values() for o in own]
        return [at_ns for at_ns in began if fault.since_ns - SECOND_NS // 2 <= at_ns <= fault.from_ns]
    together_ns = fault.from_ns - TOGETHER_NS
    return [one.from_ns for one in last.triggers if one.subject == fault.subject and one.from_ns >= together_ns]


def _closed(index: Index, found: Sequence[_Open], position: int) -> Span:
    own = found[position]
    following_ns = found[position + 1].began_ns if position + 1 < len(found) else index.end_ns
    calm_ns = min(own.active_until_ns + CALM_NS, max(index.end_ns, own.active_until_ns))
    before_ns = found[position - 1].active_until_ns if position else 0
    since_ns = own.began_ns if own.cut else max(own.began_ns - BEFORE_NS, min(before_ns, own.began_ns))
    overlaps = own.cut and found[position - 1].active_until_ns > own.began_ns
    return Span(
        since_ns=since_ns,
        began_ns=own.began_ns,
        active_until_ns=own.active_until_ns,
        ended_ns=min(calm_ns, max(following_ns, own.began_ns)),
        reach_ns=calm_ns,
        following_ns=following_ns,
        about=_subjects(index, own) if overlaps else frozenset(),
        not_about=_not_about(index, found, position),
    )


def _not_about(index: Index, found: Sequence[_Open], position: int) -> Mapping[str, int]:
    """Return the subjects of the incidents that cut this one short while it lasted, as `Span.not_about` has them."""
    own = found[position]
    failed = _subjects(index, own) | {trigger.subject for trigger in own.triggers}
    others: dict[str, int] = {}
    for other in found[position + 1 :]:
        if not other.cut or other.began_ns > own.active_until_ns + CALM_NS:
            break
        for subject in _subjects(index, other):
            others.setdefault(subject, other.began_ns if subject in failed else 0)
    return others


def _subjects(index: Index, own: _Open) -> frozenset[str]:
    """Return the subjects of its faults. A request concerns the leader too; a member of etcd stands for etcd."""
    subjects = set(own.faults)
    leader = leader_at(index.leaderships, own.began_ns)
    if FAILOVER in subjects and leader is not None:
        subjects.add(leader)
    if any(one.source == ETCD and one.subject in subjects for one in index.unreachable):
        subjects.add(ETCD)
    return frozenset(subjects)


def outages_of(span: Span, outages: Sequence[Outage], following: Span | None) -> tuple[Outage, ...]:
    """Return the outages that belong to an incident: those that began in it."""
    until_ns = span.ended_ns if following is None else following.began_ns
    return tuple(o for o in outages if span.began_ns <= o.began_ns < max(until_ns, span.began_ns + 1))
