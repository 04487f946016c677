"""How tasks wake each other: auto-reset events, and the loop that repeats a step on them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, fields

from stt_coordinator.tasks.troubles import RETRYABLE, Troubles, format_error
from stt_shared.telemetry.logs import logger

WAKE_S = 0.05
_LOG = logger("coordinator")


class Wakeup:
    """An auto-reset event for one waiting task: several sets before the wait count as one."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def set(self) -> None:
        """Wake the task, or end its next wait at once."""
        self._event.set()

    async def wait(self, seconds: float) -> None:
        """Return when set, at the latest after `seconds`."""
        try:
            async with asyncio.timeout(seconds):
                await self._event.wait()
        except TimeoutError:
            return
        # Here, before the step that follows: what is set during the step has to end the next wait.
        self._event.clear()


@dataclass(frozen=True, slots=True)
class Wakeups:
    """One wake-up for each task that others have work for."""

    schedule: Wakeup = field(default_factory=Wakeup)
    dispatch: Wakeup = field(default_factory=Wakeup)
    outbox: Wakeup = field(default_factory=Wakeup)
    watermarks: Wakeup = field(default_factory=Wakeup)
    summary: Wakeup = field(default_factory=Wakeup)
    replay: Wakeup = field(default_factory=Wakeup)
    streams: Wakeup = field(default_factory=Wakeup)

    def store_changed(self) -> None:
        """Wake the tasks that follow the store: outbox, summary and dispatch of jobs."""
        self.outbox.set()
        self.summary.set()
        self.dispatch.set()


# Not the streams: each look asks NATS for all of them, and follows within a minute anyhow.
FOLLOWING = tuple(one.name for one in fields(Wakeups) if one.name != "streams")


def woken_as_one(wakeup: Wakeup) -> Wakeups:
    """Wake-ups where nobody waits for a single task: `wakeup` for all that follow commits."""
    return Wakeups(**dict.fromkeys(FOLLOWING, wakeup))


async def wake_all(wakeups: Wakeups) -> None:
    """Wake every task that follows commits: another coordinator has committed something.

    It takes WAKE_S: whoever sends such messages without end must not keep the store busy.
    """
    for name in FOLLOWING:
        getattr(wakeups, name).set()
    await asyncio.sleep(WAKE_S)


async def repeat(
    step: Callable[[], Awaitable[None]],
    wakeup: Wakeup,
    *,
    every_s: float,
    trouble_s: float,
    first_s: float = 0.0,
    troubles: Troubles,
) -> None:
    """Do `step` after `first_s` seconds, when `wakeup` is set, and then every `every_s` seconds.

    A step that fails because NATS or the store does not answer is logged, repeated after
    `trouble_s` seconds, and stands in `troubles` under the task's name until a step succeeds.
    """
    if first_s:
        await wakeup.wait(first_s)
    while True:
        try:
            await step()
        except RETRYABLE as error:
            _LOG.warning("task_failed", task=_task(), reason=error.message, hint=error.hint)
            troubles.report(_task(), format_error(error))
            await asyncio.sleep(trouble_s)
        else:
            troubles.resolve(_task())
            await wakeup.wait(every_s)


def _task() -> str:
    task = asyncio.current_task()
    return task.get_name() if task is not None else ""
