"""Valid results under invented outboxes harm only the worker whose credential sent them."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from stt_coordinator.domain.intake.admission import UNANNOUNCED_OUTBOX
from stt_coordinator.domain.intake.budget import DAY_S
from stt_coordinator.ledger.results import record_results
from stt_coordinator.ledger.sorted_batch import MAX_NEW_OUTBOXES, IntakeRules
from stt_coordinator.ledger.watermarks import published_watermarks
from stt_coordinator.store.port import Ledger, Store
from stt_coordinator.tasks.guards.new_outboxes import NewOutboxes
from stt_shared import clock
from stt_shared.protocol.messages import Result, Watermark
from tests.support.coordinator.coordination import NOW, SITE, passed
from tests.support.coordinator.ledgers import (
    minutes,
    planned,
    recorded,
    result,
    taken,
    with_nonce,
    worker_record,
)

BOTH = passed("c1"), passed("c2")


def of_outbox(epoch: str, sequence: int = 1, worker: str = "w1") -> Result:
    """With an execution of its own: one that is recorded is refused from another message."""
    one = result("t1", *BOTH, epoch=epoch, sequence=sequence, worker=worker)
    return msgspec.structs.replace(one, execution=f"1-{sequence}-{epoch}")


async def site() -> Store:
    """A store with a job that w1 and w2 may answer, each with an outbox that it announces."""
    store = await planned("t1")

    def announce(ledger: Ledger) -> None:
        ledger.fleet.put_workers([worker_record("w1", "genuine0"), worker_record("w2", "other000")])

    await store.transact(announce)
    return store


async def mark_of(store: Store, worker: str = "w1") -> Watermark:
    marks = await store.read(published_watermarks)
    return next(one for one in marks if one.worker == worker)


async def test_invented_outboxes_push_the_mark_of_the_announced_one_out_of_no_watermark() -> None:
    store = await site()
    await recorded(store, of_outbox("genuine0"), of_outbox("other000", worker="w2"))
    for number in range(40):
        at = minutes(10 + number)
        await recorded(store, of_outbox(f"forged{number:02}"), now=at)
    mark = await mark_of(store)
    assert (mark.epoch, mark.sequence) == ("genuine0", 1)
    await recorded(store, of_outbox("genuine0", 2), now=minutes(60))
    assert (await mark_of(store)).of("genuine0") == 2
    assert await mark_of(store, "w2") == Watermark(worker="w2", epoch="other000", sequence=1)


async def test_a_double_that_is_announced_keeps_its_mark_beside_the_holder_of_the_name() -> None:
    store = await site()
    double = worker_record("w1~second00", "second00")
    await store.transact(lambda ledger: ledger.fleet.put_workers([double]))
    await recorded(store, of_outbox("genuine0"), of_outbox("second00"))
    for number in range(40):
        await recorded(store, of_outbox(f"forged{number:02}"), now=minutes(10 + number))
    mark = await mark_of(store)
    assert (mark.of("genuine0"), mark.of("second00")) == (1, 1)


async def test_outboxes_that_nobody_announces_leave_as_many_rows_as_the_rules_allow() -> None:
    store, guard = await site(), NewOutboxes()
    rules = IntakeRules(new_outboxes=guard.left)
    codes: list[str] = []
    for number in range(40):
        batch = await recorded(store, of_outbox(f"forged{number:02}"), rules=rules)
        guard.note(batch.new_outboxes)
        codes += [row.code for _, row in batch.rejected]
    assert codes == [UNANNOUNCED_OUTBOX] * (40 - MAX_NEW_OUTBOXES)
    outboxes = await store.read(lambda ledger: ledger.results.outboxes())
    assert len(outboxes) == MAX_NEW_OUTBOXES
    # Neither the announced outbox of that worker nor another worker pays for it.
    more = of_outbox("genuine0"), of_outbox("brandnew", worker="w2")
    batch = await recorded(store, *more, rules=rules)
    assert batch.rejected == ()
    assert (await mark_of(store)).of("genuine0") == 1
    assert (await mark_of(store, "w2")).of("brandnew") == 1


async def test_all_in_one_batch_are_bounded_as_well() -> None:
    store = await site()
    batch = await recorded(store, *(of_outbox(f"forged{n:02}") for n in range(40)))
    assert len(batch.rejected) == 40 - MAX_NEW_OUTBOXES
    assert batch.new_outboxes == {"w1": 40}


async def test_a_genuine_result_above_the_limit_waits_for_its_announcement() -> None:
    store = await site()
    (job,) = (await store.read(lambda ledger: ledger.jobs.by_id(["standard-1.t1"]))).values()
    one = replace(taken(with_nonce(of_outbox("newdisk0"), {job.job_id: job})), may_wait=True)
    rules = IntakeRules(new_outboxes=lambda _: 0)
    batch = await store.transact(lambda ledger: record_results(ledger, [one], NOW, rules))
    assert batch.waiting == {one.position}
    announced = worker_record("w1", "newdisk0")
    await store.transact(lambda ledger: ledger.fleet.put_workers([announced]))
    batch = await store.transact(lambda ledger: record_results(ledger, [one], NOW, rules))
    assert len(batch.recorded) == 1
    assert (await mark_of(store)).of("newdisk0") == 1


async def test_a_worker_that_states_no_epoch_does_not_vouch_for_every_one() -> None:
    store = await planned("t1")  # as workers of an early release, w1 and w2 announce none
    batch = await recorded(store, *(of_outbox(f"forged{n:02}") for n in range(40)))
    assert len(batch.rejected) == 40 - MAX_NEW_OUTBOXES


async def test_repeated_answers_of_a_sender_without_budget_leave_no_row() -> None:
    store = await site()
    await recorded(store, of_outbox("genuine0"))
    rules = IntakeRules(exceeded=frozenset({(SITE, "w1")}))
    again = [of_outbox("genuine0", sequence) for sequence in range(2, 40)]
    batch = await recorded(store, *again, rules=rules)
    assert len(batch.unused) == len(again)
    held = await store.read(
        lambda ledger: list(ledger.results.sequences_after("w1", "genuine0", 0))
    )
    assert held == [1]
    assert (await mark_of(store)).of("genuine0") == 39, "its outbox empties nevertheless"
    await recorded(store, msgspec.structs.replace(of_outbox("genuine0", 40)))
    assert (await mark_of(store)).of("genuine0") == 40


def test_the_worker_is_named_while_it_begins_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(clock, "monotonic", lambda: now)
    guard = NewOutboxes()
    guard.note({"w1": 2})
    assert not guard.degraded
    guard.note({"w1": 30})
    assert guard.left("w1") == 0
    assert guard.left("w2") == MAX_NEW_OUTBOXES
    (sentence,) = guard.degraded
    assert sentence == (
        "results of worker w1 come from more than 4 outboxes that it does not announce, 8 a day are"
        " recorded: another client uses its credential"
    )
    now = DAY_S
    assert (guard.left("w1"), guard.degraded) == (MAX_NEW_OUTBOXES, ())
