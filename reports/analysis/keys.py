"""The phases of an incident, by the key that the phrases of each language carry."""

from collections.abc import Mapping

# Phases, and whether they are a part of the outage, so that they sum to it. If the event between two phases was not
# observed, they are one, with both names: "promotion+routing".
PHASES: Mapping[str, bool] = {
    "request": False,  # a switchover was requested -> the outage's start
    "demotion": False,  # quorum gone -> the outage's start: the primary still serves
    "detection": True,  # the outage's start -> the leader key is gone
    "handover": True,  # the same in a switchover: the old primary shuts down and gives the key up
    "election": True,  # -> the leader key is taken
    "promotion": True,  # -> the new primary accepts writes
    "routing": True,  # -> the proxy routes to it
    "recovery": True,  # -> the first acknowledged write
    "quorumless": True,  # the outage's start -> etcd has a leader again
    "absence": True,  # the outage's start -> what was gone (proxy, PostgreSQL, node) answers again
    "relapse": True,  # another outage of the same incident
    "settling": False,  # first acknowledged write -> 5 s have passed without a failure
    "protection": False,  # first acknowledged write -> as many streaming replicas as before
}


def is_inside(phase: str) -> bool:
    """Return whether a phase, or each of several joined by a plus, is a part of the outage itself."""
    return all(PHASES.get(part, False) for part in phase.split("+"))
