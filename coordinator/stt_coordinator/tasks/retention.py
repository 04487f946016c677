"""The ages of retention, and the task that deletes older rows in small steps."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

from stt_coordinator.store.port import Store
from stt_coordinator.store.ports.retention import Before
from stt_coordinator.tasks.guards.clock_guard import AgreedNow
from stt_shared.telemetry.logs import logger

AUDIT = timedelta(days=1_100)  # who did what: three years and a quarter
BATCH_ROWS = 200  # dropped in one transaction
PAUSE_S = 0.05  # between two of them: whoever waits for the store is served
_LOG = logger("retention")


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionLimits:
    """How long runs, results, events and resolved findings are kept; and how long days are."""

    full: timedelta = timedelta(days=30)
    daily: timedelta = timedelta(days=400)

    def before(self, now: datetime) -> Before:
        """What is too old at `now`; a day goes no earlier than what is kept of it in full."""
        daily = max(self.full, self.daily)
        return Before(full=now - self.full, daily=now - daily, audit=now - AUDIT)


async def prune(store: Store, retention: RetentionLimits, mark: AgreedNow) -> None:
    """Drop all that is older than its limit, BATCH_ROWS at a time, each in its transaction.

    `mark` is the instant that ages count from, None while retention waits. It moves no faster than
    time passes: with the clock itself one wrong reading would delete the history.
    """
    at = await mark()
    if at is None:
        return
    # Once for all steps: rows that come of age meanwhile would keep the loop from its end.
    before = retention.before(at)
    dropped: Counter[str] = Counter()
    while True:
        batch = await store.transact(lambda ledger: ledger.retention.prune(before, BATCH_ROWS))
        dropped.update(batch)
        if sum(batch.values()) < BATCH_ROWS:
            break
        await asyncio.sleep(PAUSE_S)
    numbers = {kind: number for kind, number in dropped.items() if number}
    if numbers:
        _LOG.info("rows_pruned", **numbers)
