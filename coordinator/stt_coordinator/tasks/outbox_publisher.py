"""Publish the events in the outbox, and a summary whenever its numbers change."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from stt_coordinator.domain.summary import end_of_site, summaries
from stt_coordinator.domain.time.timing import Timing
from stt_coordinator.ledger import event_messages
from stt_coordinator.metrics.counters import Counters
from stt_coordinator.store.port import Ledger, Store
from stt_coordinator.store.ports.outbox import OutboxEntry
from stt_coordinator.tasks.control_state import ControlStateWriter
from stt_coordinator.tasks.wakeups import Wakeups
from stt_shared import clock
from stt_shared.bus.port import Bus
from stt_shared.bus.values import Outgoing, Publication, Receipt
from stt_shared.errors import UnreachableError
from stt_shared.protocol import codec, event_subjects
from stt_shared.protocol.enums import RunPhase
from stt_shared.protocol.messages import Instant
from stt_shared.protocol.records import Counts, RunEvent, RunRecord, Summary
from stt_shared.telemetry import traces

BATCH = 512  # messages under way before they are dropped from the outbox
FINISHED = event_subjects.run_event(RunPhase.FINISHED)
STORED = (Publication.STORED, Publication.DUPLICATE)

Content = tuple[Counts, bool, Instant | None, RunRecord | None]


class OutboxPublisher:
    """The tasks that publish events and summaries."""

    def __init__(
        self,
        *,
        bus: Bus,
        store: Store,
        control_state: ControlStateWriter,
        wakeups: Wakeups,
        timing: Timing,
        counters: Counters | None = None,
    ) -> None:
        self._bus = bus
        self._store = store
        self._control_state = control_state
        self._wakeups = wakeups
        self._timing = timing
        self._counters = counters or Counters()
        self._published: dict[str, Content] = {}  # by site: of those with targets in the store

    async def publish(self) -> None:
        """Publish everything in the outbox in its order; raises UnreachableError if one stays."""
        while rows := await self._store.read(lambda ledger: ledger.outbox.oldest(BATCH)):
            receipts = await self._bus.publish([row.message for row in rows])
            stored: list[OutboxEntry] = []
            failed: list[Receipt] = []
            for row, receipt in zip(rows, receipts, strict=True):
                is_stored = receipt.publication in STORED
                self._counters.record_publication(row.message.subject, stored=is_stored)
                if is_stored:
                    stored.append(row)
                else:
                    failed.append(receipt)
            trace_finished_runs(row.message for row in stored)
            # After the broker has them: a row that is dropped first would be lost with the process.
            positions = [row.position for row in stored]
            # Nobody else drops them, and what others add has other positions.
            await self._store.transact_beside(
                lambda ledger, gone=positions: ledger.outbox.drop(gone)  # type: ignore[misc]  # bound now
            )
            # After the others are dropped: with the next try they would be published a second time.
            if failed:
                raise UnreachableError(f"{len(failed)} events were not stored ({failed[0].reason})")

    async def publish_summary(self) -> None:
        """Put changed summaries into the outbox, at most one of each site in `summary_s` seconds.

        Raises StoreError.
        """
        state, now = self._control_state.state, clock.now()

        def read(ledger: Ledger) -> list[Summary]:
            there = summaries(ledger.counts.tallies(), state, ledger.runs.last(), now)
            # Again here: a summary that was read before its site ended must not be the last one.
            over = sorted(self._published.keys() - {one.site for one in there})
            return [*there, *(end_of_site(site, state, now) for site in over)]

        found = await self._store.read(read)
        news = [one for one in found if self._published.get(one.site) != _content(one)]
        if news:

            def record(ledger: Ledger) -> None:
                ledger.outbox.add(map(event_messages.of_summary, news))
                for one in news:
                    if not one.site:
                        ledger.counts.put(one.as_of, one.counts)

            await self._store.transact(record)
            # After the commit: a summary that was not stored has to count as changed the next time.
            self._published.update((one.site, _content(one)) for one in news)
            for one in news:
                if one.ended:
                    del self._published[one.site]
            self._wakeups.outbox.set()
        # The limit: without it every result of a burst would be followed by a summary of each site.
        await asyncio.sleep(self._timing.summary_s)


def trace_finished_runs(messages: Iterable[Outgoing]) -> None:
    """End the root span of each run that is finished; here, since a restart loses no event."""
    tracing = traces.get()
    for one in messages if tracing.on else ():
        if one.subject == FINISHED:
            run = codec.decode(RunEvent, one.data).run
            ended = run.finished or clock.now()
            tracing.root(run.run_id, run.started or ended, ended, {"jobs": run.jobs})


def _content(one: Summary) -> Content:
    return one.counts, one.enabled, one.since, one.last_run
