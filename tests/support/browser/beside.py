"""Something asynchronous that lives in a thread beside a test which is not."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Generator
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import TypeVar

T = TypeVar("T")
TIMEOUT_S = 60.0
POLL_S = 0.05


@contextmanager
def beside(living: AbstractAsyncContextManager[T]) -> Generator[T]:
    """What `living` gives, in a loop of its own, until the block ends."""
    ready: list[T] = []
    wrong: list[BaseException] = []
    stop = threading.Event()

    async def live() -> None:
        async with living as given:
            ready.append(given)
            await asyncio.to_thread(stop.wait)

    def run() -> None:
        try:
            asyncio.run(live())
        except BaseException as error:  # noqa: BLE001  # reported by the thread that waits
            wrong.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        for _ in range(int(TIMEOUT_S / POLL_S)):
            if ready or wrong:
                break
            stop.wait(POLL_S)
        assert ready, wrong
        yield ready[0]
    finally:
        stop.set()
        thread.join(TIMEOUT_S)
        assert not wrong, wrong
