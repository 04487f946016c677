"""Invented workers and sites on a real nats-server: as many consumers as sites may be known."""

from __future__ import annotations

from pathlib import Path

import pytest

from stt_coordinator import coordinator
from stt_coordinator.domain.intake import names
from stt_coordinator.local.servers.process import Running
from stt_shared.protocol import subjects
from stt_shared.protocol.control import RunReply, RunRequest, Verb
from stt_shared.protocol.enums import Family
from tests.support.coordinator.coordination import (
    FakeWorker,
    ask,
    at_work,
    enable,
    finished,
    status,
    until,
)
from tests.support.coordinator.on_nats import connected, coordinating
from tests.support.shared.nats_client import one_connection

SITES, INVENTED = 12, 400


async def test_invented_sites_bring_no_consumers_beyond_the_limit_and_the_genuine_site_works(
    broker: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(names, "MAX_SITES", SITES)
    # Consumers are ensured anew each time: no round may add others.
    monkeypatch.setattr(coordinator, "STREAMS_S", 0.2)
    async with (
        connected(broker) as ours,
        connected(broker) as theirs,
        coordinating(ours, tmp_path),
        at_work(FakeWorker(bus=ours)),
    ):

        async def is_announced() -> bool:
            return (await status(ours)).summary.counts.targets == 1

        await until(is_announced)
        await enable(ours)
        for number in range(INVENTED):
            family = (("x" + str(number), Family.MYSQL), ("y" + str(number), Family.POSTGRESQL))
            one = FakeWorker(
                bus=theirs, name=f"x{number}", epoch=f"e{number}", site=f"s{number}", targets=family
            )
            await one.announce()

        async def is_named() -> bool:
            sentence = f"{SITES} sites are known, the limit: "
            return any(sentence in found for found in (await status(ours)).degraded)

        await until(is_named)
        reply = await ask(ours, Verb.RUN, RunRequest(by="test", targets=("t1",)), RunReply)
        assert (await finished(ours, reply.run.run_id)).done == 1, "the genuine site is served"
        async with one_connection(broker.url) as client:
            found = await client.jetstream().consumers_info(subjects.STREAM_JOBS)
        assert len(found) <= SITES * 2
