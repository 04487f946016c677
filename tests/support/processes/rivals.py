"""Two coordinators with copies of one store while something is always being written."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from stt_shared.bus.jetstream import JetStreamBus
from stt_shared.bus.values import RequestError
from stt_shared.errors import UnreachableError
from stt_shared.protocol.control import RunReply, RunRequest, Verb
from stt_shared.protocol.enums import Family
from tests.support.coordinator.coordination import FakeWorker, ask, at_work, enable, until
from tests.support.processes.coordinators import Coordinators

TARGETS = tuple((f"t{number}", Family.MYSQL) for number in range(20))


@asynccontextmanager
async def busy(bus: JetStreamBus) -> AsyncGenerator[FakeWorker]:
    """A worker, and a run after the other: something is always being written."""
    worker = FakeWorker(bus=bus, targets=TARGETS)
    async with at_work(worker):
        await until(lambda: enabled(bus))

        async def runs() -> None:
            while True:
                try:
                    # Not for long: the next one may act already.
                    await ask(bus, Verb.RUN, RunRequest(by="test"), RunReply, limit_s=5)
                except (UnreachableError, RequestError):  # or no target is known yet
                    await asyncio.sleep(0.1)
                await asyncio.sleep(0.2)

        task = asyncio.create_task(runs())
        try:
            yield worker
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def enabled(bus: JetStreamBus) -> bool:
    try:
        await enable(bus)
    except UnreachableError:
        return False
    return True


async def two_machines(made: Coordinators, *, through_hole: bool = False) -> None:
    """A holder `a` and a standby `b` with a copy of its store, as on two machines.

    Both go on without what only the other one has recorded: the copy is not kept up to date.
    """
    first = made.add("a", "a", "--adopt", through_hole=through_hole)
    first.start()
    await made.holds("a")
    await made.logged(first, "coordinator_started")
    assert first.stop() == 0
    made.copy_store("a", "b")
    first.start()
    await made.holds("a", above=1)
    second = made.add("b", "b", "--adopt")
    second.start()
    await made.logged(second, "standby_waits")
