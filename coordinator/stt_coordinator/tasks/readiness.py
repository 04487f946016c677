"""Whether a coordinator makes progress: tests of NATS, the store and the intake of results."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NamedTuple

from stt_coordinator.store.port import Store
from stt_coordinator.tasks.control_state import ControlStateWriter
from stt_coordinator.tasks.ingest import Ingest
from stt_coordinator.tasks.troubles import RETRYABLE
from stt_shared import clock

STEP_S = 5.0  # for each part to answer
INGEST_LATE_S = 30.0  # it turns every second while it waits, and after each batch
MS = 1_000.0


class Part(NamedTuple):
    """One part: its name, whether it makes progress, and what was seen."""

    name: str
    is_well: bool
    seen: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """Tests each part again at each call."""

    control_state: ControlStateWriter
    store: Store
    ingest: Ingest

    async def check(self) -> tuple[Part, ...]:
        """A round trip through NATS, a write into the store, and how long results have waited."""
        return (
            await _tried("nats", self.control_state.answers),
            await _tried("store", self.store.probe_write),
            self._results(),
        )

    def _results(self) -> Part:
        still_s = clock.monotonic() - self.ingest.turned
        if still_s > INGEST_LATE_S:
            return Part("results", is_well=False, seen=f"none recorded for {still_s:.0f} s")
        last = self.ingest.last
        seen = (
            f"last recorded {last:%Y-%m-%dT%H:%M:%SZ}" if last else "none received since the start"
        )
        return Part("results", is_well=True, seen=seen)


async def _tried(name: str, step: Callable[[], Awaitable[object]]) -> Part:
    begun = clock.monotonic()
    try:
        # A limit for each part: one that hangs must not hide how the others are.
        async with asyncio.timeout(STEP_S):
            await step()
    except RETRYABLE as error:
        return Part(name, is_well=False, seen=error.message)
    except TimeoutError:
        return Part(name, is_well=False, seen=f"no answer within {STEP_S:g} s")
    return Part(name, is_well=True, seen=f"answered in {MS * (clock.monotonic() - begun):.1f} ms")
