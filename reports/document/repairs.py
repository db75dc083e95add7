"""Repairs that an operator or a drill reported while an incident lasted."""

from observer.model.findings import Reported
from reports.analysis.results.incident import IncidentResults
from reports.analysis.results.whole import Results


def repairs_before_write(incident: IncidentResults, results: Results) -> tuple[Reported, ...]:
    """Return the repairs from the start of an incident to the first write after its outage, in their order.

    A repair may be reported under another incident of the recording that was open at the same time.
    """
    if not incident.write.outages:
        return ()
    back_ns = incident.write.outages[-1].ended_ns
    reported = [a for i in results.incidents if i.recording == incident.recording for a in i.injected]
    own = [a for a in reported if a.kind == "repair.told" and incident.began_ns <= a.at_ns <= back_ns]
    return tuple(sorted(own, key=lambda action: action.at_ns))
