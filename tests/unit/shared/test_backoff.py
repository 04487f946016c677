"""A service whose NATS comes later waits for it, longer each time, and stops on request."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from stt_shared import backoff
from stt_shared.errors import ConfigError, UnreachableError

Outcomes = list[BaseException | str]


def connecting(outcomes: Outcomes) -> Callable[[], Awaitable[str]]:
    async def connect() -> str:
        outcome = outcomes.pop(0)
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    return connect


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    found: list[float] = []

    async def pause(seconds: float, stop: asyncio.Event) -> bool:
        found.append(seconds)
        return stop.is_set()

    monkeypatch.setattr(backoff, "pause", pause)
    return found


async def test_what_is_unreachable_is_tried_again_after_pauses_that_double_up_to_a_limit(
    waits: list[float],
) -> None:
    outcomes: Outcomes = [*(UnreachableError("away") for _ in range(8)), "connected"]
    assert await backoff.connect_with_backoff(connecting(outcomes), asyncio.Event()) == "connected"
    assert waits == [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0]


async def test_an_error_that_no_waiting_mends_is_raised(waits: list[float]) -> None:
    with pytest.raises(ConfigError):
        await backoff.connect_with_backoff(connecting([ConfigError("wrong")]), asyncio.Event())
    assert waits == []


async def test_a_service_that_is_stopped_connects_no_more() -> None:
    stop = asyncio.Event()
    stop.set()
    assert await backoff.connect_with_backoff(connecting([]), stop) is None


def test_pauses_double_up_to_the_limit_and_begin_anew_after_a_success() -> None:
    pauses = backoff.Backoff(1.0, 5.0)
    assert [pauses.next_s() for _ in range(4)] == [1.0, 2.0, 4.0, 5.0]
    pauses.reset()
    assert [pauses.next_s() for _ in range(2)] == [1.0, 2.0]
