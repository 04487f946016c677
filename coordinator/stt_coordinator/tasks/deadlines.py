"""Do what the clock makes due: end suppressions, and reconcile jobs without a result."""

from __future__ import annotations

from stt_coordinator.domain.timing import Timing
from stt_coordinator.ledger import suppressions
from stt_coordinator.ledger.reconcile import LIMIT, reconcile, rewind
from stt_coordinator.store.port import Store
from stt_coordinator.tasks.wakeups import Wakeups
from stt_shared import clock
from stt_shared.telemetry.logs import logger

_LOG = logger("deadlines")


async def end_suppressions(store: Store, wakeups: Wakeups) -> None:
    """End all suppressions that are over, and remind of those that end soon; raises StoreError."""
    due = suppressions.LIMIT
    # In limited transactions: ingest waits while one is open.
    while due == suppressions.LIMIT:
        now = clock.now()
        due = await store.transact(lambda ledger, now=now: suppressions.end_due(ledger, now))  # type: ignore[misc]  # bound now
        if due:
            _LOG.info("suppressions_ended", suppressions=due)
            wakeups.store_changed()


async def reconcile_jobs(store: Store, wakeups: Wakeups, timing: Timing) -> None:
    """Publish all jobs again that have no result by their deadline, or give them up.

    Deadlines that a wrong clock set are corrected first. Raises StoreError.
    """
    ahead = LIMIT
    while ahead == LIMIT:
        now = clock.now()
        ahead = await store.transact(lambda ledger, now=now: rewind(ledger, now, timing))  # type: ignore[misc]  # bound now
        if ahead:
            _LOG.warning("deadlines_corrected", jobs=ahead)
            wakeups.store_changed()
    late = LIMIT
    while late == LIMIT:
        now = clock.now()
        late = await store.transact(lambda ledger, now=now: reconcile(ledger, now, timing))  # type: ignore[misc]  # bound now
        if late:
            _LOG.warning("jobs_reconciled", jobs=late)
            wakeups.store_changed()
