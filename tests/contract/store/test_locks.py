"""What every store guarantees of the locks of a transaction."""

from __future__ import annotations

from stt_coordinator.store.port import Ledger, Store
from tests.support.coordinator.store_rows import run, target


async def test_locks_may_be_taken_again_and_of_what_does_not_exist(store: Store) -> None:
    def write(ledger: Ledger) -> list[str]:
        for _ in range(2):
            ledger.locks.targets(["t2", "t1"])
            ledger.locks.runs(["standard-1"])
            ledger.locks.outboxes([("w1", "e1")])
            ledger.locks.history()
            ledger.locks.counts()
        ledger.locks.targets([])
        ledger.fleet.put_targets([target("t1")])
        ledger.runs.put(run("standard-1"))
        return [row.target for row in ledger.fleet.all_targets()]

    # Twice: the locks of the first transaction end with it.
    assert await store.transact(write) == ["t1"]
    assert await store.transact(write) == ["t1"]
