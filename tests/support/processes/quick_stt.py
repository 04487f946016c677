"""The command `stt` with short intervals: tests wait for heartbeats and for deliveries that repeat.

`make chaos` runs the same tests with the intervals of production: STT_TEST_PACE=real.
"""

from __future__ import annotations

import os
import sys

from stt_cli.main import main
from stt_worker.outbox import sender
from stt_worker.telemetry import access, heartbeat
from tests.support.processes.deliveries import deliver_again_sooner

if __name__ == "__main__":
    heartbeat.EVERY_S = 0.5
    sender.WATERMARK_EVERY_S = 0.2
    deliver_again_sooner()
    if seconds := os.environ.get("STT_TEST_ACCESS_S"):
        access.FIRST_S = access.EVERY_S = float(seconds)
    sys.argv[0] = "stt"
    sys.exit(main())
