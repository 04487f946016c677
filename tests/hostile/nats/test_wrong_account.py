"""An account of NATS that imports the announcements of another worker announces nothing for it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from stt_coordinator.local.servers import nats as embedded_nats
from stt_coordinator.store.memory.store import MemoryStore
from stt_coordinator.tasks.wakeups import Wakeups
from stt_coordinator.tasks.worker_registry import WorkerRegistry
from stt_shared import clock
from stt_shared.bus.jetstream import connect
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.messages import Announcement
from tests.servers import nats_versions
from tests.support.cli.accounts_site import COORDINATOR, Site, of_worker, printed
from tests.support.coordinator.coordination import QUICK

HEARD_S = 30.0


def announced(site: str, worker: str) -> tuple[str, bytes]:
    now = clock.now()
    announcement = Announcement(
        worker=worker, site=site, version="1", started=now, at=now, targets=(), pack=""
    )
    return subjects.announce(site, worker), codec.encode(announcement)


async def test_an_announcement_from_the_account_of_another_worker_is_refused_and_named(
    tmp_path: Path,
) -> None:
    thief = printed(tmp_path, *of_worker("eu", "w1"))
    # The mistake of an administrator: the account of w1 imports the subject of w2.
    thief = thief.replace("stt.v1.announce.eu.w1", "stt.v1.announce.us.w2")
    blocks = (printed(tmp_path, "--stt"), thief, printed(tmp_path, *of_worker("us", "w2")))
    extra = "accounts {\n" + "\n".join(blocks) + "}\n"
    server = await asyncio.to_thread(
        embedded_nats.start, tmp_path / "nats", extra=extra, binary=nats_versions.chosen()
    )
    site = Site(folder=tmp_path, server=server)
    store = MemoryStore()
    buses = [await connect(site.options(who)) for who in (COORDINATOR, "STT-eu-w1", "STT-us-w2")]
    owner, w1, w2 = buses
    registry = WorkerRegistry(bus=owner, store=store, wakeups=Wakeups(), timing=QUICK)
    await owner.ensure(subjects.STREAMS, [])
    listening = asyncio.create_task(registry.listen())
    try:
        async with asyncio.timeout(HEARD_S):
            while not registry.degraded:
                await w1.send(*announced("us", "w2"))
                await asyncio.sleep(0.1)
        await registry.record()
        assert await store.read(lambda ledger: ledger.fleet.workers()) == []
        (sentence,) = registry.degraded
        assert sentence.endswith("of worker w2 at site us: account STT-eu-w1 sent them")
        async with asyncio.timeout(HEARD_S):
            while not await store.read(lambda ledger: ledger.fleet.workers()):
                await w2.send(*announced("us", "w2"))
                await asyncio.sleep(0.1)
                await registry.record()
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        for bus in buses:
            await bus.close()
        await asyncio.to_thread(server.stop)
