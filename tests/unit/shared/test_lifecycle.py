"""A service stops on a signal, and ends as a whole when one of its tasks fails."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from stt_shared import lifecycle
from stt_shared.lifecycle import (
    background_loop,
    background_task,
    cancelled,
    pause,
    stop_on_signals,
    supervise,
)


async def test_a_failing_task_stops_the_others_and_its_error_comes_out() -> None:
    ended: list[str] = []

    async def steady() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("steady")

    async def failing() -> None:
        await asyncio.sleep(0)
        raise LookupError("broken")

    with pytest.raises(LookupError, match="broken"):
        await supervise({"steady": steady, "failing": failing}, asyncio.Event())
    assert ended == ["steady"]


async def test_stop_ends_tasks_that_would_run_for_ever() -> None:
    stop = asyncio.Event()
    stop.set()
    async with asyncio.timeout(60):
        await supervise({"forever": asyncio.Event().wait}, stop)  # type: ignore[dict-item]


async def test_a_task_that_lost_its_cancellation_is_cancelled_again() -> None:
    lost = 0

    async def deaf() -> None:
        nonlocal lost
        while lost < 2:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                lost += 1
        await asyncio.Event().wait()

    stop = asyncio.Event()
    stop.set()
    async with asyncio.timeout(60):
        await supervise({"deaf": deaf}, stop)
    assert lost == 2


async def test_tasks_that_are_all_done_end_the_service() -> None:
    async def brief() -> None:
        await asyncio.sleep(0)

    async with asyncio.timeout(60):
        await supervise({"one": brief, "two": brief}, asyncio.Event())


async def test_a_signal_sets_stop_instead_of_killing() -> None:
    stop = asyncio.Event()
    with stop_on_signals(stop):
        os.kill(os.getpid(), signal.SIGTERM)
        async with asyncio.timeout(60):
            await stop.wait()
    assert stop.is_set()


async def test_a_pause_ends_early_when_stopped() -> None:
    stop = asyncio.Event()
    assert await pause(0.001, stop) is False
    stop.set()
    assert await pause(60, stop) is True


async def test_a_background_loop_that_crashes_is_reported_and_starts_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lifecycle, "RESTART_S", 0.01)
    crashes: list[tuple[str, str]] = []
    again = asyncio.Event()

    async def loop() -> None:
        if crashes:
            again.set()
            await asyncio.Event().wait()
        raise LookupError("broken")

    task = background_loop(loop, "pump", lambda name, error: crashes.append((name, str(error))))
    async with asyncio.timeout(60):
        await again.wait()
    assert crashes == [("pump", "broken")]
    await cancelled([task])
    assert crashes == [("pump", "broken")]


async def test_what_ends_a_background_task_is_reported_unless_it_is_a_cancellation() -> None:
    crashes: list[str] = []

    async def work(error: Exception | None) -> None:
        if error:
            raise error
        await asyncio.Event().wait()

    ended = [
        background_task(work(error), "request", lambda name, _: crashes.append(name))
        for error in (KeyError("x"), None)
    ]
    await asyncio.sleep(0)
    await cancelled(ended)
    assert crashes == ["request"]
