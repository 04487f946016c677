"""A coordinator process whose wall clock a test moves: by the seconds in the file STT_TEST_CLOCK.

Every module asks `stt_shared.clock` for the time, so that replacing its `now` moves them all; the
clock of NATS and CLOCK_BOOTTIME stay as they are.
"""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import datetime, timedelta
from pathlib import Path

from stt_coordinator import service
from stt_coordinator.domain.time.timing import Timing
from stt_shared import clock
from stt_shared.command.options import Connection, load_settings
from stt_shared.lifecycle import stop_on_signals
from stt_shared.telemetry import logs

OFFSET = Path(os.environ["STT_TEST_CLOCK"])
REAL_NOW = clock.now
LEASE_S = float(os.environ.get("STT_TEST_LEASE_S") or Timing().lease_ttl_s)


def moved_now() -> datetime:
    """The real time plus the offset in the file."""
    return REAL_NOW() + timedelta(seconds=float(OFFSET.read_text(encoding="ascii")))


async def main() -> None:
    settings = load_settings(Connection())
    logs.configure("info", "json")
    timing = Timing(
        lease_ttl_s=LEASE_S,
        schedule_s=0.1,
        registry_s=0.05,
        summary_s=0.05,
        trouble_s=0.2,
        clock_s=0.5,
        reconcile_s=1.0,
        prune_s=0.5,
        ends_s=0.5,
    )
    stop = asyncio.Event()
    with stop_on_signals(stop):
        await service.run(settings, stop, timing)


if __name__ == "__main__":
    setattr(clock, "now", moved_now)  # noqa: B010  # a plain assignment is refused by mypy
    sys.exit(asyncio.run(main()))
