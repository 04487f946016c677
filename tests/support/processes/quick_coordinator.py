"""A coordinator process whose lease ends sooner than in production: `STT_TEST_LEASE_S` seconds."""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import timedelta

from stt_coordinator import service
from stt_coordinator.domain.time.timing import Timing
from stt_shared.command.options import Connection, load_settings
from stt_shared.errors import SttError
from stt_shared.lifecycle import stop_on_signals
from stt_shared.telemetry import logs


async def main() -> int:
    settings = load_settings(Connection())
    logs.configure("info", "json")
    timing = Timing(
        lease_ttl_s=float(os.environ["STT_TEST_LEASE_S"]),
        schedule_s=0.1,
        registry_s=0.05,
        summary_s=0.05,
        trouble_s=0.2,
        result_timeout=timedelta(seconds=10),
        reconcile_s=1.0,
    )
    stop = asyncio.Event()
    with stop_on_signals(stop):
        try:
            await service.run(settings, stop, timing, adopts="--adopt" in sys.argv)
        except SttError as error:
            print(f"error: {error.message}\nhint: {error.hint}", file=sys.stderr)
            return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
