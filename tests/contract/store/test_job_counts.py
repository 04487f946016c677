"""What jobs count for in the report of their run is what their outcomes say, in every store."""

from __future__ import annotations

import random

import pytest

from stt_coordinator.control.queries.run_counts import run_counts, suppressor_of
from stt_coordinator.domain.reported import results_of_job
from stt_coordinator.domain.run_counts import added
from stt_coordinator.store.port import Ledger, Store
from stt_shared.protocol.enums import Outcome, Severity
from stt_shared.protocol.messages import CheckOutcome, Finding
from stt_shared.protocol.records import Counts
from stt_shared.report.counts import of_results
from tests.support.coordinator.answered_jobs import LABELS, answered, suppressions
from tests.support.coordinator.store_rows import job, run, target

CRITICAL = Finding(key="a", severity=Severity.CRITICAL, summary="something")
TRIVIAL = Finding(key="b", severity=Severity.TRIVIAL, summary="something")
TARGETS = tuple(f"t{number:02}" for number in range(30))


def whole(ledger: Ledger) -> Counts:
    """From all outcomes of all jobs."""
    jobs = ledger.jobs.of_run("standard-1", "", 99)
    suppressor = suppressor_of(ledger, jobs)
    return of_results(
        result for one in jobs for result in results_of_job(one, {}, run(), suppressor)
    )


@pytest.mark.parametrize("seed", range(12))
async def test_a_run_is_counted_as_from_all_its_outcomes(store: Store, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311  # repeatable rows, no secret

    def fill(ledger: Ledger) -> None:
        ledger.runs.put(run())
        ledger.fleet.put_targets([target(name, labels=dice.choice(LABELS)) for name in TARGETS])
        ledger.jobs.put(answered(dice, name) for name in TARGETS[:-1])
        ledger.jobs.put([answered(dice, "t00", "standard-2"), job(TARGETS[-1])])

    await store.transact(fill)
    assert await store.read(lambda ledger: run_counts(ledger, run())) == await store.read(whole)
    # Named ones alone first, as most are; then those that could be for every target.
    rules = suppressions(dice, TARGETS, 12)
    for some in ([one for one in rules if one.target], rules):
        await store.transact(lambda ledger, some=some: ledger.suppressions.put(some))  # type: ignore[misc]  # bound now
        counts = await store.read(lambda ledger: run_counts(ledger, run()))
        assert counts == await store.read(whole)


async def test_a_job_that_is_answered_again_counts_as_it_was_answered_last(store: Store) -> None:
    dice = random.Random(1)  # noqa: S311  # as above
    first, second = answered(dice, "t1"), answered(dice, "t1")
    assert first.outcomes != second.outcomes
    for one in (job("t1"), first, second):
        await store.transact(lambda ledger, one=one: ledger.jobs.put([one]))  # type: ignore[misc]  # bound now
        counts = await store.read(lambda ledger: run_counts(ledger, run()))
        assert counts == await store.read(whole)
    await store.transact(lambda ledger: ledger.jobs.put([job("t1"), job("t2")]))
    assert await store.read(lambda ledger: run_counts(ledger, run())) == Counts()


async def test_counts_and_findings_are_those_of_the_run_and_of_the_targets_asked_for(
    store: Store,
) -> None:
    found = CheckOutcome(check="c1", outcome=Outcome.FAILED, findings=(CRITICAL, TRIVIAL, TRIVIAL))
    passed = CheckOutcome(check="c1", outcome=Outcome.PASSED)

    def write(ledger: Ledger) -> None:
        ledger.jobs.put(job(name, outcomes=(found,)) for name in ("t1", "t2"))
        ledger.jobs.put([job("t3", outcomes=(passed,)), job("t1", "standard-2", outcomes=(found,))])

    await store.transact(write)
    counts = await store.read(lambda ledger: ledger.jobs.counts_of_run("standard-1"))
    one = Counts(critical=1, trivial=1, targets=1, targets_checked=1)
    assert added((row, number) for row, number in counts if row == one) == added([(one, 2)])
    assert sum(number for _, number in counts) == 3
    for asked, names in ((None, ["t1", "t2"]), (["t2", "t3", "t9"], ["t2"]), ([], [])):
        failed = await store.read(
            lambda ledger, asked=asked: ledger.jobs.failed_of_run("standard-1", asked)  # type: ignore[misc]  # bound now
        )
        assert sorted(row.target for row in failed) == names
        assert all(row.checks == {"c1": (1, 0, 1)} and row.site == "eu" for row in failed)
