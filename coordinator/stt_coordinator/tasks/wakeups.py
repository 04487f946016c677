"""How tasks wake each other: bells that remember having been rung, and loops that wait for them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from stt_coordinator.store.port import StoreError
from stt_shared.errors import ProtocolError, SttError, UnreachableError
from stt_shared.telemetry.logs import logger

_LOG = logger("coordinator")
TROUBLE = (UnreachableError, StoreError, ProtocolError)


class Bell:
    """Rung by anyone, heard once by its one task; ringing twice before that is ringing once."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Wake the task, or keep it from falling asleep."""
        self._rung.set()

    async def wait(self, seconds: float) -> None:
        """Return when rung, at the latest after `seconds`."""
        try:
            async with asyncio.timeout(seconds):
                await self._rung.wait()
        except TimeoutError:
            return
        self._rung.clear()


@dataclass(frozen=True, slots=True)
class Bells:
    """One bell for each task that others have news for."""

    schedule: Bell = field(default_factory=Bell)
    dispatch: Bell = field(default_factory=Bell)
    leaving: Bell = field(default_factory=Bell)
    watermarks: Bell = field(default_factory=Bell)
    summary: Bell = field(default_factory=Bell)

    def books_changed(self) -> None:
        """Something in the store is different: counts, messages to send, targets that are free."""
        self.leaving.ring()
        self.summary.ring()
        self.dispatch.ring()


async def often(
    step: Callable[[], Awaitable[None]],
    bell: Bell,
    *,
    every_s: float,
    trouble_s: float,
    first_s: float = 0.0,
    troubles: dict[str, str],
) -> None:
    """Do `step` after `first_s` seconds, whenever the bell rings, and every `every_s` seconds.

    When NATS or the store do not answer it is said, stands in `troubles` under the task's name
    until a step ends well, and is tried again after `trouble_s` seconds.
    """
    await asyncio.sleep(first_s)
    while True:
        try:
            await step()
        except TROUBLE as error:
            _LOG.warning("tried again soon", task=_task(), reason=error.message, hint=error.hint)
            troubles[_task()] = told(error)
            await asyncio.sleep(trouble_s)
        else:
            troubles.pop(_task(), None)
            await bell.wait(every_s)


def told(error: SttError) -> str:
    """An error and its hint in one line."""
    return f"{error.message}: {error.hint}" if error.hint else error.message


def _task() -> str:
    task = asyncio.current_task()
    return task.get_name() if task is not None else ""
