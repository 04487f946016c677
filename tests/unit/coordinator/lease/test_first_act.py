"""What is compared before a coordinator acts: older releases, and copies of the store."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from stt_coordinator.lease.memory import Held
from stt_coordinator.store.memory.store import Kept, MemoryStore
from stt_coordinator.store.port import Store
from stt_coordinator.store.ports.results import RawResult
from stt_shared.bus.memory import MemoryBroker
from stt_shared.bus.values import Outgoing, Request
from stt_shared.errors import ConfigError
from stt_shared.identity import digest
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.control import Verb
from stt_shared.protocol.enums import Family
from stt_shared.protocol.messages import Job, Watermark
from tests.support.cli import samples
from tests.support.coordinator.coordination import FakeWorker
from tests.support.coordinator.elections import A, election

NOW = datetime(2026, 11, 30, 2, 0, tzinfo=UTC)
JOB = Job(
    job_id="j",
    run_id="r",
    dispatch=1,
    target="t1",
    family=Family.MYSQL,
    site="eu",
    checks=(),
    created=NOW,
    expires=NOW,
)


async def test_a_store_that_lacks_results_is_refused_by_worker_and_position(
    tmp_path: Path,
) -> None:
    broker, stop = MemoryBroker(), asyncio.Event()
    bus = broker.connect()
    await bus.ensure(subjects.STREAMS, ())
    store = MemoryStore(Kept(identity=A.store))
    mine = Watermark(worker="w1", epoch="e1", sequence=640)
    await store.transact(lambda ledger: ledger.results.put_watermarks([mine], NOW))
    subject = subjects.kv(subjects.BUCKET_WATERMARK, "w1")
    newer = Watermark(worker="w1", epoch="e1", sequence=812)
    await bus.publish([Outgoing(subject=subject, data=codec.encode(newer))])

    async def open_store() -> Store:
        return store

    one = election(bus, Held(), A, tmp_path)
    one.open_store = open_store
    with pytest.raises(ConfigError, match="worker w1 up to 640, and 812 were recorded"):
        await one.won(stop)
    one.adopts = True
    assert await one.won(stop)


@pytest.mark.parametrize("has_it", [True, False], ids=["newest", "old copy"])
async def test_a_forged_watermark_keeps_only_a_store_out_that_lacks_the_last_acknowledged_result(
    tmp_path: Path, *, has_it: bool
) -> None:
    broker, stop = MemoryBroker(), asyncio.Event()
    bus = broker.connect()
    await bus.ensure(subjects.STREAMS, [subjects.results_consumer(4)])
    worker = FakeWorker(bus=bus)
    sent = worker.message(JOB, ())
    await bus.publish([sent])
    async with bus.consume(subjects.STREAM_RESULTS, "results-4", capacity=8) as inbox:
        await inbox.ack(await inbox.take(1, wait=10))
    await bus.publish([worker.message(JOB, ())])  # not acknowledged: it is delivered again
    content = digest(sent.data) if has_it else digest(b"another message at its position")
    store = MemoryStore(Kept(identity=A.store))
    row = RawResult(
        worker="w1", epoch="e1", sequence=1, job_id="j", received=NOW, data=b"", content=content
    )
    mark = Watermark(worker="w1", epoch="e1", sequence=1)
    await store.transact(lambda ledger: ledger.results.add([row]))
    await store.transact(lambda ledger: ledger.results.put_watermarks([mark], NOW))
    forged = codec.encode(msgspec.structs.replace(mark, sequence=1_000_000))
    subject = subjects.kv(subjects.BUCKET_WATERMARK, "w1")
    await bus.publish([Outgoing(subject=subject, data=forged)])

    async def open_store() -> Store:
        return store

    one = election(bus, Held(), A, tmp_path)
    one.open_store = open_store
    if has_it:
        assert await one.won(stop)
    else:
        with pytest.raises(ConfigError, match="worker w1 up to 1, and 1000000 were recorded"):
            await one.won(stop)


async def test_while_a_coordinator_without_a_lease_answers_none_begins_to_act(
    tmp_path: Path,
) -> None:
    broker, held, stop = MemoryBroker(), Held(), asyncio.Event()

    async def answers(_request: Request) -> bytes:
        return codec.encode(samples.status())

    one = election(broker.connect(), held, A, tmp_path)
    async with broker.connect().serve({subjects.control(Verb.STATUS): answers}):
        waiting = asyncio.create_task(one.won(stop))
        await asyncio.wait_for(one.waits.wait(), 10)
        assert one.sentence().endswith("a coordinator of an older release acts, stop it first")
        assert held.record is None
    assert await asyncio.wait_for(waiting, 10)
