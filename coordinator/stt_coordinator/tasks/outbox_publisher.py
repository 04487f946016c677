"""Lets out what the outbox holds, and has the summary follow what the store holds."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from stt_coordinator.domain.summary import summary
from stt_coordinator.domain.timing import Timing
from stt_coordinator.ledger import event_messages
from stt_coordinator.metrics.counters import Counters
from stt_coordinator.store.port import Ledger, Store
from stt_coordinator.tasks.control_state import ControlStateWriter
from stt_coordinator.tasks.wakeups import Wakeups
from stt_shared import clock
from stt_shared.bus.port import Bus
from stt_shared.bus.values import Outgoing, Publication
from stt_shared.errors import UnreachableError
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.enums import RunPhase
from stt_shared.protocol.messages import Instant
from stt_shared.protocol.records import Counts, RunEvent, RunRecord, Summary
from stt_shared.telemetry import traces

BATCH = 512  # messages under way before they are dropped from the outbox
FINISHED = subjects.run_event(RunPhase.FINISHED)
GONE = (Publication.STORED, Publication.DUPLICATE)

_Said = tuple[Counts, bool, Instant | None, RunRecord | None]


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
        self._said: dict[str, _Said] = {}

    async def publish(self) -> None:
        """Publish everything in the outbox in its order; raises UnreachableError if one stays."""
        while rows := await self._store.read(lambda ledger: ledger.outbox.oldest(BATCH)):
            receipts = await self._bus.publish([row.message for row in rows])
            sent = list(zip(rows, receipts, strict=True))
            for row, receipt in sent:
                self._counters.record_publication(
                    row.message.subject, stored=receipt.publication in GONE
                )
            _trace([row.message for row, receipt in sent if receipt.publication in GONE])
            gone = [row.position for row, receipt in sent if receipt.publication in GONE]
            await self._store.transact(lambda ledger, gone=gone: ledger.outbox.drop(gone))  # type: ignore[misc]  # bound now
            kept = [receipt for _, receipt in sent if receipt.publication not in GONE]
            if kept:
                raise UnreachableError(f"{len(kept)} events were not stored ({kept[0].reason})")

    async def publish_summary(self) -> None:
        """Put summaries that say something new into the outbox; at most one each `summary_s`."""
        found = await self._store.read(self._summaries)
        news = [one for one in found if self._said.get(one.site) != _said(one)]
        if news:
            await self._store.transact(lambda ledger: _enter(ledger, news))
            self._said.update((one.site, _said(one)) for one in news)
            self._wakeups.outbox.set()
        await asyncio.sleep(self._timing.summary_s)

    def _summaries(self, ledger: Ledger) -> list[Summary]:
        tallies, last_run, now = ledger.counts.tallies(), ledger.runs.last(), clock.now()
        state = self._control_state.state
        return [summary(tallies, state, last_run, now, site) for site in ("", *tallies.sites())]


def _trace(messages: Iterable[Outgoing]) -> None:
    """A run that is over is the root of its trace; told here, since a restart loses no event."""
    tracing = traces.get()
    for one in messages if tracing.on else ():
        if one.subject == FINISHED:
            run = codec.decode(RunEvent, one.data).run
            ended = run.finished or clock.now()
            tracing.root(run.run_id, run.started or ended, ended, {"jobs": run.jobs})


def _said(one: Summary) -> _Said:
    return one.counts, one.enabled, one.since, one.last_run


def _enter(ledger: Ledger, news: list[Summary]) -> None:
    ledger.outbox.add(map(event_messages.of_summary, news))
    for one in news:
        if not one.site:
            ledger.counts.put(one.as_of, one.counts)
