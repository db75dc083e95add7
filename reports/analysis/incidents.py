"""Incidents: where one begins and where it ends. It opens at a first sign and closes after 5 s of calm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from observer.timeline import SECOND_NS, Outage
from reports.analysis.scene import Scene
from reports.analysis.signs import Sign, signs

CALM_NS = 5 * SECOND_NS
# Parts of one fault (a host with its Patroni and its etcd, two etcd members of three) are seen this close together.
TOGETHER_NS = 5 * SECOND_NS


@dataclass(frozen=True, slots=True)
class Span:
    """An incident before it is judged. `active_until_ns` is the last failure or change, `ended_ns` 5 s after it.

    `reach_ns` is how far what belongs to it may reach when a new fault cut it short. `about`: the subjects of the fault
    that opened it while another incident was still open; empty where it opened in calm.
    """

    began_ns: int
    active_until_ns: int
    ended_ns: int
    reach_ns: int
    about: frozenset[str]


def spans(scene: Scene) -> list[Span]:
    """Every incident's stretch of time, in order; they do not overlap."""
    found: list[Span] = []
    faulty: dict[str, int] = {}  # subjects of the faults of the open incident, and when
    for sign in signs(scene):
        last = found[-1] if found else None
        if last is None or sign.from_ns > last.active_until_ns + CALM_NS:
            if sign.opens:
                found.append(_open(sign, frozenset()))
                faulty = {sign.subject: sign.from_ns} if sign.fault else {}
            continue
        if sign.fault and sign.subject not in faulty:
            first_ns = min(faulty.values(), default=last.began_ns)
            if sign.from_ns - max(first_ns, last.began_ns) > TOGETHER_NS and not _explained(scene, sign, last):
                found[-1] = replace(last, ended_ns=sign.from_ns)
                opened = _open(sign, frozenset({sign.subject}))
                found.append(replace(opened, active_until_ns=max(opened.active_until_ns, last.active_until_ns)))
                faulty = {sign.subject: sign.from_ns}
                continue
        if sign.fault:
            faulty[sign.subject] = sign.from_ns
            if last.about:
                found[-1] = last = replace(last, about=last.about | {sign.subject})
        if sign.until_ns > last.active_until_ns:
            found[-1] = replace(last, active_until_ns=sign.until_ns)
    return [_close(scene, found, index) for index in range(len(found))]


def _explained(scene: Scene, sign: Sign, last: Span) -> bool:
    """Whether a fault of a subject is what the open incident is about already: the leader whose key just went."""
    return any(
        event.kind in ("leader.lost", "member.lost") and event.subject == sign.subject
        for event in scene.timeline.events
        if last.began_ns <= event.by_ns <= sign.from_ns
    )


def _open(sign: Sign, about: frozenset[str]) -> Span:
    return Span(sign.from_ns, sign.until_ns, 0, 0, about)


def _close(scene: Scene, found: Sequence[Span], index: int) -> Span:
    span = found[index]
    following_ns = found[index + 1].began_ns if index + 1 < len(found) else scene.end_ns
    calm_ns = min(span.active_until_ns + CALM_NS, max(scene.end_ns, span.active_until_ns))
    ended_ns = span.ended_ns or min(calm_ns, max(following_ns, span.began_ns))
    return replace(span, ended_ns=ended_ns, reach_ns=max(calm_ns, ended_ns))


def outages_of(span: Span, outages: Sequence[Outage], following: Span | None) -> tuple[Outage, ...]:
    """The outages that belong to an incident: those that began in it."""
    until_ns = span.ended_ns if following is None else following.began_ns
    return tuple(o for o in outages if span.began_ns <= o.began_ns < max(until_ns, span.began_ns + 1))
