"""The life cycle of a service: supervised tasks, a stop event set by signals, a clean shutdown."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Collection, Generator, Mapping
from contextlib import contextmanager

Task = Callable[[], Awaitable[None]]
CANCEL_AGAIN_S = 1.0  # a task that still runs after this time has lost its cancellation


@contextmanager
def stop_on_signals(stop: asyncio.Event) -> Generator[None]:
    """Set `stop` on SIGTERM and SIGINT; the handlers are removed at the end of the block."""
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

    If a task raises, all others are cancelled and its exception is raised here, so that a service
    never runs without one of its tasks. A task that returns early stops no other.
    """
    running = {asyncio.create_task(_run(task), name=name) for name, task in tasks.items()}
    stopped = asyncio.create_task(_wait(stop), name="stop")
    try:
        waiting = {*running, stopped}
        while not stopped.done() and len(waiting) > 1:
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
    finally:
        # Also after an exception: a task that is left running would use closed resources.
        await cancelled({*running, stopped})


async def _run(task: Task) -> None:
    await task()


async def _wait(stop: asyncio.Event) -> None:
    await stop.wait()


async def cancelled(tasks: Collection[asyncio.Task[None]]) -> None:
    """Cancel the tasks repeatedly until all have ended; their exceptions are dropped.

    One cancellation is not enough: asyncio.wait_for of Python 3.11, which the NATS client uses,
    loses a cancellation that arrives together with its result (bpo-42130).
    """
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=CANCEL_AGAIN_S)
    await asyncio.gather(*tasks, return_exceptions=True)


async def pause(seconds: float, stop: asyncio.Event) -> bool:
    """Wait `seconds` or until `stop` is set; returns whether it is set."""
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return False
    return True
