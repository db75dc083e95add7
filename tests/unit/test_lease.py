"""The lease of the leader key: how long a reading is valid."""

from __future__ import annotations

from observer.model.recording import SECOND_NS
from observer.sources.lease import Lease, standing

READ = Lease(remaining_s=21, ttl_s=30, at_ns=100 * SECOND_NS, id=7)


def test_a_reading_stands_for_three_seconds() -> None:
    assert standing(READ, 7, 103 * SECOND_NS) == READ
    assert standing(READ, 7, 104 * SECOND_NS) is None


def test_without_a_key_or_under_another_lease_there_is_none() -> None:
    assert standing(READ, 0, READ.at_ns) is None
    assert standing(READ, 8, READ.at_ns) is None
    assert standing(None, 7, READ.at_ns) is None


def test_a_lease_that_is_gone_has_nothing_left() -> None:
    assert standing(Lease(-1, 0, READ.at_ns, 7), 7, READ.at_ns) is None


def test_it_is_overdue_when_a_renewal_is_two_seconds_late() -> None:
    assert not Lease(18, 30, 0, 7).is_overdue(10)
    assert Lease(17, 30, 0, 7).is_overdue(10)
