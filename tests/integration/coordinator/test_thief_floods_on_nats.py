"""Floods of one worker's credential on a real nats-server: invented targets, burned message ids."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path

from stt_coordinator.local.servers.process import Running
from stt_coordinator.store.sqlite.store import open_store
from stt_shared.bus.jetstream import JetStreamBus
from stt_shared.bus.values import Outgoing, Publication
from stt_shared.protocol import subjects
from stt_shared.protocol.control import RunReply, RunRequest, Verb
from stt_shared.protocol.enums import Family
from tests.support.coordinator.coordination import (
    QUICK,
    SITE,
    FakeWorker,
    ask,
    at_work,
    enable,
    finished,
    running,
    status,
    until,
)
from tests.support.coordinator.on_nats import connected

INVENTED, ROUNDS = 10_000, 9  # targets of an announcement, and announcements: 90,000 names
MOST = 2_000  # limits.worker_targets
QUICK_AGAIN = replace(QUICK, result_timeout=timedelta(seconds=1), announced_s=0.3)


async def says(bus: JetStreamBus, sentence: str) -> bool:
    return any(sentence in one for one in (await status(bus)).degraded)


async def announced(bus: JetStreamBus, targets: int) -> bool:
    return (await status(bus)).summary.counts.targets == targets


async def test_ninety_thousand_invented_targets_are_bounded_and_named_and_others_are_checked(
    broker: Running, tmp_path: Path
) -> None:
    async with connected(broker) as ours, connected(broker) as theirs:
        store = await open_store(tmp_path)
        thief = FakeWorker(bus=theirs, name="w9", epoch="e9")
        honest = FakeWorker(bus=ours)
        try:
            async with running(ours, store, QUICK_AGAIN), at_work(honest):
                await until(partial(announced, ours, 1))
                await finished(ours, (await enable(ours)).run_id)
                for number in range(ROUNDS):
                    names = [f"x{number}-{n}" for n in range(INVENTED + number)]
                    thief.targets = tuple((name, Family.MYSQL) for name in names)
                    await thief.announce()
                    sentence = f"worker w9 announces {len(names)} targets, "
                    await until(partial(says, ours, sentence))
                request = RunRequest(by="test", targets=("t1",))
                run = (await ask(ours, Verb.RUN, request, RunReply)).run
                assert (await finished(ours, run.run_id)).done == 1
                rows = await store.read(lambda ledger: ledger.fleet.all_targets())
        finally:
            await store.close()
    # Gone ones included: names that come and go fill the store no faster.
    assert len(rows) <= MOST + 1
    assert {job.target for job in honest.jobs} == {"t1"}


@dataclass(kw_only=True)
class Burned(FakeWorker):
    """A worker before whose next result the thief publishes garbage with the id of that result.

    As a real worker it takes what the server calls a duplicate for stored.
    """

    thief: JetStreamBus
    is_burning: bool = False
    duplicates: int = 0

    async def publish(self, message: Outgoing) -> None:
        if self.is_burning:
            self.is_burning = False
            own = subjects.result(Family.MYSQL, SITE, "mine", "w9")
            (receipt,) = await self.thief.publish([replace(message, subject=own, data=b"garbage")])
            assert receipt.publication is Publication.STORED
        (receipt,) = await self.bus.publish([message])
        self.duplicates += receipt.publication is Publication.DUPLICATE


async def test_a_burned_message_id_costs_one_dispatch_and_no_verdict(
    broker: Running, tmp_path: Path
) -> None:
    """The thief knows more than it can: the outbox and the position of the next result."""
    async with connected(broker) as ours, connected(broker) as theirs:
        store = await open_store(tmp_path)
        honest = Burned(bus=ours, thief=theirs)
        try:
            async with running(ours, store, QUICK_AGAIN), at_work(honest):
                await until(partial(announced, ours, 1))
                await finished(ours, (await enable(ours)).run_id)
                honest.is_burning = True
                request = RunRequest(by="test", targets=("t1",))
                run = (await ask(ours, Verb.RUN, request, RunReply)).run
                done = await finished(ours, run.run_id)
        finally:
            await store.close()
    assert (done.done, done.unanswered, honest.duplicates) == (1, 0, 1)
    assert [job.dispatch for job in honest.jobs if job.run_id == run.run_id] == [1, 2]
