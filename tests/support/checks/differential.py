"""Random states of a server, in which checks and server agree; a difference is made small."""

from __future__ import annotations

import os
from collections.abc import Callable, Sized
from typing import Protocol, Self, TypeVar

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.support.checks.real import CheckRunner

SEED = int(os.environ.get("STT_TEST_SEED") or 20261130)
S = TypeVar("S")


class Stepped(Protocol):
    """A state that is made by steps."""

    @property
    def steps(self) -> Sized:
        """The steps in their order."""
        ...

    def without(self, place: int) -> Self:
        """The state without the step at `place`."""
        ...


Steps = TypeVar("Steps", bound=Stepped)


async def open_runner() -> CheckRunner:
    """A runner that is made within a loop, which its sandbox needs."""
    return CheckRunner()


def compare(
    server: str,
    count: int,
    state: Callable[[int], S],
    disagreements: Callable[[S], list[str]],
    smaller: Callable[[S], S],
) -> None:
    """`count` states of random numbers; raises AssertionError with a small state that differs.

    `disagreements` makes a state on the server; `smaller` leaves out what a difference can do
    without.
    """

    @seed(SEED)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],  # `smaller` shrinks: of a number nothing can be left out
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(st.integers(0, 2**64))
    def agree(number: int) -> None:
        found = state(number)
        if disagreements(found):
            found = smaller(found)
            lines = disagreements(found)
            raise AssertionError(
                "\n".join([*lines, f"in the state {number}, made smaller:", str(found)])
            )

    print(f"{server}: {count} states, seed {SEED}")
    agree()


def smallest(disagreements: Callable[[Steps], list[str]], found: Steps) -> Steps:
    """The state without any step that its difference can do without."""
    place = 0
    while place < len(found.steps):
        tried = found.without(place)
        if disagreements(tried):
            found, place = tried, 0
        else:
            place += 1
    return found
