"""Coordinators of two releases on one store: the newer one waits, the older one is refused."""

from __future__ import annotations

import pytest

from stt_coordinator.lease.port import Claimant
from stt_coordinator.lease.record import LeaseRecord
from stt_coordinator.lease.releases import obstacle
from stt_shared.errors import ConfigError


def claimant(number: int) -> Claimant:
    return Claimant(holder="b1", name="b", host="two", store="s", store_schema=number)


ACTING = LeaseRecord(holder="a1", name="a", host="one", store="s", store_schema=17)


def test_the_newer_one_waits_for_the_end_of_the_older_and_says_so() -> None:
    assert obstacle(claimant(18), ACTING) == (
        "the leader a runs an older schema (17); stop it, or let it end, to upgrade"
    )


def test_the_older_one_is_refused_with_what_to_do() -> None:
    with pytest.raises(ConfigError, match=r"runs a newer schema \(17\).* knows up to 16") as error:
        obstacle(claimant(16), ACTING)
    assert error.value.hint


@pytest.mark.parametrize("number", [17, 0], ids=["the same release", "a store in a file"])
def test_nothing_else_keeps_a_claimant_waiting(number: int) -> None:
    assert obstacle(claimant(number), ACTING) == ""
    assert obstacle(claimant(18), None) == ""
    assert obstacle(claimant(18), LeaseRecord(name="a")) == ""
