"""A group is taken once nobody joined it for a while, and not later than its limit."""

from __future__ import annotations

from stt_coordinator.domain.time.settling import Settling


def test_a_group_is_complete_when_nobody_joined_for_a_while() -> None:
    group = Settling(quiet_s=5, most_s=60)
    assert [group.is_complete(n, at) for n, at in ((0, 0), (1, 1), (9, 3), (9, 7), (9, 8))] == [
        *(False, False, False, False),
        True,
    ]


def test_a_group_that_keeps_growing_is_taken_at_its_limit_and_then_begins_anew() -> None:
    group = Settling(quiet_s=5, most_s=60)
    assert not any(group.is_complete(at, at) for at in range(1, 61))
    assert group.is_complete(61, 61)
    assert not group.is_complete(0, 62)
    assert not group.is_complete(1, 63)
    assert group.is_complete(1, 68)
