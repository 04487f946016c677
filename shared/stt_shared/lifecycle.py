"""The life cycle of a service: supervised tasks, a stop event set by signals, a clean shutdown.

The only module that starts tasks: a task that somebody starts and nobody looks at again ends
without a trace, and its work with it.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Collection, Coroutine, Generator, Mapping
from contextlib import contextmanager
from contextvars import Context
from typing import Any, TypeVar

T = TypeVar("T")
Task = Callable[[], Awaitable[None]]
Crashed = Callable[[str, BaseException], None]  # is given the task's name and its exception
CANCEL_AGAIN_S = 1.0  # a task that still runs after this time has lost its cancellation
RESTART_S = 1.0  # between the crash of a loop and its next start


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
    running = {awaited_task(_run(task), name) for name, task in tasks.items()}
    stopped = awaited_task(stop.wait(), "stop")
    try:
        waiting: set[asyncio.Task[Any]] = {*running, stopped}
        while not stopped.done() and len(waiting) > 1:
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
    finally:
        # Also after an exception: a task that is left running would use closed resources.
        await cancelled({*running, stopped})


async def _run(task: Task) -> None:
    await task()


def awaited_task(work: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
    """A task whose caller waits for its end in the same block, and so gets its exception."""
    return asyncio.create_task(work, name=name)


def background_task(
    work: Coroutine[Any, Any, None],
    name: str,
    crashed: Crashed,
    *,
    context: Context | None = None,
) -> asyncio.Task[None]:
    """A task that nobody waits for; `crashed` is given the exception that ends it, if any."""

    def ended(task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            crashed(name, error)

    task = asyncio.create_task(work, name=name, context=context)
    task.add_done_callback(ended)
    return task


def background_loop(loop: Task, name: str, crashed: Crashed) -> asyncio.Task[None]:
    """A task that runs `loop` until it is cancelled, and again RESTART_S after it crashed."""

    async def run() -> None:
        while True:
            try:
                await loop()
            except Exception as error:  # noqa: BLE001  # an edge: the work must go on
                crashed(name, error)
            await asyncio.sleep(RESTART_S)

    return background_task(run(), name, crashed)


async def cancelled(tasks: Collection[asyncio.Task[Any]]) -> None:
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
