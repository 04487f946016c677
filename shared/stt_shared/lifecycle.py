"""How a service lives: named tasks under supervision, a stop event set by signals, a clean end."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Collection, Generator, Mapping
from contextlib import contextmanager

Task = Callable[[], Awaitable[None]]
CANCEL_AGAIN_S = 1.0  # a task that still runs then has lost its cancellation


@contextmanager
def stop_on_signals(stop: asyncio.Event) -> Generator[None]:
    """Set `stop` at SIGTERM and SIGINT instead of dying; the handlers go when the block ends."""
    loop = asyncio.get_running_loop()
    signals = (signal.SIGTERM, signal.SIGINT)
    for number in signals:
        loop.add_signal_handler(number, stop.set)
    try:
        yield
    finally:
        for number in signals:
            loop.remove_signal_handler(number)


async def supervise(tasks: Mapping[str, Task], stop: asyncio.Event) -> None:
    """Run named tasks until `stop` is set, then cancel what still runs.

    A task that raises stops all the others and its exception is raised here, so that a service
    never lives on half dead. A task that returns early is done and stops nobody.
    """
    running = {asyncio.create_task(_run(task), name=name) for name, task in tasks.items()}
    stopped = asyncio.create_task(_wait(stop), name="stop")
    try:
        await _until_stopped(running, stopped)
    finally:
        await cancelled({*running, stopped})


async def _run(task: Task) -> None:
    await task()


async def _wait(stop: asyncio.Event) -> None:
    await stop.wait()


async def _until_stopped(running: set[asyncio.Task[None]], stopped: asyncio.Task[None]) -> None:
    waiting = {*running, stopped}
    while not stopped.done() and len(waiting) > 1:
        done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()


async def cancelled(tasks: Collection[asyncio.Task[None]]) -> None:
    """Cancel until all have ended; what they raise is dropped.

    Once is not enough: asyncio.wait_for of Python 3.11, which the driver of NATS waits with, loses
    a cancellation that arrives together with what it waits for (bpo-42130).
    """
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=CANCEL_AGAIN_S)
    await asyncio.gather(*tasks, return_exceptions=True)


async def pause(seconds: float, stop: asyncio.Event) -> bool:
    """Wait `seconds` or until `stop` is set; true when stopped."""
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return False
    return True
