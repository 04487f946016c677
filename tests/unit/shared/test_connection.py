"""The watchdog is fed only while the service works and its connection to NATS moves."""

from __future__ import annotations

import pytest

from stt_shared.bus.memory import MemoryBroker, MemoryBus
from stt_shared.connection import STALLED_S, Progress


class Hanging(MemoryBus):
    """A bus whose client has stopped for `seconds`."""

    seconds = 0.0

    def stalled_s(self) -> float:
        return self.seconds


async def test_a_client_of_nats_that_hangs_is_no_progress_and_one_that_is_tried_again_is() -> None:
    done: list[str] = []

    async def work() -> None:
        done.append("work")

    progress = Progress(work)
    await progress()  # NATS may come later than the service
    bus = Hanging(MemoryBroker())
    progress.bus = bus
    bus.seconds = STALLED_S - 1
    await progress()
    bus.seconds = STALLED_S + 1
    with pytest.raises(OSError, match="the connection to NATS has hung for 61 s"):
        await progress()
    assert done == ["work"] * 3


async def test_work_that_fails_is_no_progress_whatever_nats_does() -> None:
    async def broken() -> None:
        raise OSError("read only")

    with pytest.raises(OSError, match="read only"):
        await Progress(broken)()
