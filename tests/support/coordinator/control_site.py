"""A coordinator in the test's own process with three targets and a worker at work."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from stt_coordinator.store.memory.store import MemoryStore
from stt_coordinator.store.port import Store
from stt_shared.bus.memory import MemoryBroker, MemoryBus
from stt_shared.bus.values import RequestError
from stt_shared.protocol.control import (
    Empty,
    Verb,
)
from stt_shared.protocol.enums import Family, Kind, Outcome, Severity
from stt_shared.protocol.messages import CheckOutcome, Job, Value
from tests.support.coordinator.coordination import (
    FakeWorker,
    ask,
    at_work,
    enable,
    failed,
    finding,
    finished,
    passed,
    running,
    status,
    until,
)

TARGETS = (("ledger", Family.POSTGRESQL), ("orders", Family.MYSQL), ("shop", Family.MYSQL))


def answer(job: Job) -> list[CheckOutcome]:
    if job.target == "ledger":
        return [
            CheckOutcome(check=ref.check, outcome=Outcome.ERROR, kind=Kind.AUTH, reason="refused")
            for ref in job.checks
        ]
    return [
        failed(ref.check, finding("'a'@'%'"), finding("'b'@'%'", Severity.TRIVIAL))
        if ref.check == "mysql_empty_password"
        else passed(ref.check)
        for ref in job.checks
    ]


@dataclass(kw_only=True)
class RunningCoordinator:
    """A running coordinator with one worker at work."""

    bus: MemoryBus
    store: Store
    worker: FakeWorker

    async def checked(self) -> str:
        reply = await enable(self.bus)
        await finished(self.bus, reply.run_id)
        return reply.run_id

    async def refusal(self, verb: Verb, request: Value) -> str:
        with pytest.raises(RequestError) as caught:
            await ask(self.bus, verb, request, Empty)
        assert caught.value.message
        return caught.value.code


@asynccontextmanager
async def running_coordinator() -> AsyncGenerator[RunningCoordinator]:
    """The coordinator once it knows all targets."""
    broker, store = MemoryBroker(), MemoryStore()
    bus = broker.connect()
    worker = FakeWorker(bus=broker.connect(), targets=TARGETS, answer=answer)
    async with running(bus, store), at_work(worker):
        made = RunningCoordinator(bus=bus, store=store, worker=worker)
        await until(lambda: _all_known(made))
        yield made


async def _all_known(coordinator: RunningCoordinator) -> bool:
    return (await status(coordinator.bus)).summary.counts.targets == len(TARGETS)
