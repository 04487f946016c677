"""A coordinator process whose lease ends sooner than in production: `STT_TEST_LEASE_S` seconds.

A job without a result is sent again after `STT_TEST_RESULT_S` seconds. With `STT_TEST_MIGRATION`,
the path of a script, it is of a release with one more migration.
"""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import timedelta
from pathlib import Path

from stt_coordinator import coordinator, service
from stt_coordinator.domain.time.timing import Timing
from stt_coordinator.store.postgresql import schema
from stt_shared.command.options import Connection, load_settings
from stt_shared.errors import SttError
from stt_shared.lifecycle import stop_on_signals
from stt_shared.telemetry import logs
from tests.support.processes.deliveries import deliver_again_sooner

STREAMS_S = 5.0  # between two looks at streams and consumers


def add_migration(script: Path) -> None:
    newer = {**schema.migrations(), schema.newest() + 1: script}
    schema.migrations = lambda: newer  # type: ignore[assignment]  # a release that is not made yet


async def main() -> int:
    setattr(coordinator, "STREAMS_S", STREAMS_S)  # noqa: B010  # a plain assignment is refused
    deliver_again_sooner()
    if script := os.environ.get("STT_TEST_MIGRATION"):
        add_migration(Path(script))
    settings = load_settings(Connection())
    logs.configure("info", "json")
    timing = Timing(
        lease_ttl_s=float(os.environ["STT_TEST_LEASE_S"]),
        schedule_s=0.1,
        registry_s=0.05,
        summary_s=0.05,
        trouble_s=0.2,
        result_timeout=timedelta(seconds=float(os.environ.get("STT_TEST_RESULT_S", "10"))),
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
