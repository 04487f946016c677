"""Results of outboxes that the store does not know yet: none of them holds its outbox for long."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from stt_coordinator.ledger.received import ReceivedResult
from stt_coordinator.ledger.results import record_results
from stt_coordinator.ledger.sorted_batch import IntakeRules
from stt_coordinator.ledger.unreadable import UnreadableResult, record_unreadable
from stt_coordinator.ledger.watermarks import MAX_GAP
from stt_coordinator.store.memory.store import MemoryStore
from stt_coordinator.store.port import Store
from stt_shared.protocol.messages import Result, Watermark
from tests.support.coordinator.announcing import Site
from tests.support.coordinator.coordination import NOW, passed
from tests.support.coordinator.ledgers import planned, recorded, result, taken, worker_record

BOTH = passed("c1"), passed("c2")


async def marks(store: Store) -> list[Watermark]:
    return await store.read(lambda ledger: ledger.results.watermarks())


def of_unknown_job(sequence: int) -> Result:
    return result("t1", *BOTH, sequence=sequence, epoch="new00000", job_id="lost.t1")


async def test_results_that_came_before_the_announcement_leave_the_outbox_with_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site = Site(monkeypatch)
    rules = IntakeRules(stranger_positions=10)
    batch = await recorded(site.store, of_unknown_job(1), of_unknown_job(2), rules=rules)
    assert (len(batch.rejected), batch.stranger_positions) == (2, 2)
    assert await marks(site.store) == [], "nobody has announced this outbox"
    await site.announce("w1", "t1", epoch="new00000")
    (mark,) = await marks(site.store)
    assert (mark.worker, mark.epoch, mark.sequence) == ("w1", "new00000", 2)


async def test_unreadable_messages_before_the_announcement_leave_the_outbox_with_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site = Site(monkeypatch)
    one = taken(of_unknown_job(1))
    position = one.raw(NOW, is_refused=True)
    bad = UnreadableResult(row=one.rejected("undecodable", "no JSON", NOW), position=position)
    used = await site.store.transact(lambda ledger: record_unreadable(ledger, [bad], NOW, 1))
    assert used == 1
    await site.announce("w1", "t1", epoch="new00000")
    assert [one.sequence for one in await marks(site.store)] == [1]


async def test_positions_of_unknown_outboxes_are_as_many_as_the_rules_allow() -> None:
    store = MemoryStore()
    rules = IntakeRules(stranger_positions=3)
    forged = [
        result("t1", *BOTH, worker=f"x{number}", epoch="e", job_id="lost.t1")
        for number in range(20)
    ]
    batch = await recorded(store, *forged, rules=rules)
    assert (len(batch.rejected), batch.stranger_positions) == (20, 3)
    kept = await store.read(
        lambda ledger: sum(
            len(list(ledger.results.sequences_after(one.worker, "e", 0))) for one in forged
        )
    )
    assert kept == 3
    assert await marks(store) == []


@pytest.mark.parametrize(
    ("epoch", "sequence", "has_nonce"),
    [("e1", 500, False), ("e1", MAX_GAP + 2, True), ("unknown", 500, True)],
    ids=["without a nonce", "further than a worker follows", "of an outbox nobody announces"],
)
async def test_stated_position_does_not_move_the_watermark(
    epoch: str, sequence: int, *, has_nonce: bool
) -> None:
    store = await planned("t1")
    await store.transact(lambda ledger: ledger.fleet.put_workers([worker_record("w1", "e1")]))
    (job,) = (await store.read(lambda ledger: ledger.jobs.by_id(["standard-1.t1"]))).values()
    one = result("t1", *BOTH, epoch=epoch, sequence=sequence, oldest=sequence)
    one = msgspec.structs.replace(one, nonce=job.nonces[0] if has_nonce else "")
    received: list[ReceivedResult] = [taken(one)]
    rules, at = IntakeRules(nonce_required=False), NOW + timedelta(minutes=1)
    batch = await store.transact(lambda ledger: record_results(ledger, received, at, rules))
    assert len(batch.recorded) == 1
    assert batch.passed_over == ()
    assert all(mark.sequence == 0 for mark in await marks(store))
