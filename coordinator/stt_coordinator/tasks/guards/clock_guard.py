"""Hold ticks, retention, reconciling and the ends of suppressions while clocks disagree."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from stt_coordinator.domain.time.clocks import (
    MAX_DRIFT,
    ClockRecord,
    Reading,
    agreed,
    disagreement,
    drift,
    time_between,
)
from stt_coordinator.ledger import event_messages
from stt_coordinator.store.port import Ledger, Store
from stt_coordinator.tasks.wakeups import Wakeups
from stt_shared import clock
from stt_shared.bus.port import Bus
from stt_shared.errors import UnreachableError
from stt_shared.protocol import subjects
from stt_shared.protocol.enums import ClockState
from stt_shared.protocol.records import ClockEvent
from stt_shared.telemetry.logs import logger

# Both clocks jumped together and stay there: after this time their instant counts. A wrong step of
# a time service is corrected sooner than that.
STABLE_S = 900.0
KEPT_S = 3_600.0  # how long a record is compared with before it is renewed
START = timedelta(days=1)  # after the last run: where the mark of an earlier release's store begins
HELD = (
    "until the clocks agree no scheduled run starts, no late job is sent again, no history is"
    " deleted and no exception ends"
)
_LOG = logger("clock")

# The instant if the clocks agree, None while the caller's act has to wait.
AgreedNow = Callable[[], Awaitable[datetime | None]]


class ClockGuard:
    """Compares the clocks; `why_held` is in what they disagree, empty while they agree.

    One that does not keep compares with what the leader keeps, and writes nothing.
    """

    def __init__(
        self,
        *,
        bus: Bus,
        store: Store,
        wakeups: Wakeups,
        stable_s: float = STABLE_S,
        keeps: bool = True,
    ) -> None:
        self._keeps = keeps
        self._bus = bus
        self._store = store
        self._wakeups = wakeups
        self._stable_s = stable_s
        self._record: ClockRecord | None = None
        self._is_read = False
        self._together: Reading | None = None  # since when both clocks agree on another time
        # Several tasks ask at once: a reading must be compared with the one before it.
        self._one_at_a_time = asyncio.Lock()
        self.why_held = ""
        self.offset_s: float | None = None  # how far our clock is ahead of the server's

    @property
    def degraded(self) -> tuple[str, ...]:
        """The disagreement as a sentence of the status; empty: they agree."""
        return (f"{self.why_held}: {HELD}",) if self.why_held else ()

    async def compare(self) -> None:
        """Compare the clocks now; raises StoreError."""
        await self._compare()

    async def now(self) -> datetime | None:
        """The instant if the clocks agree, None if not; raises StoreError."""
        reading = await self._compare()
        return reading.wall if reading is not None else None

    async def mark(self) -> datetime | None:
        """The instant that retention counts from, None while it waits; raises StoreError."""
        reading = await self._compare()
        if reading is None or self._record is None:
            return None
        return agreed(self._record, reading, reading.wall).mark

    async def _compare(self) -> Reading | None:
        """The reading if the clocks agree."""
        async with self._one_at_a_time:
            reading = await self._read()
            if not self._is_read:
                self._record = await self._store.read(lambda ledger: ledger.retention.clock())
                self._is_read = self._keeps
            last = self._record.reading if self._record is not None else None
            why = disagreement(last, reading)
            is_stable = bool(why) and self._is_stable(reading)
            if is_stable:
                _LOG.warning("clock_accepted", reason=why)
                why = ""
            if not why:
                await self._keep(reading, is_new=is_stable)
            await self._tell(why, reading.wall)
            return None if why else reading

    async def _read(self) -> Reading:
        try:
            broker = await self._bus.now(subjects.STREAM_TICKS)
        except UnreachableError:
            broker = None
        # Right after the answer: what passes in between counts as a difference of the clocks.
        wall, uptime_s = clock.now(), clock.uptime()
        found = Reading(wall=wall, broker=broker, uptime_s=uptime_s, boot=clock.boot())
        self.offset_s = found.offset.total_seconds() if found.offset is not None else None
        return found

    def _is_stable(self, now: Reading) -> bool:
        """Whether both clocks have agreed with each other on another time for long enough."""
        first = self._together
        if now.broker is None or now.is_apart:
            self._together = None
            return False
        passed = time_between(first, now) if first is not None else None
        if first is None or passed is None or abs(drift(first.wall, now.wall, passed)) > MAX_DRIFT:
            self._together = now
            return False
        return passed.total_seconds() >= self._stable_s

    async def _keep(self, reading: Reading, *, is_new: bool) -> None:
        """Renew the record now and then.

        Not with each reading: a clock that runs too fast would never differ from the last one.
        """
        self._together = None
        if not self._keeps:
            return
        before = self._record
        passed = time_between(before.reading, reading) if before is not None else None
        is_young = passed is not None and passed.total_seconds() < KEPT_S
        if not is_new and (is_young or (before is not None and reading.broker is None)):
            return

        def write(ledger: Ledger) -> ClockRecord:
            last = ledger.runs.last()
            start = (last.started or last.slot) + START if last is not None else reading.wall
            record = agreed(before, reading, start)
            ledger.retention.put_clock(record)
            return record

        self._record = await self._store.transact(write)

    async def _tell(self, why: str, at: datetime) -> None:
        """An event and a line of the log when the acts begin to wait, and when they go on."""
        if bool(why) != bool(self.why_held):
            state = ClockState.HELD if why else ClockState.RELEASED
            event = ClockEvent(state=state, at=at, reason=why or self.why_held)
            message = event_messages.of_clock(event)
            if self._keeps:
                await self._store.transact(lambda ledger: ledger.outbox.add([message]))
                self._wakeups.outbox.set()
            if why:
                _LOG.error("clock_disagrees", reason=why)
            else:
                _LOG.warning("clock_agrees", reason=self.why_held)
        # Last: if the event was not stored, the next comparison writes it.
        self.why_held = why
