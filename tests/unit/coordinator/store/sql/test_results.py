"""Positions of a batch are looked up in ranges that contain few other positions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stt_coordinator.store.sql.results import MAX_GAP, ranges


@pytest.mark.parametrize(
    ("sequences", "found"),
    [
        ([5], [(5, 5)]),
        ([9, 7, 8, 8], [(7, 9)]),
        ([1, 1 + MAX_GAP], [(1, 1 + MAX_GAP)]),
        ([1, 2 + MAX_GAP, 10**18], [(1, 1), (2 + MAX_GAP, 2 + MAX_GAP), (10**18, 10**18)]),
    ],
)
def test_positions_close_to_each_other_are_one_range(
    sequences: list[int], found: list[tuple[int, int]]
) -> None:
    assert list(ranges(sequences)) == found


@given(st.lists(st.integers(1, 1 << 62), min_size=1, max_size=256))
def test_every_position_is_in_a_range_and_few_others_are(sequences: list[int]) -> None:
    found = list(ranges(sequences))
    assert all(any(first <= one <= last for first, last in found) for one in sequences)
    assert sum(last - first + 1 for first, last in found) <= (MAX_GAP + 1) * len(sequences)
