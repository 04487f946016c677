"""What ends or waits as a second coordinator, on the nats-server of STT_TEST_NATS.

`make nats-versions`; the tests of each change have the newest server alone.
"""

from __future__ import annotations

import os
from pathlib import Path

from stt_shared.errors import EXIT_USAGE
from tests.servers import nats_versions
from tests.support.processes.coordinators import connected, coordinators, exit_code

TTL_S = 6.0


async def test_a_second_coordinator_of_the_same_store_waits_from_2_11_on(tmp_path: Path) -> None:
    async with coordinators(tmp_path, ttl_s=TTL_S) as made, connected(made.broker) as bus:
        first = made.add("a", "a")
        first.start()
        epoch = (await made.holds("a")).epoch
        second = made.add("b", "a")
        second.start()
        if bus.can_fence():
            waits = await made.logged(second, "standby_waits")
            assert waits["state"].startswith("standby behind a on ")
            first.kill()
            await made.holds("b", above=epoch)
            return
        assert os.environ[nats_versions.CHOICE].startswith("2.10.")
        assert await exit_code(second) == EXIT_USAGE
        assert "another coordinator owns this installation: a on " in second.tail()
        assert "a standby needs nats-server 2.11 or newer" in second.tail()
