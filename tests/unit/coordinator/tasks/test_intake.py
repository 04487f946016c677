"""What intake does with results that it cannot record: they wait, or their outbox still empties."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar, cast

import msgspec
import pytest

from stt_coordinator.domain.model import JobState
from stt_coordinator.ledger.received import MAX_REJECTED_BYTES
from stt_coordinator.store.memory.store import MemoryStore
from stt_coordinator.store.port import Ledger, Store
from stt_coordinator.store.sqlite.file.folder import FILE
from stt_coordinator.store.sqlite.store import open_store
from stt_coordinator.tasks.guards.nonce_gate import OPEN_AFTER_UPGRADE, NonceGate
from stt_coordinator.tasks.ingest import MAX_WAITS, Ingest
from stt_coordinator.tasks.wakeups import Wakeups
from stt_shared import clock
from stt_shared.bus.memory import MemoryBroker
from stt_shared.bus.values import Delivery
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.messages import Result
from tests.support.coordinator.coordination import NOW, QUICK, failed, passed
from tests.support.coordinator.ledgers import job_of, planned, result, with_nonce

T = TypeVar("T")
BOTH = (failed("c1"), passed("c2"))


class FakeInbox:
    """Remembers how each delivery ended."""

    def __init__(self) -> None:
        self.ended: list[tuple[str, str]] = []

    async def take(self, limit: int, *, wait: float, linger: float = 0.0) -> list[Delivery]:
        raise AssertionError(f"these tests bring the deliveries: {(limit, wait, linger)}")

    async def ack(self, deliveries: Sequence[Delivery]) -> None:
        self.ended += [("ack", one.lease) for one in deliveries]

    async def retry(self, delivery: Delivery, *, delay: float) -> None:
        assert delay == QUICK.announced_s
        self.ended.append(("retry", delivery.lease))

    async def end(self, delivery: Delivery) -> None:
        self.ended.append(("end", delivery.lease))


async def agreed_now() -> datetime | None:
    return clock.now()


async def ingest_on(store: Store, require: bool | None = None) -> Ingest:
    bus = MemoryBroker().connect()
    await bus.ensure(subjects.STREAMS, [])
    gate = NonceGate(store, agreed_now, require)
    return Ingest(bus=bus, store=store, wakeups=Wakeups(), timing=QUICK, nonces=gate)


async def genuine(store: Store, target: str, worker: str = "w1", sequence: int = 1) -> Result:
    job = await job_of(store, target)
    one = result(target, *BOTH, worker=worker, sequence=sequence)
    return with_nonce(one, {job.job_id: job})


def delivery(one: Result, data: bytes = b"", *, delivered: int = 1) -> Delivery:
    subject = subjects.result(one.family, one.site, one.target, one.worker)
    lease = f"{one.target}-{one.sequence}"
    content = data or codec.encode(one)
    return Delivery(
        subject=subject, data=content, headers={}, sequence=1, delivered=delivered, lease=lease
    )


async def test_result_of_a_worker_that_has_not_announced_itself_waits_and_is_then_refused() -> None:
    store = await planned("t1")
    ingest, inbox = await ingest_on(store), FakeInbox()
    one = await genuine(store, "t1", worker="w9")
    await ingest.ingest([delivery(one)], inbox)
    assert inbox.ended == [("retry", "t1-1")]
    assert await store.read(lambda ledger: ledger.results.count_rejected()) == {}
    await ingest.ingest([delivery(one, delivered=MAX_WAITS + 1)], inbox)
    assert inbox.ended[1:] == [("ack", "t1-1")]
    assert await store.read(lambda ledger: ledger.results.count_rejected()) == {"not_announced": 1}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ((b'"severity":"critical"', b'"severity":"terrible"'), "malformed"),
        ((b'"site":"eu-west"', b'"site":"elsewhere"'), "wrong_site"),
        ((b"stt.result/v1", b"stt.result/v7"), "newer_major"),
    ],
)
async def test_outbox_empties_past_a_result_that_cannot_be_read(
    change: tuple[bytes, bytes], code: str
) -> None:
    store = await planned("t1", "t2")
    ingest, inbox = await ingest_on(store), FakeInbox()
    bad, good = await genuine(store, "t1"), await genuine(store, "t2", sequence=2)
    data = codec.encode(bad).replace(*change)
    await ingest.ingest([delivery(bad, data), delivery(good)], inbox)
    assert sorted(inbox.ended) == [("ack", "t2-2"), ("end", "t1-1")]
    assert await store.read(lambda ledger: ledger.results.count_rejected()) == {code: 1}
    assert await store.read(lambda ledger: ledger.results.watermark("w1", "e1")) == 2
    assert (await job_of(store, "t1")).state is JobState.PENDING


async def test_only_the_beginning_of_a_refused_message_is_kept_however_large_it_is(
    tmp_path: Path,
) -> None:
    large = b" " * 900_000
    store = await planned("t1", "t2", store=await open_store(tmp_path))
    try:
        ingest, inbox = await ingest_on(store), FakeInbox()
        refused = msgspec.structs.replace(await genuine(store, "t1"), nonce="")
        unread = await genuine(store, "t2", sequence=2)
        whole = [delivery(refused, codec.encode(refused) + large), delivery(unread, b"{" + large)]
        await ingest.ingest(whole, inbox)
        codes = await store.read(lambda ledger: ledger.results.count_rejected())
    finally:
        await store.close()
    assert codes == {"malformed": 1, "no_nonce": 1}
    with closing(sqlite3.connect(tmp_path / FILE)) as file:
        rows = file.execute("SELECT length(data) FROM rejected").fetchall()
    assert rows == [(MAX_REJECTED_BYTES,)] * 2
    assert (tmp_path / FILE).stat().st_size < len(large)


class UpgradedStore(MemoryStore):
    """A store that was upgraded at NOW from a release without nonces."""

    async def read(self, work: Callable[[Ledger], T]) -> T:
        found = await super().read(work)
        return cast("T", NOW) if found is None else found


async def test_upgraded_store_accepts_results_without_nonce_for_a_named_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    at = NOW + timedelta(days=1)
    monkeypatch.setattr(clock, "now", lambda: at)
    gate = NonceGate(UpgradedStore(), agreed_now)
    assert not await gate.required()
    (sentence,) = gate.degraded
    assert sentence == (
        "results without a nonce are accepted until 2026-12-07 after an upgrade of the store: "
        "upgrade all workers, then set results.require_nonce to true"
    )
    at = NOW + OPEN_AFTER_UPGRADE
    assert await gate.required()
    assert gate.degraded == ()


async def test_one_wrong_reading_of_a_clock_does_not_refuse_results_without_nonce(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    at = NOW + timedelta(days=365)
    agrees = False

    async def guard() -> datetime | None:
        return at if agrees else None

    monkeypatch.setattr(clock, "now", lambda: at)
    gate = NonceGate(UpgradedStore(), guard)
    assert not await gate.required()
    assert len(gate.degraded) == 1
    agrees = True
    assert await gate.required()
    at = NOW
    assert await gate.required(), "a clock that goes back opened it again"


async def test_setting_decides_alone_once_it_is_set() -> None:
    closed = NonceGate(UpgradedStore(), agreed_now, require=True)
    assert (await closed.required(), closed.degraded) == (True, ())
    opened = NonceGate(UpgradedStore(), agreed_now, require=False)
    assert not await opened.required()
    assert len(opened.degraded) == 1


async def test_new_store_requires_nonces_at_once() -> None:
    store = await planned("t1")
    ingest, inbox = await ingest_on(store), FakeInbox()
    one = msgspec.structs.replace(await genuine(store, "t1"), nonce="")
    await ingest.ingest([delivery(one)], inbox)
    assert await store.read(lambda ledger: ledger.results.count_rejected()) == {"no_nonce": 1}
    assert await store.read(lambda ledger: ledger.results.watermark("w1", "e1")) == 1
