"""The disk of the only nats-server is full under a run: with room and a restart, all goes on.

Part of `make chaos`.
"""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from stt_coordinator.local.servers import nats as embedded_nats
from stt_coordinator.local.servers.process import Running
from stt_shared.errors import EXIT_UNREACHABLE
from tests.support.processes.cluster import JETSTREAM
from tests.support.processes.commands import stt
from tests.support.processes.installation import installed
from tests.support.processes.invariants import hold
from tests.support.processes.small_disk import fill, small_disk
from tests.support.processes.two_runs import recorded, until

TARGETS = 40
LEASE_S = 6.0
DISK = "48m"
FULL = "no space left on device"
# What nats-server says while it stores nothing: nothing.
REFUSED = re.compile("no acknowledgement within|no answer in time")


async def refusal(broker: Running, *words: str) -> str:
    """What a command prints once nobody leads."""
    while True:
        done = await asyncio.to_thread(stt, *words, STT_NATS_URL=broker.url)
        if "no coordinator leads on NATS" in done.stderr:
            assert done.returncode == EXIT_UNREACHABLE
            print(f"stt {words[0]}: {done.stderr}")
            return done.stderr


@pytest.mark.timeout(600)
async def test_a_full_disk_of_the_only_server_delays_jobs_and_loses_none(
    tmp_path: Path, postgresql: Running
) -> None:
    folder = tmp_path / "nats"
    with small_disk(folder / "data", DISK) as disk:
        broker = embedded_nats.start(folder, extra=JETSTREAM.format(folder=folder), temporary=False)
        with installed(
            tmp_path, postgresql, targets=TARGETS, workers=2, lease_s=LEASE_S, broker=broker
        ) as whole:
            whole.start()
            await whole.targets_announced(TARGETS)
            runs = [(await whole.enable()).run_id]
            await recorded(whole, TARGETS // 4)
            filler = fill(disk)
            await until(lambda: FULL in broker.log.read_text(errors="replace"), "a full disk")
            for words in (("status",), ("run", "--by", "test")):
                refused = await refusal(broker, *words)
                assert "epoch 1: the lease was not renewed for" in refused, refused
                assert REFUSED.search(refused), refused
            # One that starts now cannot lead: it answers why.
            assert whole.coordinator.stop() == 0
            whole.coordinator.start()
            refused = await refusal(broker, "status")
            assert "standby since" in refused, refused
            assert REFUSED.search(refused), refused
            filler.unlink()
            broker.restart()
            runs += [(await whole.run()).run_id for _ in range(2)]
            await whole.finished(runs[-1])
            await hold(whole, runs, TARGETS)
