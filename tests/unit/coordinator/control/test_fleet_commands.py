"""Targets move and are forgotten by an operator's word alone, and each word is in the audit log."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from stt_coordinator.store.memory.store import MemoryStore
from stt_coordinator.store.port import Store
from stt_shared.bus.memory import MemoryBroker
from stt_shared.bus.port import Bus
from stt_shared.bus.values import RequestError
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.audit import AuditReply, AuditRequest
from stt_shared.protocol.control import (
    Verb,
)
from stt_shared.protocol.enums import FindingState
from stt_shared.protocol.messages import Value
from stt_shared.protocol.queries.fleet import (
    FleetReply,
    TargetForgetRequest,
    TargetMoveRequest,
    WorkerForgetRequest,
)
from stt_shared.protocol.records import Summary
from tests.support.coordinator.coordination import (
    FakeWorker,
    ask,
    at_work,
    enable,
    failed,
    finished,
    running,
    status,
    until,
)
from tests.support.coordinator.ledgers import target_of


@pytest.fixture
def store() -> Store:
    return MemoryStore()


@pytest.fixture
async def bus(store: Store) -> AsyncGenerator[Bus]:
    broker = MemoryBroker()
    async with running(broker.connect(), store):
        yield broker.connect()


def worker(bus: Bus, name: str = "w1", site: str = "eu") -> FakeWorker:
    return FakeWorker(
        bus=bus, name=name, site=site, answer=lambda job: [failed(r.check) for r in job.checks]
    )


async def refusal(bus: Bus, verb: Verb, request: Value) -> str:
    with pytest.raises(RequestError) as caught:
        await ask(bus, verb, request, FleetReply)
    return caught.value.code


async def did(bus: Bus) -> list[tuple[str, str, str]]:
    reply = await ask(bus, Verb.AUDIT, AuditRequest(), AuditReply)
    return [(one.did, one.what, one.reason) for one in reply.entries if one.did != "enable"]


async def test_a_target_moves_by_word_to_a_site_that_announces_it_and_to_no_other(
    bus: Bus, store: Store
) -> None:
    move = TargetMoveRequest(targets=("t1",), site="us", by="ann", reason="CHG-1")
    async with at_work(worker(bus)):
        await until(lambda: served(bus, 1))
        assert await refusal(bus, Verb.TARGET_MOVE, move) == "not_announced"
        async with at_work(worker(bus, "w9", "us")):
            await until(lambda: claimed(bus))
            reply = await ask(bus, Verb.TARGET_MOVE, move, FleetReply)
            assert reply == FleetReply(targets=("t1",), changed=True, target_count=1)
            row = await target_of(store)
            assert (row.site, row.workers) == ("us", ("w9",))
            await until(lambda: claimed(bus))  # the owner of before, now
            assert not (await ask(bus, Verb.TARGET_MOVE, move, FleetReply)).changed
    assert await did(bus) == [("target-move", "t1 to us", "CHG-1")]


async def test_a_target_that_is_announced_cannot_be_forgotten_and_one_that_is_gone_can(
    bus: Bus, store: Store
) -> None:
    forget = TargetForgetRequest(targets=("t1",), by="ann", reason="switched off")
    one = worker(bus)
    async with at_work(one):
        await until(lambda: served(bus, 1))
        await finished(bus, (await enable(bus)).run_id)
        assert await refusal(bus, Verb.TARGET_FORGET, forget) == "in_use"
        one.targets = ()
        await until(lambda: gone(bus, 1))
        counts = (await status(bus)).summary.counts
        assert (counts.critical, counts.gone_findings, counts.not_checked) == (0, 2, 2)
        await ask(bus, Verb.TARGET_FORGET, forget, FleetReply)
        await until(lambda: gone(bus, 0))
        await until(lambda: summary_has(bus, ended=True))
        assert (await status(bus)).summary.counts.not_checked == 0
        found = await store.read(lambda ledger: ledger.findings.of_targets(["t1"]))
        assert {record.state for record in found} == {FindingState.RESOLVED}
        assert await refusal(bus, Verb.TARGET_FORGET, forget) == "unknown_target"
        one.targets = worker(bus).targets
        await until(lambda: served(bus, 1))
        assert (await target_of(store)).state == "never"
        await until(lambda: summary_has(bus, ended=False))
    assert await did(bus) == [("target-forget", "t1", "switched off")]


async def test_a_worker_that_left_can_be_forgotten_and_its_targets_are_gone(
    bus: Bus, store: Store
) -> None:
    forget = WorkerForgetRequest(worker="w1", by="ann", reason="host is gone")
    async with at_work(worker(bus)):
        await until(lambda: served(bus, 1))
        assert await refusal(bus, Verb.WORKER_FORGET, forget) == "in_use"
    await worker(bus).announce(leaving=True)
    await until(lambda: down(bus))
    reply = await ask(bus, Verb.WORKER_FORGET, forget, FleetReply)
    assert reply == FleetReply(targets=("t1",), changed=True, workers=("w1",), target_count=1)
    assert (await status(bus)).workers == ()
    assert (await target_of(store)).gone
    assert await refusal(bus, Verb.WORKER_FORGET, forget) == "unknown_worker"
    assert await did(bus) == [("worker-forget", "w1, of t1", "host is gone")]


async def served(bus: Bus, number: int) -> bool:
    return (await status(bus)).summary.counts.targets == number


async def gone(bus: Bus, number: int) -> bool:
    return (await status(bus)).summary.counts.gone == number


async def summary_has(bus: Bus, *, ended: bool) -> bool:
    stored = await bus.last(subjects.STREAM_SUMMARY, subjects.summary_of_site("eu"))
    return stored is not None and codec.decode(Summary, stored.data).ended is ended


async def claimed(bus: Bus) -> bool:
    return "announces mysql target t1" in " ".join((await status(bus)).degraded)


async def down(bus: Bus) -> bool:
    return [one.state for one in (await status(bus)).workers] == ["down"]
