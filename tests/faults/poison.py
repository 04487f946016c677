"""A job that kills its worker ends as dead, and takes no job along that ran beside it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from stt_coordinator.local.servers.process import Running
from stt_shared.protocol.control import Verb
from stt_shared.protocol.queries.reports import RunsReply, RunsRequest
from stt_shared.protocol.records import RunRecord
from tests.servers.listeners import listening, silence
from tests.support.processes.installation import Installation, installed

TARGETS = 3
LIMIT_S = 800.0
DELIVERIES = 5  # each ends with the worker, and comes again after a lease of 60 s


@asynccontextmanager
async def poisonous(whole: Installation) -> AsyncGenerator[list[int]]:
    """Two more targets: one that answers nobody, and one whose answer is the end of the worker."""
    kills: list[int] = []
    worker = whole.workers[0]

    async def kill(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Later than the others began: the silent one is under way when the worker ends.
        await asyncio.sleep(0.5)
        kills.append(worker.kills)
        worker.kill()
        writer.close()
        worker.start()

    config = whole.folder / "w0.toml"
    async with listening(kill) as poison, listening(silence) as silent:
        for name, port in (("poison", poison), ("silent", silent)):
            one = (
                f'\n[[targets]]\nid = "{name}"\nfamily = "postgresql"\nhost = "127.0.0.1"\n'
                f'port = {port}\nuser = "u"\npassword = "env:STT_TEST_PASSWORD"\ntls = "off"\n'
            )
            config.write_text(config.read_text() + one)
        yield kills


async def ended(whole: Installation, run_id: str) -> RunRecord:
    """Wait for the end of the run, over several leases of killed workers."""
    async with asyncio.timeout(LIMIT_S):
        while True:
            (run,) = (await whole.ask(Verb.RUNS, RunsRequest(run_id=run_id), RunsReply)).runs
            if run.state == "finished":
                return run
            await asyncio.sleep(1)


@pytest.mark.timeout(900)
async def test_a_poison_job_is_given_up_and_its_neighbours_are_not(
    tmp_path: Path, postgresql: Running
) -> None:
    with installed(tmp_path, postgresql, targets=TARGETS) as whole:
        async with poisonous(whole) as kills:
            whole.start()
            await whole.targets_announced(TARGETS + 2)
            run = await ended(whole, (await whole.enable()).run_id)
            assert (run.jobs, run.done) == (TARGETS + 2, TARGETS + 2)
            found = await whole.pairs(run.run_id)
        assert 2 <= len(kills) <= DELIVERIES
        given_up = {target for target, _, end in found if "never finished" in end}
        assert given_up == {"poison"}
        assert {target for target, _, end in found if end.startswith("passed")} >= {"t0000"}
