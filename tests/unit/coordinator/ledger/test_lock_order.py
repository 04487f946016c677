"""Transactions lock and write in one order, so that several writers never wait in a circle."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterator
from dataclasses import fields
from datetime import timedelta
from typing import Any

import pytest

from stt_coordinator.ledger.reconcile import end_all, reconcile, rewind
from stt_coordinator.ledger.results import record_results
from stt_coordinator.ledger.sorted_batch import IntakeRules
from stt_coordinator.ledger.targets import forget_targets
from stt_coordinator.ledger.unreadable import UnreadableResult, record_unreadable
from stt_coordinator.store.port import Ledger
from stt_coordinator.store.ports.results import RawResult, Rejected
from stt_shared.protocol.messages import Result
from tests.support.coordinator.coordination import NOW, QUICK, failed, passed
from tests.support.coordinator.ledgers import minutes, planned, result, taken, with_nonce

Call = tuple[str, Any]  # "aggregate.method" and its first argument
WRITES = (
    "results.add",
    "findings.put",
    "fleet.put_targets",
    "jobs.put",
    "outcomes.put",
    "history.add",
    "runs.put",
    "results.put_watermarks",
)
OF_TARGETS = ("jobs.", "outcomes.", "findings.", "fleet.")
KEYS: dict[str, Callable[[Any], object]] = {
    "results.add": lambda row: (row.worker, row.epoch, row.sequence),
    "jobs.put": lambda row: row.job_id,
    "outcomes.put": lambda row: (row.target, row.check),
    "findings.put": lambda row: row.id,
    "fleet.put_targets": lambda row: row.target,
    "runs.put": lambda row: row.run_id,
    "results.put_watermarks": lambda row: (row.worker, row.epoch),
}


class Recorder:
    """One aggregate of a ledger that notes each call."""

    def __init__(self, name: str, inner: object, calls: list[Call]) -> None:
        self._name, self._inner, self._calls = name, inner, calls

    def __getattr__(self, method: str) -> Callable[..., object]:
        def call(*arguments: Any, **named: Any) -> object:
            # Iterables are used once: the note must not take the rows from the store.
            given: list[Any] = [[*one] if isinstance(one, Iterator) else one for one in arguments]
            self._calls.append((f"{self._name}.{method}", given[0] if given else None))
            found: object = getattr(self._inner, method)(*given, **named)
            return found

        return call


def recording(ledger: Ledger, calls: list[Call]) -> Ledger:
    calls.clear()  # of a transaction that was repeated only the last try counts
    parts: dict[str, Any] = {
        one.name: Recorder(one.name, getattr(ledger, one.name), calls) for one in fields(ledger)
    }
    return Ledger(**parts)


def results_of_three_targets() -> list[Result]:
    """Two runs, two workers, outcomes of both kinds, in no order."""
    made = [
        result(
            target,
            passed("c1") if number % 2 else failed("c1"),
            failed("c2"),
            sequence=1 + number // 2,
            run_id=run_id,
            worker=f"w{1 + number % 2}",
        )
        for number, (run_id, target) in enumerate(
            (run_id, target) for run_id in ("r1", "r2") for target in ("t3", "t1", "t2")
        )
    ]
    random.Random(4).shuffle(made)  # noqa: S311  # no secret
    return made


async def calls_of(results: Collection[Result]) -> list[Call]:
    """What recording these results calls, in order."""
    store = await planned("t1", "t2", "t3", run_id="r1")
    await planned("t1", "t2", "t3", run_id="r2", store=store)
    jobs = await store.read(lambda ledger: ledger.jobs.by_id({one.job_id for one in results}))
    batch = [taken(with_nonce(one, jobs)) for one in results]
    calls: list[Call] = []
    await store.transact(
        lambda ledger: record_results(recording(ledger, calls), batch, minutes(1), IntakeRules())
    )
    return calls


def rows_of(given: Any) -> list[Any]:
    """The rows of a call that takes several or one."""
    return [*given] if isinstance(given, list) else [given]


def names(calls: Collection[Call]) -> list[str]:
    return [name for name, _ in calls]


async def test_a_batch_writes_its_tables_in_the_order_of_the_locks() -> None:
    written = [name for name in names(await calls_of(results_of_three_targets())) if name in WRITES]
    assert list(dict.fromkeys(written)) == list(WRITES)
    assert written == sorted(written, key=WRITES.index)


@pytest.mark.parametrize("table", KEYS)
async def test_a_batch_writes_the_rows_of_a_table_in_sorted_order(table: str) -> None:
    calls = await calls_of(results_of_three_targets())
    keys = [KEYS[table](row) for name, given in calls if name == table for row in rows_of(given)]
    assert len(keys) > 1
    assert keys == sorted(keys)  # type: ignore[type-var]  # each table's keys are of one type


async def test_a_batch_holds_its_targets_before_it_reads_any_row_of_them() -> None:
    calls = await calls_of(results_of_three_targets())
    held = names(calls).index("locks.targets")
    assert set(calls[held][1]) == {"t1", "t2", "t3"}
    assert not [name for name in names(calls[:held]) if name.startswith(OF_TARGETS)]


async def test_a_batch_holds_all_its_runs_before_it_counts_the_first() -> None:
    calls = await calls_of(results_of_three_targets())
    held = names(calls).index("locks.runs")
    assert set(calls[held][1]) == {"r1", "r2"}
    first = min(names(calls).index(name) for name in ("runs.get", "jobs.count_by_state"))
    assert held < first


async def test_a_batch_holds_its_outboxes_before_it_reads_their_positions() -> None:
    calls = await calls_of(results_of_three_targets())
    held = names(calls).index("locks.outboxes")
    assert list(calls[held][1]) == [("w1", "e1"), ("w2", "e1")]
    assert held < names(calls).index("results.sequences_after")


async def test_positions_of_unreadable_results_are_taken_in_sorted_order() -> None:
    store = await planned("t1")
    found = [
        UnreadableResult(
            row=Rejected(code="c", reason="r", subject="s", at=NOW, data=b""),
            position=RawResult(
                worker=worker, epoch="e1", sequence=at, job_id="", received=NOW, data=b""
            ),
        )
        for worker, at in (("w2", 1), ("w1", 2), ("w1", 1))
    ]
    calls: list[Call] = []
    await store.transact(lambda ledger: record_unreadable(recording(ledger, calls), found, NOW))
    (rows,) = [given for name, given in calls if name == "results.add"]
    assert [(row.worker, row.sequence) for row in rows] == [("w1", 1), ("w1", 2), ("w2", 1)]
    assert names(calls)[-1] == "results.put_watermarks"


@pytest.mark.parametrize("work", ["end_all", "reconcile", "rewind", "forget"])
async def test_jobs_without_a_result_are_read_again_once_their_targets_are_held(work: str) -> None:
    store = await planned("t2", "t1", run_id="r1")
    calls: list[Call] = []

    def whole(given: Ledger) -> None:
        ledger = recording(given, calls)
        if work == "end_all":
            end_all(ledger, NOW, "disabled")
        elif work == "reconcile":
            reconcile(ledger, NOW + timedelta(days=2), QUICK)
        elif work == "rewind":
            rewind(ledger, NOW - timedelta(days=2), QUICK)
        else:
            rows = given.fleet.targets(["t2", "t1"]).values()
            forget_targets(ledger, rows, NOW, by="me", reason="")

    await store.transact(whole)
    held = names(calls).index("locks.targets")
    assert set(calls[held][1]) == {"t1", "t2"}
    read = "jobs.outstanding" if work == "forget" else "jobs.by_id"
    assert held < names(calls).index(read) < names(calls).index("jobs.put")
