"""Results enter the store exactly once in effect, in whatever order and number they come."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from stt_coordinator.domain.answers import MAX_REASON
from stt_coordinator.domain.model import JobState
from stt_coordinator.domain.summary import counts
from stt_coordinator.domain.time.timing import Timing
from stt_coordinator.ledger.reconcile import end_all, reconcile
from stt_coordinator.ledger.watermarks import PassedOver
from stt_coordinator.store.port import Store
from stt_shared.protocol.enums import Family, Kind, Outcome
from stt_shared.protocol.findings import FindingsRequest
from stt_shared.protocol.messages import CheckOutcome
from stt_shared.protocol.records import Counts
from tests.support.coordinator.coordination import failed, passed
from tests.support.coordinator.ledgers import (
    CHECKS,
    job_of,
    leaving,
    minutes,
    planned,
    recorded,
    result,
    run_of,
    target_of,
)


def unreachable(check: str) -> CheckOutcome:
    return CheckOutcome(
        check=check, outcome=Outcome.ERROR, kind=Kind.UNREACHABLE, reason="connection refused"
    )


BOTH = (failed("c1"), passed("c2"))
NEITHER = (unreachable("c1"), unreachable("c2"))


async def counted(store: Store) -> Counts:
    return counts(await store.read(lambda ledger: ledger.counts.tallies()))


async def watermark(store: Store, epoch: str = "e1") -> int | None:
    return await store.read(lambda ledger: ledger.results.watermark("w1", epoch))


async def test_result_delivered_twice_is_recorded_once() -> None:
    store = await planned("t1")
    one = result("t1", *BOTH)
    assert len((await recorded(store, one)).recorded) == 1
    events = await leaving(store, "event")
    again = await recorded(store, one)
    assert (again.recorded, again.repeated) == ((), 1)
    assert await leaving(store, "event") == events
    assert (await counted(store)) == Counts(critical=1, passed=1, targets=1, targets_checked=1)


async def test_two_workers_that_answer_one_job_are_one_answer() -> None:
    store = await planned("t1")
    await recorded(store, result("t1", *BOTH))
    events = await leaving(store, "event")
    later = result("t1", passed("c1"), passed("c2"), worker="w2", at=minutes(1))
    assert len((await recorded(store, later)).recorded) == 1
    assert await leaving(store, "event") == events
    assert (await counted(store)).critical == 1


async def test_success_replaces_an_error_of_the_same_job_and_never_the_reverse() -> None:
    store = await planned("t1")
    await recorded(store, result("t1", *NEITHER))
    assert (await counted(store)).not_checked == 2
    await recorded(store, result("t1", *BOTH, sequence=2, at=minutes(1)))
    await recorded(store, result("t1", *NEITHER, sequence=3, at=minutes(2)))
    assert (await counted(store)) == Counts(critical=1, passed=1, targets=1, targets_checked=1)


async def test_error_of_a_later_run_keeps_findings_open_and_says_why_the_target_is_unchecked() -> (
    None
):
    store = await planned("t1")
    await recorded(store, result("t1", *BOTH))
    await planned("t1", run_id="standard-2", store=store, now=minutes(60))
    await recorded(store, result("t1", *NEITHER, run_id="standard-2", sequence=2, at=minutes(61)))
    assert (await counted(store)) == Counts(critical=1, not_checked=2, targets=1)
    found, _ = await store.read(lambda ledger: ledger.findings.page(FindingsRequest()))
    assert found[0].last_confirmed == minutes(0) + timedelta(seconds=1)
    row = await target_of(store)
    assert (row.state, row.kind, row.reason) == (
        "unchecked",
        Kind.UNREACHABLE,
        "connection refused",
    )
    assert row.last_checked == minutes(0) + timedelta(seconds=1)


async def test_run_is_finished_once_with_its_last_job_and_progress_is_visible_before() -> None:
    store = await planned("t1", "t2")
    await recorded(store, result("t1", *BOTH))
    run = await run_of(store)
    assert (run.state, run.jobs, run.done) == ("running", 2, 1)
    await recorded(store, result("t2", *BOTH, sequence=2))
    run = await run_of(store)
    assert (run.state, run.done, run.unanswered) == ("finished", 2, 0)
    assert await leaving(store, "event.run") == [
        "stt.v1.event.run.started",
        "stt.v1.event.run.finished",
    ]


async def test_result_of_an_unknown_job_is_rejected_and_its_worker_need_not_keep_it() -> None:
    store = await planned("t1")
    found = await recorded(store, result("t9", *BOTH))
    assert ([one.code for _, one in found.rejected], await watermark(store)) == (["unknown_job"], 1)
    assert await store.read(lambda ledger: ledger.results.count_rejected()) == {"unknown_job": 1}


async def test_result_for_a_job_of_another_target_is_rejected() -> None:
    store = await planned("t1", "t2")
    found = await recorded(store, result("t2", *BOTH, job_id="standard-1.t1"))
    assert [one.code for _, one in found.rejected] == ["wrong_job"]
    assert (await job_of(store, "t1")).state is JobState.PENDING


async def test_check_that_the_worker_left_out_was_not_checked() -> None:
    store = await planned("t1")
    await recorded(store, result("t1", passed("c1")))
    job = await job_of(store)
    assert [(one.check, one.outcome) for one in job.outcomes] == [
        ("c1", Outcome.PASSED),
        ("c2", Outcome.ERROR),
    ]
    assert job.outcomes[1].kind is Kind.UNKNOWN_CHECK
    assert (await counted(store)).critical == 0


async def test_check_that_the_worker_left_out_for_its_size_says_so_in_bounded_words() -> None:
    store = await planned("t1")
    whole = result("t1", passed("c1"))
    await recorded(store, msgspec.structs.replace(whole, left_out="too large " * 1_000))
    job = await job_of(store)
    assert [one.kind for one in job.outcomes] == [None, Kind.TOO_LARGE]
    assert job.outcomes[1].reason == ("too large " * 1_000)[:MAX_REASON]


async def test_watermark_stops_at_a_gap_and_jumps_when_it_is_filled() -> None:
    store = await planned("t1", "t2", "t3")
    await recorded(store, result("t1", *BOTH, sequence=1), result("t3", *BOTH, sequence=3))
    assert await watermark(store) == 1
    await recorded(store, result("t2", *BOTH, sequence=2))
    assert await watermark(store) == 3


async def test_positions_that_their_worker_no_longer_has_are_passed_over_and_named() -> None:
    store = await planned("t1")
    batch = await recorded(store, result("t1", *BOTH, sequence=701, oldest=701))
    assert await watermark(store) == 701
    assert batch.passed_over == (PassedOver(worker="w1", epoch="e1", stored=0, oldest=701),)


async def test_positions_that_their_worker_still_has_are_waited_for() -> None:
    store = await planned("t1", "t2")
    batch = await recorded(store, result("t1", *BOTH, sequence=9, oldest=8))
    assert (await watermark(store), len(batch.passed_over)) == (7, 1)
    batch = await recorded(store, result("t2", *BOTH, sequence=8, oldest=8))
    assert (await watermark(store), batch.passed_over) == (9, ())


async def test_no_message_raises_a_watermark_above_the_results_of_the_store() -> None:
    store = await planned("t1")
    await recorded(store, result("t1", *BOTH, sequence=5, oldest=2**62))
    assert await watermark(store) == 5


async def test_refused_result_moves_no_watermark_past_a_gap() -> None:
    store = await planned("t1")
    await recorded(store, result("t1", *BOTH, sequence=5, oldest=5, job_id="invented.t1"))
    assert not await watermark(store)


async def test_each_epoch_of_a_worker_counts_from_one() -> None:
    store = await planned("t1", "t2")
    await recorded(store, result("t1", *BOTH, sequence=1), result("t2", *BOTH, epoch="e2"))
    assert (await watermark(store, "e1"), await watermark(store, "e2")) == (1, 1)


async def test_clock_of_a_worker_that_is_years_ahead_does_not_silence_later_results() -> None:
    store = await planned("t1")
    ahead = result("t1", *BOTH, at=minutes(60 * 24 * 3650))
    await recorded(store, ahead, now=minutes(1))
    await planned("t1", run_id="standard-2", store=store, now=minutes(60))
    clean = (passed("c1"), passed("c2"))
    await recorded(store, result("t1", *clean, run_id="standard-2", sequence=2, at=minutes(61)))
    assert (await counted(store)).critical == 0


async def test_joined_target_shares_the_result_of_the_outstanding_job() -> None:
    store = await planned("t1", "t2")
    await planned("t1", run_id="manual-1", store=store, checks=CHECKS[:1])
    assert (await job_of(store, "t1", "manual-1")).follows == "standard-1.t1"
    await recorded(store, result("t1", *BOTH))
    follower = await job_of(store, "t1", "manual-1")
    assert [one.check for one in follower.outcomes] == ["c1"]
    assert (await run_of(store, "manual-1")).state == "finished"
    assert (await run_of(store, "standard-1")).state == "running"
    assert len(await leaving(store, "event.finding")) == 1


async def gave_up(store: Store) -> None:
    timing = Timing()
    await store.transact(lambda ledger: reconcile(ledger, minutes(60), timing))


async def test_job_given_up_is_not_checked_and_a_late_result_makes_it_good() -> None:
    store = await planned("t1")
    await gave_up(store)
    run = await run_of(store)
    assert (run.state, run.unanswered) == ("finished", 1)
    row = await target_of(store)
    assert (row.state, row.kind) == ("unchecked", Kind.NO_WORKER)
    await recorded(store, result("t1", *BOTH, at=minutes(2)), now=minutes(70))
    run = await run_of(store)
    assert (run.state, run.done, run.unanswered) == ("finished", 1, 0)
    assert (await counted(store)) == Counts(critical=1, passed=1, targets=1, targets_checked=1)
    assert len(await leaving(store, "event.run.finished")) == 1


async def test_disabling_ends_what_waits_and_its_findings_stay() -> None:
    store = await planned("t1")
    await recorded(store, result("t1", *BOTH))
    await planned("t1", "t2", run_id="standard-2", store=store, now=minutes(60))
    ended = await store.transact(lambda ledger: end_all(ledger, minutes(61), "disabled"))
    assert (ended, (await run_of(store, "standard-2")).state) == (2, "finished")
    found = await counted(store)
    assert (found.critical, found.not_checked, found.targets_checked) == (1, 4, 0)
    assert (await job_of(store, "t2", "standard-2")).outcomes[0].kind is Kind.DISABLED


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
async def test_results_of_two_runs_in_any_order_leave_the_newer_one_standing(
    order: tuple[int, int],
) -> None:
    store = await planned("t1")
    await planned("t1", run_id="standard-2", store=store, now=minutes(10), checks=(*CHECKS, EXTRA))
    results = [
        result("t1", *BOTH, at=minutes(1), sequence=1),
        result("t1", passed("c1"), passed("c2"), run_id="standard-2", at=minutes(11), sequence=2),
    ]
    for index in order:
        await recorded(store, results[index], now=minutes(20))
    found = await counted(store)
    assert (found.critical, found.passed, await watermark(store)) == (0, 2, 2)


EXTRA = CHECKS[0].__class__(
    check="c3",
    family=Family.MYSQL,
    summary="",
    interval=CHECKS[0].interval,
    digest="c3",
    enabled=True,
)
