"""A coordinator in the test's own process with findings to accept."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from stt_coordinator.store.memory.store import MemoryStore
from stt_coordinator.store.port import Store
from stt_shared import clock
from stt_shared.bus.memory import MemoryBroker, MemoryBus
from stt_shared.bus.values import RequestError
from stt_shared.protocol.control import Verb
from stt_shared.protocol.enums import Change, Family, Severity
from stt_shared.protocol.findings import (
    FindingReply,
    FindingRequest,
    FindingsReply,
    FindingsRequest,
)
from stt_shared.protocol.messages import Value
from stt_shared.protocol.records import FindingRecord
from stt_shared.protocol.suppressions import (
    AcceptRequest,
    ImportReply,
    ImportRequest,
    SuppressionEntry,
    SuppressionRecord,
    SuppressionReply,
    SuppressionsReply,
    SuppressionsRequest,
    UnacceptRequest,
)
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

DAY = timedelta(days=1)


EMPTY = "mysql_empty_password"


TODAY = clock.now().date()


SOON = TODAY + 30 * DAY


class RunningCoordinator:
    """A running coordinator with two MySQL targets, two findings on each."""

    def __init__(self, bus: MemoryBus, store: Store) -> None:
        self.bus, self.store = bus, store
        self.run_id = ""

    async def accept(self, **changes: object) -> SuppressionReply:
        request = AcceptRequest(**({"until": SOON, "reason": "proxy only", "by": "ann"} | changes))  # type: ignore[arg-type]
        return await ask(self.bus, Verb.ACCEPT, request, SuppressionReply)

    async def unaccept(self, id_: str, **changes: object) -> SuppressionReply:
        request = UnacceptRequest(id=id_, by="bob", **changes)  # type: ignore[arg-type]
        return await ask(self.bus, Verb.UNACCEPT, request, SuppressionReply)

    async def refusal(self, verb: Verb, request: Value) -> tuple[str, str]:
        with pytest.raises(RequestError) as caught:
            await ask(self.bus, verb, request, SuppressionReply)
        return caught.value.code, caught.value.message

    async def findings(self, state: str = "open", **changes: object) -> list[FindingRecord]:
        request = FindingsRequest(state=state, **changes)  # type: ignore[arg-type]
        reply = await ask(self.bus, Verb.FINDINGS, request, FindingsReply)
        assert reply.total == len(reply.findings)
        return list(reply.findings)

    async def listed(self, state: str = "live") -> list[SuppressionRecord]:
        request = SuppressionsRequest(state=state)
        reply = await ask(self.bus, Verb.EXCEPTIONS, request, SuppressionsReply)
        return [one.exception for one in reply.exceptions]

    async def numbers(self) -> tuple[int, int, int]:
        counts = (await status(self.bus)).summary.counts
        return counts.critical, counts.trivial, counts.accepted

    async def history(self, id_: str) -> list[Change]:
        reply = await ask(self.bus, Verb.FINDING, FindingRequest(id=id_), FindingReply)
        return [event.change for event in reply.history]

    async def imported(self, *entries: SuppressionEntry, dry_run: bool = False) -> list[str]:
        request = ImportRequest(exceptions=entries, by="ci", dry_run=dry_run)
        reply = await ask(self.bus, Verb.EXCEPTIONS_IMPORT, request, ImportReply)
        return [one.what for one in reply.exceptions]


@asynccontextmanager
async def coordinator_with_findings() -> AsyncGenerator[RunningCoordinator]:
    """The coordinator after its first run."""
    broker, store = MemoryBroker(), MemoryStore()
    bus = broker.connect()
    worker = FakeWorker(
        bus=broker.connect(),
        targets=(("orders", Family.MYSQL), ("shop", Family.MYSQL)),
        answer=lambda job: [
            failed(ref.check, finding("'a'@'%'"), finding("'b'@'%'", Severity.TRIVIAL))
            if ref.check == EMPTY
            else passed(ref.check)
            for ref in job.checks
        ],
        labels={"orders": {"team": "orders"}},
    )
    async with running(bus, store), at_work(worker):
        made = RunningCoordinator(bus, store)

        async def known() -> bool:
            return (await status(bus)).summary.counts.targets == 2

        await until(known)
        made.run_id = (await enable(bus)).run_id
        await finished(bus, made.run_id)
        yield made
