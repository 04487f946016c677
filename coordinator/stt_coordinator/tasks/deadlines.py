"""Do what the clock makes due: end suppressions, and reconcile jobs without a result."""

from __future__ import annotations

from datetime import timedelta

from stt_coordinator.domain.target_life import absent
from stt_coordinator.domain.time.timing import Timing
from stt_coordinator.ledger import suppressions, targets
from stt_coordinator.ledger.reconcile import LIMIT, reconcile, rewind
from stt_coordinator.store.port import Store
from stt_coordinator.tasks.guards.clock_guard import AgreedNow
from stt_coordinator.tasks.guards.silent_takers import SilentTakers
from stt_coordinator.tasks.stream_upkeep import free_ended, free_unreadable
from stt_coordinator.tasks.wakeups import Wakeups
from stt_shared import clock
from stt_shared.bus.port import Bus
from stt_shared.telemetry.logs import logger

_LOG = logger("deadlines")


async def end_suppressions(store: Store, wakeups: Wakeups, agreed_now: AgreedNow) -> None:
    """End all suppressions that are over, and remind of those that end soon; raises StoreError.

    While clocks disagree none ends: an end is an event that nobody takes back.
    """
    now = await agreed_now()
    if now is None:
        return
    due = suppressions.LIMIT
    # In limited transactions: ingest waits while one is open.
    while due == suppressions.LIMIT:
        due = await store.transact(lambda ledger: suppressions.end_due(ledger, now))
        if due:
            _LOG.info("suppressions_ended", suppressions=due)
            wakeups.store_changed()


async def forget_absent(store: Store, wakeups: Wakeups, mark: AgreedNow, grace: timedelta) -> None:
    """Forget discovered targets that nobody has announced for `grace`; raises StoreError.

    Their time is that of retention, and waits with it: nobody takes back what is deleted.
    """
    at = await mark()
    if at is None:
        return
    # A transaction that writes would have all others of the store wait: mostly there is nothing.
    gone = await store.read(lambda ledger: ledger.fleet.gone(targets.MAX_GONE))
    begins, over = absent(gone, at, grace)
    if not begins and not over:
        return
    due = targets.MAX_ABSENT
    while due == targets.MAX_ABSENT:
        left = await store.transact(
            lambda ledger: targets.forget_absent(ledger, clock.now(), at, grace)
        )
        due = len(left)
        if left:
            _LOG.warning("targets_forgotten", targets=due, first=left[0])
            wakeups.store_changed()


async def reconcile_jobs(
    bus: Bus,
    store: Store,
    timing: Timing,
    agreed_now: AgreedNow,
    *,
    wakeups: Wakeups,
    takers: SilentTakers,
) -> None:
    """Publish all jobs again that have no result by their deadline, or give them up.

    Deadlines that a wrong clock set are corrected first. While clocks disagree nothing is given up.
    Raises StoreError and UnreachableError.
    """
    now = await agreed_now()
    if now is None:
        return
    ahead = LIMIT
    while ahead == LIMIT:
        ahead = await store.transact(lambda ledger: rewind(ledger, now, timing))
        if ahead:
            _LOG.warning("deadlines_corrected", jobs=ahead)
            wakeups.store_changed()
    late = LIMIT
    while late == LIMIT:
        done = await store.transact(lambda ledger: reconcile(ledger, now, timing))
        takers.note_given_up(done.given_up)
        late = done.number
        if late:
            _LOG.warning("jobs_reconciled", jobs=late)
            wakeups.store_changed()
        # After the commit: the message of a job that may still be answered must not go.
        await free_ended(bus, store, done.given_up)
        await free_unreadable(bus, done.kept)
