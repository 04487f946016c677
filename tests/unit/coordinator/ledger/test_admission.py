"""A result is recorded if its worker was given the job and its outcomes make sense."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from stt_coordinator.domain.model import JobState, WorkerRecord
from stt_coordinator.domain.time.timing import Timing
from stt_coordinator.ledger.reconcile import reconcile
from stt_coordinator.ledger.results import RecordedBatch, record_results
from stt_coordinator.ledger.sorted_batch import IntakeRules
from stt_coordinator.store.port import Ledger, Store
from stt_shared.protocol.enums import Outcome
from stt_shared.protocol.messages import CheckOutcome, Result
from tests.support.coordinator.coordination import NOW, SITE, failed, finding, passed
from tests.support.coordinator.ledgers import (
    job_of,
    minutes,
    planned,
    recorded,
    result,
    taken,
    with_nonce,
)

BOTH = (failed("c1"), passed("c2"))
WORKER = WorkerRecord(
    worker="w1", site=SITE, state="up", version="1", started=NOW, last_heard=NOW, targets=1
)


def changed(one: Result, **changes: Any) -> Result:
    return msgspec.structs.replace(one, **changes)


def codes(batch: RecordedBatch) -> list[str]:
    return [row.code for _, row in batch.rejected]


async def refused(store: Store, one: Result) -> str:
    """The code of the refusal, once nothing of the job has changed."""
    before = await job_of(store)
    batch = await recorded(store, one)
    assert await job_of(store) == before
    assert batch.recorded == ()
    (code,) = codes(batch)
    assert batch.rejected[0][1].reason
    return code


async def watermark(store: Store) -> int | None:
    return await store.read(lambda ledger: ledger.results.watermark("w1", "e1"))


async def dispatched_again(store: Store) -> None:
    """The job's first dispatch got lost, and it is given out a second time."""

    def work(ledger: Ledger) -> None:
        (job,) = ledger.jobs.by_id(["standard-1.t1"]).values()
        ledger.jobs.put([msgspec.structs.replace(job, state=JobState.DISPATCHED)])
        ledger.fleet.put_workers([WORKER])
        reconcile(ledger, minutes(6), Timing())

    await store.transact(work)


async def test_each_dispatch_has_a_nonce_of_its_own_and_late_answers_to_earlier_ones_count() -> (
    None
):
    store = await planned("t1")
    first = await job_of(store)
    await dispatched_again(store)
    second = await job_of(store)
    assert (len(first.nonces), len(set(second.nonces)), second.dispatch) == (1, 2, 2)
    late = changed(result("t1", *BOTH), nonce=first.nonces[0])
    assert len((await recorded(store, late, now=minutes(7))).recorded) == 1


async def test_result_without_the_nonce_of_its_job_is_refused() -> None:
    store = await planned("t1", "t2")
    other = (await job_of(store, "t2")).nonces[-1]
    assert await refused(store, changed(result("t1", *BOTH), nonce="guessed")) == "wrong_nonce"
    assert await refused(store, changed(result("t1", *BOTH), nonce=other)) == "wrong_nonce"


async def without_nonce(store: Store, *, nonce_required: bool) -> RecordedBatch:
    batch = [taken(result("t1", *BOTH))]
    return await store.transact(
        lambda ledger: record_results(
            ledger, batch, minutes(1), IntakeRules(nonce_required=nonce_required)
        )
    )


async def test_result_without_any_nonce_is_accepted_only_while_none_is_required() -> None:
    store = await planned("t1")
    assert codes(await without_nonce(store, nonce_required=True)) == ["no_nonce"]
    other = await planned("t1")
    assert len((await without_nonce(other, nonce_required=False)).recorded) == 1


async def test_worker_that_does_not_announce_the_target_is_refused() -> None:
    store = await planned("t1")
    assert await refused(store, result("t1", *BOTH, worker="w9")) == "not_announced"


async def test_worker_that_announced_the_target_when_the_job_was_issued_may_answer() -> None:
    store = await planned("t1")

    def left(ledger: Ledger) -> None:
        (row,) = ledger.fleet.targets(["t1"]).values()
        ledger.fleet.put_targets([msgspec.structs.replace(row, workers=(), gone=True)])

    await store.transact(left)
    assert len((await recorded(store, result("t1", *BOTH))).recorded) == 1


async def test_result_may_wait_for_the_announcement_of_its_worker_and_nothing_is_stored() -> None:
    store = await planned("t1")
    job = await job_of(store)
    one = with_nonce(result("t1", *BOTH, worker="w9"), {job.job_id: job})
    waits = [replace(taken(one), may_wait=True)]
    batch = await store.transact(
        lambda ledger: record_results(ledger, waits, minutes(1), IntakeRules())
    )
    assert (set(batch.waiting), batch.recorded) == ({("w9", "e1", 1)}, ())
    assert batch.rejected == ()
    assert await job_of(store) == job
    held = await store.read(lambda ledger: list(ledger.results.sequences_after("w9", "e1", 0)))
    assert held == []


