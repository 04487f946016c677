"""A coordinator with something in its store, its page on a real address, in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from stt_coordinator.control.handler_context import HandlerContext
from stt_coordinator.coordinator import Coordinator, CoordinatorDependencies
from stt_coordinator.store.sqlite.store import open_store
from stt_coordinator.tasks.troubles import Troubles
from stt_coordinator.web.serve import Front, Page
from stt_shared import clock
from stt_shared.bus.memory import MemoryBroker
from stt_shared.bus.values import RequestError
from stt_shared.errors import UnreachableError
from stt_shared.protocol.control import Empty, StatusReply, Verb
from stt_shared.protocol.enums import Family, Severity
from stt_shared.protocol.suppressions import AcceptRequest, SuppressionReply
from tests.support.coordinator.coordination import (
    QUICK,
    FakeWorker,
    ask,
    at_work,
    catalogue,
    enable,
    failed,
    finding,
    finished,
    until,
)

TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the coordinator holds when it is served: names that addresses can be made of."""

    finding: str
    run: str
    exception: str


def answers(job: Any) -> Any:
    """Two findings from the first check, none from the others."""
    bad = (finding("a", Severity.CRITICAL), finding("b", Severity.MAJOR))
    return [failed(ref.check, *bad) for ref in job.checks]


@contextmanager
def site(front: Front, folder: Path) -> Generator[Seen]:
    """Served until the block ends."""
    ready: list[Seen] = []
    stop = threading.Event()
    wrong: list[BaseException] = []

    def live() -> None:
        try:
            asyncio.run(_serve(front, folder, ready, stop))
        except BaseException as error:  # noqa: BLE001  # reported by the thread that waits
            wrong.append(error)

    thread = threading.Thread(target=live)
    thread.start()
    try:
        for _ in range(int(TIMEOUT_S / 0.05)):
            if ready or wrong:
                break
            stop.wait(0.05)
        assert ready, wrong
        yield ready[0]
    finally:
        stop.set()
        thread.join(TIMEOUT_S)
        assert not wrong


async def _serve(front: Front, folder: Path, ready: list[Seen], stop: threading.Event) -> None:
    broker, store = MemoryBroker(), await open_store(folder)

    def page(context: HandlerContext, found: Troubles) -> Any:
        return Page(context, front, found).run

    means = CoordinatorDependencies(
        bus=broker.connect(), store=store, checks=catalogue, timing=QUICK, page=page
    )
    over = asyncio.Event()
    task = asyncio.create_task(Coordinator(means).run(over))
    try:
        bus = broker.connect()
        worker = FakeWorker(
            bus=broker.connect(),
            targets=(("t1", Family.MYSQL), ("t2", Family.POSTGRESQL)),
            answer=answers,
            labels={"t1": {"team": "orders"}},
        )
        async with at_work(worker):
            ready.append(await _seen(bus, store))
            await asyncio.to_thread(stop.wait)
    finally:
        over.set()
        await task
        await store.close()


async def _seen(bus: Any, store: Any) -> Seen:
    async def known() -> bool:
        reply = await ask(bus, Verb.STATUS, Empty(), StatusReply)
        return reply.summary.counts.targets == 2

    async def answering() -> bool:
        try:
            return await known()
        except (RequestError, UnreachableError):  # not yet
            return False

    await until(answering)
    run = await enable(bus)
    await finished(bus, run.run_id)
    found = await store.read(lambda ledger: ledger.findings.of_targets(["t1"]))
    accept = AcceptRequest(
        until=(clock.now() + timedelta(days=30)).date(),
        check="postgresql_super_role",
        target="t2",
        reason="seed",
        by="seed",
    )
    made = await ask(bus, Verb.ACCEPT, accept, SuppressionReply)
    return Seen(finding=found[0].id, run=run.run_id, exception=made.exception.id)
