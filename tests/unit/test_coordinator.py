"""A coordinator on the in-process bus: from enabling to the counts, and through its restarts."""

from __future__ import annotations

from stt_coordinator.store.memory import MemoryStore
from stt_shared.bus.memory import MemoryBroker
from stt_shared.protocol.words import Family
from tests.unit.coordination import (
    FakeWorker,
    at_work,
    enable,
    failed,
    finished,
    passed,
    running,
    status,
)


async def test_enabling_checks_every_announced_target_and_counts_what_was_found() -> None:
    broker = MemoryBroker()
    bus = broker.connect()
    async with running(bus, MemoryStore()):
        worker = FakeWorker(
            bus=broker.connect(),
            targets=(("orders", Family.MYSQL), ("ledger", Family.POSTGRESQL)),
            answer=lambda job: [
                failed(r.check) if r.check == "mysql_empty_password" else passed(r.check)
                for r in job.checks
            ],
        )
        async with at_work(worker):
            reply = await enable(bus)
            assert reply.changed
            run = await finished(bus, reply.run_id)
            assert (run.jobs, run.done, run.unanswered) == (2, 2, 0)
            counts = (await status(bus)).summary.counts
        assert (counts.critical, counts.passed, counts.not_checked) == (1, 2, 0)
        assert (counts.targets, counts.targets_checked) == (2, 2)
