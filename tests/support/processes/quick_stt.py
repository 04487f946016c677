"""The command `stt` with short intervals: tests wait for heartbeats and for deliveries that repeat.

`make chaos` runs the same tests with the intervals of production: STT_TEST_PACE=real.
"""

from __future__ import annotations

import sys
from datetime import timedelta

from stt_cli.main import main
from stt_shared.bus.jetstream import consumer
from stt_shared.protocol.specs import ConsumerSpec
from stt_worker.outbox import sender
from stt_worker.telemetry import heartbeat

ACK_WAIT = timedelta(seconds=20)  # after which a job of a killed worker is delivered again

if __name__ == "__main__":
    heartbeat.EVERY_S = 0.5
    sender.WATERMARK_EVERY_S = 0.2
    setattr(consumer, "KEEP_ALIVE", ACK_WAIT / 4)  # noqa: B010  # a name that it imports
    defaults = ConsumerSpec.__init__.__kwdefaults__
    assert defaults is not None
    assert "ack_wait" in defaults
    defaults["ack_wait"] = ACK_WAIT
    sys.argv[0] = "stt"
    sys.exit(main())
