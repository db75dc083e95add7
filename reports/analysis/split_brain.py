"""Possible split brain: a former leader that ran on beside its successor, or wrote a history of its own.

Direct SQL shows two primaries at once only if both answer. Here stands what it could not show.
"""

from dataclasses import replace

from observer.model.findings import Unreachable
from observer.model.recording import SECOND_NS, Event
from reports.analysis.index import Index
from reports.analysis.leadership import says_primary
from reports.analysis.results.reads import Divergence, PossibleSplitBrain

# How a poll fails if the server may be running. A server that refuses is not.
MUTE = ("silent", "connect_timeout", "closed", "error")
# A poll lasts at most this long: it shows the state at some moment of it.
POLL_NS = SECOND_NS
# A member that is back reports the history that it had of its own within this time.
BACK_NS = 30 * SECOND_NS


def possible_split_brains(index: Index) -> tuple[PossibleSplitBrain, ...]:
    """Return every period in which a former leader may have been a primary beside its successor, in order of time."""
    found = [_possible_split_brain(index, one) for one in index.unreachable if one.source == "postgres"]
    return tuple(sorted((one for one in found if one is not None), key=lambda one: one.from_ns))


def divergences(index: Index) -> tuple[Divergence, ...]:
    """Return the first line of a log about each fork of the history, and the row of the pg_rewind that ended well."""
    found: list[Divergence] = []
    for event in index.events_of("log.told"):
        says, text = event.detail.get("says"), str(event.detail.get("text"))
        own = [n for n, one in enumerate(found) if one.member == event.subject]
        if says == "diverged" and "forked off" in text:
            if not any(found[n].text == text for n in own):
                found.append(Divergence(index.recording.header.id, event.subject, text, event.id, None))
        elif says == "rewind_ended" and str(event.detail.get("code")) == "0" and own and not found[own[-1]].rewound_id:
            found[own[-1]] = replace(found[own[-1]], rewound_id=event.id)
    return tuple(found)


def _possible_split_brain(index: Index, away: Unreachable) -> PossibleSplitBrain | None:
    member, end_ns, began_ns = away.subject, away.ended_ns(index.end_ns), away.failures[0].window.after_ns
    role = index.last("member.changed", member, away.began_ns, "postgres")
    if away.how not in MUTE or role is None or not says_primary(role) or _died(index, away):
        return None
    successor = next((s for s in index.leaderships if s.member != member and began_ns < s.from_ns < end_ns), None)
    if successor is None:
        return None
    repairs = [
        e for e in index.events_of("repair.told") if _targets(e, member, "resume") and began_ns < e.by_ns < end_ns
    ]
    resume = next((e for e in repairs[:1] if e.by_ns > successor.from_ns), None)
    from_ns = successor.from_ns if resume is None else resume.by_ns
    logged = (e for e in index.events_of("log.told", member) if e.detail.get("says") == "demoted")
    demoted = next((e for e in logged if began_ns < e.by_ns <= end_ns), None)
    ended = demoted or away.back
    if ended is not None and ended.by_ns <= from_ns:
        return None
    first_id = successor.from_id if resume is None else resume.id
    committed = None if resume is None else _committed(index, away, from_ns)
    return PossibleSplitBrain(
        recording=index.recording.header.id,
        member=member,
        successor=successor.member,
        from_ns=from_ns,
        to_ns=None if ended is None else ended.by_ns,
        resumed=resume is not None,
        event_ids=tuple(row for row in (first_id, None if ended is None else ended.id) if row is not None),
        committed_ns=None if committed is None else committed.by_ns,
        committed_age_ns=None if committed is None else round(committed.detail["lag_s"] * SECOND_NS),
        committed_id=None if committed is None else committed.id,
    )


def _died(index: Index, away: Unreachable) -> bool:
    """Return whether its PostgreSQL was reported to have ended: it comes back as a replica."""
    end_ns, since_ns = away.ended_ns(index.end_ns), away.failures[0].window.after_ns - SECOND_NS
    return any(
        (event.kind == "container.ended" and event.subject == away.subject)
        or (event.kind == "fault.told" and _targets(event, away.subject, "kill", "stop", "restart"))
        for event in index.between(since_ns, end_ns)
    )


def _targets(report: Event, member: str, *actions: str) -> bool:
    return report.detail.get("target") == member and report.detail.get("action") in actions


def _committed(index: Index, away: Unreachable, from_ns: int) -> Event | None:
    """Return a sample of the resumed member, on the old timeline, with a transaction from after the freeze.

    A frozen member commits nothing. Both clocks of the age of a transaction are the server's own.
    """
    if away.back is None:
        return None
    newest, on = 0, None
    for event in index.between(0, away.back.by_ns + BACK_NS):
        number = event.detail.get("timeline")
        if (
            event.kind == "member.changed"
            and isinstance(number, int)
            and says_primary(event)
            and event.by_ns <= from_ns
        ):
            newest = max(newest, number)
        if (event.source, event.subject) != ("postgres", away.subject):
            continue
        if event.kind == "member.changed":
            on = number
        age_s = event.detail.get("lag_s")
        if event.kind != "replication.sampled" or event.by_ns < away.back.by_ns or not age_s:
            continue
        if isinstance(on, int) and on < newest and event.by_ns - age_s * SECOND_NS - POLL_NS > away.began_ns:
            return event
    return None
