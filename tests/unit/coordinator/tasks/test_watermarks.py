"""Watermarks let every outbox empty and come from the store alone, whatever the bucket has."""

from __future__ import annotations

from stt_coordinator.store.memory.store import MemoryStore
from stt_coordinator.store.port import Store
from stt_coordinator.tasks.watermarks import STREAM, Watermarks
from stt_shared.bus.memory import MemoryBroker, MemoryBus
from stt_shared.bus.values import Outgoing
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.messages import Watermark
from tests.support.coordinator.coordination import NOW, passed
from tests.support.coordinator.ledgers import planned, recorded, result

BOTH = (passed("c1"), passed("c2"))


async def put(store: Store, epoch: str, sequence: int) -> None:
    mark = Watermark(worker="w1", epoch=epoch, sequence=sequence)
    await store.transact(lambda ledger: ledger.results.put_watermarks([mark], NOW))


async def published(bus: MemoryBus) -> Watermark:
    stored = await bus.last(STREAM, subjects.kv(subjects.BUCKET_WATERMARK, "w1"))
    assert stored is not None
    return codec.decode(Watermark, stored.data)


async def connected() -> MemoryBus:
    bus = MemoryBroker().connect()
    await bus.ensure(subjects.STREAMS, [])
    return bus


async def test_outbox_of_a_worker_that_lost_its_disk_does_not_hide_the_one_before() -> None:
    bus, store = await connected(), MemoryStore()
    await put(store, "e1", 7)
    await put(store, "e2", 3)
    await Watermarks(bus, store).publish()
    mark = await published(bus)
    assert (mark.of("e1"), mark.of("e2"), mark.of("e3")) == (7, 3, None)


async def test_store_restored_from_an_old_backup_names_what_it_lacks_and_leaves_no_gap() -> None:
    bus, store = await connected(), await planned("t1")
    await put(store, "e1", 90)
    await Watermarks(bus, store).publish()
    old = await planned("t1")
    await put(old, "e1", 50)
    marks = Watermarks(bus, old)
    await marks.publish()
    assert (await published(bus)).sequence == 50
    (sentence,) = marks.degraded
    assert "worker w1 on NATS was 90, the store has 50" in sentence
    # The worker dropped 51 to 90 and says so with its next result: its outbox empties.
    await recorded(old, result("t1", *BOTH, sequence=91, oldest=91))
    await marks.publish()
    assert (await published(bus)).sequence == 91


async def test_position_that_somebody_else_wrote_is_named_corrected_and_never_stored() -> None:
    bus, store = await connected(), await planned("t1")
    await put(store, "e1", 7)
    marks = Watermarks(bus, store)
    await marks.publish()
    await marks.verify()
    assert list(marks.degraded) == []
    for forged in (10**9, 2**63 - 1, 0):
        data = codec.encode(Watermark(worker="w1", epoch="e1", sequence=forged))
        await bus.publish([Outgoing(subject="$KV.stt_watermark.w1", data=data)])
        await marks.verify()
        await marks.publish()
        assert (await published(bus)).sequence == 7
    (sentence,) = marks.degraded
    assert f"worker w1 on NATS was {2**63 - 1}, the store has 7" in sentence
    assert await store.read(lambda ledger: ledger.results.watermark("w1", "e1")) == 7


async def test_watermark_that_the_broker_lost_is_published_again_without_a_sentence() -> None:
    bus, store = await connected(), await planned("t1")
    await put(store, "e1", 7)
    marks = Watermarks(bus, store)
    await marks.publish()
    await bus.delete(STREAM, "$KV.stt_watermark.w1", 2**31)
    await marks.verify()
    await marks.publish()
    assert ((await published(bus)).sequence, marks.degraded) == (7, ())


async def test_outbox_that_newer_ones_pushed_out_of_the_watermark_is_not_taken_for_forged() -> None:
    bus, store = await connected(), await planned("t1")
    for number in range(9):
        await put(store, f"e{number}", number + 1)
    await Watermarks(bus, store).publish()
    await put(store, "f0", 1)
    marks = Watermarks(bus, store)
    await marks.publish()
    assert marks.degraded == ()


async def test_result_that_is_sent_again_after_its_job_was_dropped_is_known() -> None:
    store = await planned("t1")
    await put(store, "e1", 5)
    batch = await recorded(store, result("t1", *BOTH, sequence=4, job_id="standard-0.t1"))
    assert (batch.repeated, batch.rejected) == (1, ())


async def test_forged_result_at_a_position_that_is_still_known_is_refused_by_name() -> None:
    store = await planned("t1")
    await recorded(store, result("t1", *BOTH, sequence=1))
    batch = await recorded(store, result("t1", *BOTH, sequence=1, job_id="standard-0.t1"))
    assert [row.code for _, row in batch.rejected] == ["unknown_job"]
