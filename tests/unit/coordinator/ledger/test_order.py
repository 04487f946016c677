"""Evidence is ordered by run and dispatch, whatever the clocks of workers and coordinator say."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stt_coordinator.domain.model import LEARNED, JobState, Order
from stt_coordinator.ledger.reconcile import end_all
from stt_coordinator.store.memory.store import MemoryStore
from stt_coordinator.store.port import Store
from stt_shared.protocol.enums import FindingState, Kind, Outcome, Severity
from stt_shared.protocol.messages import CheckOutcome, Result
from stt_shared.protocol.records import FindingRecord
from tests.support.coordinator.coordination import NOW, failed, finding, passed
from tests.support.coordinator.ledgers import (
    job_of,
    planned,
    recorded,
    result,
    run_of,
    target_of,
)

YEAR = timedelta(days=365)
clocks = st.datetimes(
    min_value=datetime(1990, 1, 1),  # noqa: DTZ001  # the strategy adds the zone
    max_value=datetime(2100, 1, 1),  # noqa: DTZ001  # the strategy adds the zone
    timezones=st.just(UTC),
)
error = CheckOutcome(check="c1", outcome=Outcome.ERROR, kind=Kind.TIMEOUT, reason="no answer")
answers = st.one_of(
    st.just(passed("c1")),
    st.just(error),
    st.lists(
        st.builds(finding, st.sampled_from("ab"), st.just(Severity.MAJOR)),
        min_size=1,
        unique_by=lambda one: one.key,
    ).map(lambda found: failed("c1", *found)),
)


async def give_up(store: Store, at: datetime = NOW) -> None:
    await store.transact(lambda ledger: end_all(ledger, at, "nobody answered"))


async def findings(store: Store) -> list[FindingRecord]:
    return await store.read(lambda ledger: ledger.findings.of_targets(["t1"]))


async def is_open(store: Store) -> bool:
    return any(one.state is not FindingState.RESOLVED for one in await findings(store))


async def order_of(store: Store) -> tuple[Order, Order | None, Outcome]:
    pairs = await store.read(lambda ledger: ledger.outcomes.of_targets(["t1"]))
    (pair,) = [one for one in pairs if one.check == "c1"]
    return pair.order, pair.verdict, pair.outcome


@pytest.mark.parametrize("ahead", [YEAR, timedelta(hours=25), timedelta(days=1_200)])
async def test_a_finding_of_a_later_run_shows_although_a_clock_was_ahead_before(
    ahead: timedelta,
) -> None:
    store = await planned("t1", run_id="r1", now=NOW + ahead)
    wrong = result("t1", passed("c1"), passed("c2"), run_id="r1", at=NOW + ahead)
    await recorded(store, wrong, now=NOW + ahead)
    await planned("t1", run_id="r2", store=store, now=NOW)
    right = result("t1", failed("c1"), passed("c2"), run_id="r2", sequence=2, at=NOW)
    await recorded(store, right, now=NOW)
    assert await is_open(store)
    assert await order_of(store) == (Order(2, 1), Order(2, 1), Outcome.FAILED)
    assert (await target_of(store)).last_started == NOW


async def test_a_late_result_of_an_earlier_run_never_overwrites_whatever_its_clock() -> None:
    store = await planned("t1", run_id="r1")
    await give_up(store)
    await planned("t1", run_id="r2", store=store)
    await recorded(store, result("t1", failed("c1"), passed("c2"), run_id="r2"), now=NOW)
    late = result("t1", passed("c1"), passed("c2"), run_id="r1", sequence=2, at=NOW + YEAR)
    await recorded(store, late, now=NOW + YEAR)
    assert await is_open(store)
    assert await order_of(store) == (Order(2, 1), Order(2, 1), Outcome.FAILED)
    assert (await job_of(store, run_id="r1")).state is JobState.DONE


async def test_an_answer_without_a_verdict_is_replaced_by_a_later_dispatch_only() -> None:
    store = await planned("t1", run_id="r1")
    again = msgspec.structs.replace(await job_of(store, run_id="r1"), dispatch=3)
    await store.transact(lambda ledger: ledger.jobs.put([again]))

    async def answer(dispatch: int, kind: Kind, at: datetime) -> str:
        one = result(
            "t1",
            CheckOutcome(check="c1", outcome=Outcome.ERROR, kind=kind),
            CheckOutcome(check="c2", outcome=Outcome.ERROR, kind=kind),
            run_id="r1",
            sequence=10 * dispatch + len(kind),
            at=at,
        )
        await recorded(store, msgspec.structs.replace(one, dispatch=dispatch), now=NOW)
        return str((await job_of(store, run_id="r1")).outcomes[0].kind)

    assert await answer(2, Kind.TIMEOUT, NOW + YEAR) == "timeout"
    assert await answer(1, Kind.AUTH, NOW + 2 * YEAR) == "timeout"
    assert await answer(3, Kind.AUTH, NOW - YEAR) == "auth"


async def test_runs_are_numbered_in_the_order_in_which_they_are_recorded() -> None:
    store = await planned("t1", run_id="ahead", now=NOW + YEAR)
    await planned("t1", run_id="behind", store=store, now=NOW - YEAR)
    found = await store.read(lambda ledger: ledger.runs.newest(9))
    assert [(one.run_id, one.number) for one in found] == [("behind", 2), ("ahead", 1)]
    last = await store.read(lambda ledger: ledger.runs.last())
    assert last is not None
    assert last.run_id == "behind"


@given(
    st.lists(st.tuples(answers, clocks, clocks, clocks), min_size=1, max_size=6),
    st.randoms(use_true_random=False),
)
def test_results_in_any_order_and_with_any_clocks_end_with_what_the_last_run_found(
    runs: list[tuple[CheckOutcome, datetime, datetime, datetime]], dice: object
) -> None:
    async def live() -> None:
        store = MemoryStore()
        results: list[tuple[Result, datetime]] = []
        for number, (answer, planned_at, looked_at, heard_at) in enumerate(runs, start=1):
            await planned("t1", run_id=f"r{number}", store=store, now=planned_at)
            # Given up first: then each job has its own result, in whatever order they come.
            await give_up(store, heard_at)
            found = result(
                "t1", answer, run_id=f"r{number}", sequence=number, epoch="e", at=looked_at
            )
            results.append((found, heard_at))
        dice.shuffle(results)  # type: ignore[attr-defined]
        for found, heard_at in results:
            await recorded(store, found, now=heard_at)
        verdicts = [answer for answer, *_ in runs if answer.outcome in LEARNED]
        expected = {one.object for one in verdicts[-1].findings} if verdicts else set()
        there = [one for one in await findings(store) if one.state is not FindingState.RESOLVED]
        assert {one.object for one in there} == expected
        order, _, outcome = await order_of(store)
        assert (order, outcome) == (Order(len(runs), 1), runs[-1][0].outcome)
        assert (await run_of(store, "r1")).done == 1

    asyncio.run(live())