async def test_dispatch_that_was_never_issued_is_refused() -> None:
    store = await planned("t1")
    assert await refused(store, changed(result("t1", *BOTH), dispatch=10**9)) == "wrong_job"


@pytest.mark.parametrize(
    ("outcomes", "code"),
    [
        ((passed("c1"), passed("c99")), "unasked_check"),
        ((passed("c1"), failed("c1")), "repeated_check"),
        ((CheckOutcome(check="c1", outcome=Outcome.FAILED),), "failed_without_finding"),
        (
            (CheckOutcome(check="c1", outcome=Outcome.PASSED, findings=(finding(),)),),
            "unexpected_finding",
        ),
        ((CheckOutcome(check="c1", outcome=Outcome.ERROR),), "missing_kind"),
        ((failed("c1", finding("a"), finding("a")),), "repeated_finding"),
        ((failed("c1", *(finding(str(n)) for n in range(501))),), "too_many_findings"),
    ],
)
async def test_outcomes_that_contradict_themselves_are_refused_whole_by_name(
    outcomes: Sequence[CheckOutcome], code: str
) -> None:
    store = await planned("t1")
    assert await refused(store, result("t1", *outcomes)) == code
    assert await store.read(lambda ledger: ledger.findings.of_targets(["t1"])) == []


async def test_refused_result_does_not_stand_in_the_way_of_the_genuine_one() -> None:
    store = await planned("t1")
    forged = changed(result("t1", passed("c1"), passed("c2")), nonce="guessed")
    await recorded(store, forged)
    assert len((await recorded(store, result("t1", *BOTH))).recorded) == 1
    assert (await job_of(store)).state is JobState.DONE
    assert await watermark(store) == 1


async def test_forged_result_that_is_sent_again_is_refused_and_counted_once() -> None:
    store = await planned("t1")
    forged = changed(result("t1", *BOTH), nonce="guessed")
    assert codes(await recorded(store, forged)) == ["wrong_nonce"]
    again = await recorded(store, forged)
    assert (codes(again), again.repeated) == ([], 1)


async def test_execution_that_was_recorded_is_refused_from_any_other_message() -> None:
    store = await planned("t1")
    first = result("t1", *BOTH)
    assert len((await recorded(store, first)).recorded) == 1
    # Its outbox sends it again as it is.
    again = await recorded(store, first)
    assert (codes(again), again.repeated) == ([], 1)
    replays = [
        changed(first, sequence=2),
        changed(first, sequence=1, epoch="e2"),
        changed(first, outcomes=(passed("c1"), passed("c2"))),
    ]
    for one in replays:
        assert await refused(store, one) == "replayed"
    assert await watermark(store) == 2
    # Another execution is not: the broker may have delivered the job twice.
    second = await recorded(store, changed(first, sequence=3, execution="1-1-2"))
    assert codes(second) == []
    other = await recorded(store, changed(first, worker="w2"))
    assert codes(other) == []


async def test_of_two_messages_of_one_execution_in_a_batch_the_first_is_recorded() -> None:
    store = await planned("t1")
    first = result("t1", *BOTH)
    batch = await recorded(store, first, first, changed(first, sequence=2))
    assert (len(batch.recorded), codes(batch)) == (1, ["replayed"])
    rules = IntakeRules(exceeded=frozenset({(SITE, "w1")}))
    batch = await recorded(store, changed(first, sequence=3), rules=rules)
    assert (codes(batch), batch.dropped) == ([], {"replayed": 1})


async def test_watermark_never_reaches_a_position_that_nobody_sent() -> None:
    store = await planned("t1")
    far = changed(result("t1", *BOTH, sequence=2**62), nonce="guessed")
    await recorded(store, far)
    assert await watermark(store) == 0


async def test_sender_without_budget_leaves_nothing_behind_and_its_watermark_moves_on() -> None:
    store = await planned("t1")
    forged = changed(result("t1", *BOTH), nonce="guessed")
    rules = IntakeRules(exceeded=frozenset({(SITE, "w1")}))
    batch = await store.transact(
        lambda ledger: record_results(ledger, [taken(forged)], minutes(1), rules)
    )
    assert (batch.recorded, batch.rejected, batch.dropped) == ((), (), {"wrong_nonce": 1})
    assert await store.read(lambda ledger: ledger.results.count_rejected()) == {}
    assert await watermark(store) == 1
    # What answers its job is recorded all the same.
    job = await job_of(store)
    genuine = taken(with_nonce(result("t1", *BOTH, sequence=2), {job.job_id: job}))
    batch = await store.transact(
        lambda ledger: record_results(ledger, [genuine], minutes(1), rules)
    )
    assert len(batch.recorded) == 1


async def test_second_answer_to_a_job_is_known_to_change_nothing_and_its_bytes_are_not_kept() -> (
    None
):
    store = await planned("t1")
    await recorded(store, result("t1", *BOTH))
    again = await recorded(store, result("t1", *BOTH, sequence=2))
    assert (len(again.unused), again.repeated) == (1, 0)
