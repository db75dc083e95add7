"""Choose events of a recording, refuse filters that match nothing by mistake, and turn events into rows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from observer.commands.options import suggestion
from observer.model.errors import UsageError
from observer.model.recording import KINDS, SECOND_NS, Event, RecordingHeader

if TYPE_CHECKING:
    from observer.store import Reader

COLUMNS = ("id", "utc", "after_s", "by_s", "source", "kind", "subject", "detail")
SOURCES = ("etcd", "patroni", "postgres", "haproxy", "docker", "log", "prometheus", "traffic", "daemon", "operator")


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Conditions for an event; None matches all. `kind` is a kind or a group: "leader.lost", "leader". Seconds."""

    source: str | None = None
    kind: str | None = None
    subject: str | None = None
    from_s: float | None = None
    to_s: float | None = None

    def takes(self, event: Event) -> bool:
        """Return whether the event meets all conditions."""
        at_s = event.by_ns / SECOND_NS
        return (
            self.source in (None, event.source)
            and self.kind in (None, event.kind, event.kind.partition(".")[0])
            and self.subject in (None, event.subject)
            and (self.from_s is None or at_s >= self.from_s)
            and (self.to_s is None or at_s <= self.to_s)
        )


def check_times(wanted: EventFilter) -> None:
    """Raise UsageError if no time can meet --from and --to."""
    if wanted.from_s is not None and wanted.to_s is not None and wanted.from_s > wanted.to_s:
        raise UsageError(f"--from {wanted.from_s:g}s is later than --to {wanted.to_s:g}s; swap them.")


def known_names(reader: Reader, recording_id: int) -> dict[str, set[str]]:
    """Return the names that each option may take: those that observer knows, and those in the recording."""
    sql = f"select distinct source, kind, subject from events where recording_id = {recording_id}"
    _, rows = reader.query(sql)
    found = list(rows)
    kinds = {*KINDS, *(kind for _, kind, _ in found)}
    return {
        "--source": {*SOURCES, *(source for source, _, _ in found)},
        "--kind": {*kinds, *(kind.partition(".")[0] for kind in kinds)},
        "--subject": {subject for _, _, subject in found},
    }


def check_names(wanted: EventFilter, known: Mapping[str, set[str]]) -> None:
    """Raise UsageError if the filter names an unknown source or kind, or a subject without events."""
    asked = {"--source": wanted.source, "--kind": wanted.kind, "--subject": wanted.subject}
    for option, name in asked.items():
        if name is not None and name not in known[option]:
            what = "no event is about it" if option == "--subject" else f"unknown {option.strip('-')}"
            raise UsageError(f"{option} {name}: {what}{suggestion(name, known[option])}")


def row(recording: RecordingHeader, event: Event, form: str) -> tuple[Any, ...]:
    """Return an event as the columns above, for JSON or CSV; times in seconds since the recording began."""
    utc = recording.utc(event.by_ns).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    after_s, by_s = (round(at_ns / SECOND_NS, 6) for at_ns in (event.window.after_ns, event.by_ns))
    whole = dict(event.detail)
    detail = whole if form == "json" else json.dumps(whole, ensure_ascii=False)
    return event.id, utc, after_s, by_s, event.source, event.kind, event.subject, detail
