"""A site of real parts for tests: NATS as a coordinator prepares it, jobs, and what came back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta

from stt_shared import clock
from stt_shared.bus.jetstream import NatsOptions, connect
from stt_shared.bus.port import Bus, Inbox
from stt_shared.bus.values import Outgoing
from stt_shared.checkfile.model import Check
from stt_shared.errors import UnreachableError
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.enums import Family
from stt_shared.protocol.messages import (
    Announcement,
    CheckRef,
    ControlState,
    Job,
    Result,
    Watermark,
)

DEADLINE_S = 60.0


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not holds():  # noqa: ASYNC110  # what is waited for has no event
            await asyncio.sleep(0.05)


@dataclass
class Coordinator:
    """What a worker sees of a coordinator; `site` keeps tests apart on one NATS."""

    bus: Bus
    site: str
    results: dict[str, Result] = field(default_factory=dict)
    doubles: int = 0
    announced: list[Announcement] = field(default_factory=list)

    async def prepare(self) -> None:
        consumers = [subjects.jobs_consumer(self.site, family) for family in Family]
        await self.bus.ensure(subjects.STREAMS, [*consumers, subjects.results_consumer(1)])

    async def control(self, state: ControlState) -> None:
        subject = subjects.kv(subjects.BUCKET_CONTROL, subjects.KEY_STATE)
        await self.bus.publish([Outgoing(subject=subject, data=codec.encode(state))])
        await self.bus.send(subjects.NUDGE, b"")

    async def publish(self, jobs: Sequence[Job]) -> None:
        messages = [
            Outgoing(subject=subjects.job(job.family, job.site, job.target), data=codec.encode(job))
            for job in jobs
        ]
        receipts = await self.bus.publish(messages)
        assert {str(receipt.publication) for receipt in receipts} == {"stored"}

    def job(self, target: str, checks: Sequence[Check]) -> Job:
        now = clock.now()
        family = checks[0].family if checks else Family.POSTGRESQL
        run = f"run-{self.site}"
        return Job(
            job_id=f"{run}.{target}",
            run_id=run,
            dispatch=1,
            target=target,
            family=family,
            site=self.site,
            checks=tuple(CheckRef(check=one.name, digest=one.digest) for one in checks),
            created=now,
            expires=now + timedelta(hours=1),
        )

    async def cover(self, worker: str) -> None:
        """Say that every result so far is in the store."""
        last = max(self.results.values(), key=lambda result: result.sequence)
        mark = Watermark(worker=worker, epoch=last.epoch, sequence=last.sequence)
        subject = subjects.kv(subjects.BUCKET_WATERMARK, worker)
        await self.bus.publish([Outgoing(subject=subject, data=codec.encode(mark))])

    async def outstanding(self, target: str, family: Family = Family.POSTGRESQL) -> bool:
        subject = subjects.job(family, self.site, target)
        return await self.bus.last(subjects.STREAM_JOBS, subject) is not None

    async def take_results(self) -> None:
        consumer = subjects.results_consumer(1)
        async with self.bus.consume(consumer.stream, consumer.name, capacity=256) as inbox:
            while True:
                await self._take(inbox)

    async def _take(self, inbox: Inbox) -> None:
        deliveries = await inbox.take(100, wait=0.2)
        for delivery in deliveries:
            result = codec.decode(Result, delivery.data)
            if result.site == self.site:
                before = self.results.get(result.target)
                self.doubles += before is not None and before.sequence != result.sequence
                self.results[result.target] = result
        with suppress(UnreachableError):  # then they come again
            await inbox.ack(deliveries)

    async def listen(self) -> None:
        async with self.bus.listen(subjects.ANNOUNCEMENTS) as heard:
            async for message in heard:
                announcement = codec.decode(Announcement, message.data)
                if announcement.site == self.site:
                    self.announced += [announcement]


@asynccontextmanager
async def coordinator(url: str, site: str) -> AsyncIterator[Coordinator]:
    """An enabled coordinator of `site` that takes in results and announcements."""
    made = Coordinator(await connect(NatsOptions(servers=(url,), name="test")), site)
    await made.prepare()
    await made.control(ControlState(enabled=True))
    tasks = [asyncio.create_task(made.take_results()), asyncio.create_task(made.listen())]
    try:
        yield made
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await made.bus.close()
