"""Which events of a recording are asked for, and an event as a row."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from observer.model.recording import SECOND_NS, Event, RecordingHeader

COLUMNS = ("id", "utc", "after_s", "by_s", "source", "kind", "subject", "detail")


@dataclass(frozen=True, slots=True)
class Pick:
    """What to take; None takes all. `kind` is a kind or a group of them: "leader.lost", "leader". Times in seconds."""

    source: str | None = None
    kind: str | None = None
    subject: str | None = None
    from_s: float | None = None
    to_s: float | None = None

    def takes(self, event: Event) -> bool:
        """Whether the event is asked for."""
        at_s = event.by_ns / SECOND_NS
        return (
            self.source in (None, event.source)
            and self.kind in (None, event.kind, event.kind.partition(".")[0])
            and self.subject in (None, event.subject)
            and (self.from_s is None or at_s >= self.from_s)
            and (self.to_s is None or at_s <= self.to_s)
        )


def row(recording: RecordingHeader, event: Event, form: str) -> tuple[Any, ...]:
    """An event as the columns above, for JSON or CSV; seconds since the recording began."""
    utc = recording.utc(event.by_ns).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    after_s, by_s = (round(at_ns / SECOND_NS, 6) for at_ns in (event.window.after_ns, event.by_ns))
    whole = dict(event.detail)
    detail = whole if form == "json" else json.dumps(whole, ensure_ascii=False)
    return event.id, utc, after_s, by_s, event.source, event.kind, event.subject, detail
