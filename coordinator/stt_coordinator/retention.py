"""How long the store keeps what: the constants, and the task that keeps to them."""

from __future__ import annotations

from datetime import timedelta

from stt_coordinator.store.port import Before, Store
from stt_shared import clock
from stt_shared.telemetry.logs import logger

RUNS = timedelta(days=400)  # runs, their jobs and the outcomes in them
RAW = timedelta(days=30)  # results and refused messages as they came
HISTORY = timedelta(days=400)  # events, resolved findings and hourly counts
AUDIT = timedelta(days=1_100)  # who did what: three years and a quarter
_LOG = logger("retention")


async def prune(store: Store) -> None:
    """Drop what is older than its limit."""
    now = clock.now()
    before = Before(runs=now - RUNS, raw=now - RAW, history=now - HISTORY, audit=now - AUDIT)
    dropped = await store.transact(lambda ledger: ledger.prune(before))
    said = {kind: number for kind, number in dropped.items() if number}
    if said:
        _LOG.info("old rows dropped", **said)
