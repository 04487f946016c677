"""What one release back does beside a coordinator of this one, and what status says of it.

The messages of that release are recorded; `make older-release` tries its code from the history.
"""

from __future__ import annotations

import pytest

from stt_coordinator.local.servers.process import Running
from stt_coordinator.store.memory.store import MemoryStore
from stt_shared.errors import UnreachableError
from stt_shared.protocol import subjects
from stt_shared.protocol.enums import Family
from stt_shared.protocol.specs import ConsumerSpec
from tests.support.coordinator.coordination import (
    QUICK,
    SITE,
    FakeWorker,
    at_work,
    enable,
    finished,
    running,
    status,
    until,
)
from tests.support.coordinator.older_release import VERSION, OlderWorker
from tests.support.coordinator.on_nats import connected

TARGETS = (("t1", Family.MYSQL), ("t2", Family.MYSQL))
NAMED = f"w1 (site {SITE}, version {VERSION}); upgrade them"
STOLEN = "results of jobs that their sender was not given, its credential may be stolen"


@pytest.mark.parametrize("required", [True, False], ids=["required", "not required"])
async def test_a_worker_of_an_older_release_is_named_with_what_happens_to_its_results(
    broker: Running, *, required: bool
) -> None:
    async with (
        connected(broker) as ours,
        connected(broker) as theirs,
        running(ours, MemoryStore(), QUICK, require_nonce=required),
    ):
        rule = f"are {'refused' if required else 'accepted'} because results.require_nonce is"
        sentence = f"workers of an older release send no nonce, their results {rule}"

        async def problems() -> str:
            return "\n".join((await status(ours)).degraded)

        async def is_named() -> bool:
            return sentence in await problems()

        async with at_work(OlderWorker(bus=theirs, targets=TARGETS)):
            await until(is_named)
            run_id = (await enable(ours)).run_id
            (worker,) = (await status(ours)).workers
            assert (worker.version, worker.sends_nonce) == (VERSION, False)
            assert NAMED in await problems()
            if required:

                async def is_counted() -> bool:
                    return "no_nonce" in await problems()

                await until(is_counted)
                assert "as workers of an older release send them" in await problems()
            else:
                run = await finished(ours, run_id)
                assert (run.done, run.unanswered) == (2, 0)
                assert "rejected messages" not in await problems()
            assert STOLEN not in await problems()
        async with at_work(FakeWorker(bus=theirs, targets=TARGETS, sequence=9)):

            async def is_gone() -> bool:
                return "older release send no nonce, their" not in await problems()

            await until(is_gone)
            (worker,) = (await status(ours)).workers
            assert worker.sends_nonce


async def test_a_coordinator_of_an_older_release_gets_no_consumer_of_results(
    broker: Running,
) -> None:
    """Before it has one it starts no task and answers no request."""
    older = ConsumerSpec(
        stream=subjects.STREAM_RESULTS,
        name="aggregator",
        max_ack_pending=subjects.MAX_UNACKED_RESULTS,
    )
    async with connected(broker) as ours, connected(broker) as theirs:
        # Its own consumer, of before the upgrade, is succeeded.
        await theirs.ensure(subjects.STREAMS, [older])
        async with running(ours, MemoryStore()):
            with pytest.raises(UnreachableError, match="ack policy can not be updated"):
                await theirs.ensure((), [older])
        # After its end too: another one may take over at any moment.
        with pytest.raises(UnreachableError, match="ack policy can not be updated"):
            await theirs.ensure((), [older])
        async with running(ours, MemoryStore()):
            assert (await status(ours)).degraded == ()
