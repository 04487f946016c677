"""A disk that really is full, under the coordinator's store and under a worker's outbox."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from stt_coordinator.local.servers.process import Running
from stt_shared.clock import monotonic
from stt_shared.protocol.control import RunReply, RunRequest, Verb
from tests.support.processes.installation import Installation, installed
from tests.support.processes.small_disk import fill, small_disk

TIMEOUT_S = 60.0
POLL_S = 0.1
FULL = "database or disk is full"


async def until(holds: Callable[[], bool], installation: Installation) -> None:
    deadline = monotonic() + TIMEOUT_S
    while not holds():
        assert monotonic() < deadline, installation.tails()
        await asyncio.sleep(POLL_S)


async def at_work(installation: Installation) -> None:
    installation.start()
    await installation.targets_announced(2)
    await installation.enable()
    await installation.finished((await installation.run()).run_id)


async def test_a_full_disk_of_the_coordinator_is_named_loses_nothing_and_passes(
    postgresql: Running, tmp_path: Path
) -> None:
    with (
        small_disk(tmp_path / "coordinator") as disk,
        installed(tmp_path, postgresql, targets=2) as installation,
    ):
        await at_work(installation)
        known = (await installation.status()).summary.counts
        filler = fill(disk)
        with pytest.raises(AssertionError, match=FULL):
            await installation.ask(Verb.RUN, RunRequest(by="test"), RunReply, is_patient=False)

        # Looking works, and says what is wrong and what to do.
        deadline = monotonic() + TIMEOUT_S
        while FULL not in " ".join((status := await installation.status()).degraded):
            assert monotonic() < deadline, installation.tails()
            await asyncio.sleep(POLL_S)
        assert "make room on the disk" in " ".join(status.degraded)
        assert status.summary.counts == known

        filler.unlink()
        while (await installation.status()).degraded:
            assert monotonic() < deadline, installation.tails()
            await asyncio.sleep(POLL_S)
        run = await installation.finished((await installation.run()).run_id)
        assert (run.jobs, run.done) == (2, 2)
        await installation.at_rest()


async def test_a_full_disk_of_a_worker_puts_jobs_back_and_leaves_it_up(
    postgresql: Running, tmp_path: Path
) -> None:
    with (
        small_disk(tmp_path / "w0") as disk,
        installed(tmp_path, postgresql, targets=2) as installation,
    ):
        await at_work(installation)
        await installation.at_rest()
        (worker,) = installation.workers
        fill(disk)
        await installation.run()
        await until(lambda: worker.tail().count('"job_postponed"') >= 2, installation)
        assert FULL in worker.tail()
        (seen,) = (await installation.status()).workers
        assert seen.state == "up"
        assert worker.child is not None
        assert worker.child.poll() is None
