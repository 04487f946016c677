"""A coordinator process with its page on a real nats-server, and workers that a test leads."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from stt_coordinator.local.servers import nats as embedded_nats
from stt_coordinator.local.servers.process import free_port
from stt_shared.bus.jetstream import JetStreamBus, NatsOptions, connect
from stt_shared.bus.values import RequestError
from stt_shared.errors import UnreachableError
from tests.support.coordinator.coordination import FakeWorker, status, until
from tests.support.processes.process import Process

T = TypeVar("T")
WAIT_S = 60.0


@dataclass(kw_only=True)
class Live:
    """The page, and the loop in which buses and workers live."""

    url: str
    nats: str
    folder: Path
    bus: JetStreamBus
    loop: asyncio.AbstractEventLoop
    tasks: dict[str, list[asyncio.Task[None]]] = field(
        default_factory=dict[str, list[asyncio.Task[None]]]
    )

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """What `work` returns, from the thread of the test."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(WAIT_S)

    def move_clock(self, by: timedelta) -> None:
        """Set the coordinator's clock ahead; those of NATS and the machine stay."""
        written = self.folder / "clock.new"
        written.write_text(str(by.total_seconds()), encoding="ascii")
        written.replace(self.folder / "clock")  # at once: the process reads it all the time

    def start(self, worker: FakeWorker) -> None:
        """Let a worker announce itself and answer jobs until it is stopped."""

        async def begin() -> None:
            families = sorted({family for _, family in worker.targets})
            tasks = [asyncio.create_task(worker.working(family)) for family in families]
            self.tasks[worker.epoch] = [*tasks, asyncio.create_task(worker.announcing())]

        self.run(begin())

    def stop(self, worker: FakeWorker) -> None:
        """Let a worker leave, as one that ends does."""

        async def end() -> None:
            tasks = self.tasks.pop(worker.epoch)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await worker.announce(leaving=True)

        self.run(end())


@asynccontextmanager
async def living(folder: Path) -> AsyncGenerator[Live]:
    """An installation with the page and without a worker."""
    broker = embedded_nats.start(folder / "nats")
    listen = f"127.0.0.1:{free_port()}"
    process = Process(
        command=["-m", "tests.support.processes.jumping_coordinator"],
        program=sys.executable,
        environment=os.environ
        | {
            "STT_NATS_URL": broker.url,
            "STT_COORDINATOR_STATE_DIR": str(folder / "coordinator"),
            "STT_TEST_CLOCK": str(folder / "clock"),
            "STT_WEB_LISTEN": listen,
        },
        log=folder / "coordinator.log",
    )
    bus = await connect(NatsOptions(servers=(broker.url,), name="test"))
    loop = asyncio.get_running_loop()
    made = Live(url=f"http://{listen}", nats=broker.url, folder=folder, bus=bus, loop=loop)
    made.move_clock(timedelta(0))
    process.start()
    try:
        await until(lambda: _answers(bus))
        yield made
    finally:
        for task in (one for tasks in made.tasks.values() for one in tasks):
            task.cancel()
        code = process.stop()
        await bus.close()
        broker.stop()
    assert code == 0, process.tail()


async def _answers(bus: JetStreamBus) -> bool:
    try:
        await status(bus)
    except (UnreachableError, RequestError):  # not there yet
        return False
    return True
