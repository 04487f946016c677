"""The key of one worker against the jobs of another worker of its site, on a real nats-server.

The workers of a site and type share a consumer, so each key can take every job of the site. Each
act here is one that its account lets through; what the coordinator makes of it is measured.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from nats.aio.client import Client
from nats.errors import NoRespondersError

from stt_coordinator.domain import plan
from stt_coordinator.store.memory.store import MemoryStore
from stt_shared.bus.jetstream import JetStreamBus
from stt_shared.bus.values import Outgoing
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.control import RunReply, RunRequest, Verb
from stt_shared.protocol.enums import Family
from stt_shared.protocol.messages import Job
from tests.support.cli.accounts_site import COORDINATOR, Site, accounts_on_nats, of_worker
from tests.support.coordinator.coordination import (
    QUICK,
    FakeWorker,
    ask,
    at_work,
    enable,
    failed,
    finished,
    passed,
    running,
    status,
    until,
)
from tests.support.shared.nats_client import one_connection

THIEF, HONEST = "STT-eu-w1", "STT-eu-w2"
CONSUMER = subjects.jobs_consumer("eu", Family.POSTGRESQL)
NEXT = f"$JS.API.CONSUMER.MSG.NEXT.{CONSUMER.stream}.{CONSUMER.name}"
SHORT = replace(QUICK, result_timeout=timedelta(milliseconds=500), announced_s=0.2)
LEFT = {  # by a test, that the next one must not find
    subjects.STREAM_JOBS: "stt.v1.job.>",
    subjects.STREAM_RESULTS: "stt.v1.result.>",
    subjects.kv_stream(subjects.BUCKET_CONTROL): "$KV.stt_control.*",
    subjects.kv_stream(subjects.BUCKET_WATERMARK): "$KV.stt_watermark.*",
}
NUMBERS = itertools.count()  # a job of the same name and second is a duplicate for the server
LIFE = timedelta(seconds=4)
HOLD = (b"+WPI", b'-NAK {"delay": 3600000000000}')  # each again and again, and once for an hour


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    workers = [of_worker("eu", "w1"), of_worker("eu", "w2")]
    with accounts_on_nats(tmp_path_factory.mktemp("within"), workers) as made:
        yield made


class Honest(FakeWorker):
    """A worker with the rights of its account, which makes no consumer."""

    async def working(self, family: Family) -> None:
        spec = subjects.jobs_consumer(self.site, family)
        async with self.bus.consume(spec.stream, spec.name, capacity=64) as inbox:
            while True:
                for delivery in await inbox.take(64, wait=0.2):
                    await self.publish(self.result(delivery))
                    await inbox.ack([delivery])


@dataclass
class Thief:
    """Pulls jobs with the key of w1 and answers each with `word`, without doing it."""

    client: Client
    word: bytes
    jobs: list[Job] = field(default_factory=list[Job])

    async def steal(self, number: int = 1_000) -> None:
        """Take up to `number` jobs, each as soon as it is there."""
        inbox = self.client.new_inbox()
        found = await self.client.subscribe(inbox)
        while len(self.jobs) < number:
            await self.client.publish(NEXT, b'{"batch":16,"expires":200000000}', reply=inbox)
            while True:
                message = await found.next_msg(timeout=5)
                if not message.reply:
                    break  # the request ended
                self.jobs.append(codec.decode(Job, message.data))
                await self.client.publish(message.reply, self.word)

    @asynccontextmanager
    async def at_it(self) -> AsyncGenerator[None]:
        task = asyncio.create_task(self.steal())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@dataclass
class Installation:
    """A coordinator, the honest worker w2, and the connection of the thief."""

    ours: JetStreamBus
    honest: Honest
    thief: Client
    targets: tuple[str, ...]

    async def run(self, *targets: str) -> str:
        request = RunRequest(by="test", targets=targets)
        return (await ask(self.ours, Verb.RUN, request, RunReply)).run.run_id

    async def says(self, *words: str) -> bool:
        text = " | ".join((await status(self.ours)).degraded)
        return all(word in text for word in words)


@asynccontextmanager
async def installed(site: Site, number: int) -> AsyncGenerator[Installation]:
    """A coordinator that is enabled; w2 announced some targets, answered once, and pauses."""
    targets = tuple(f"t{next(NUMBERS)}" for _ in range(number))
    ours, theirs = await site.bus(COORDINATOR), await site.bus(HONEST)
    names = tuple((target, Family.POSTGRESQL) for target in targets)
    honest = Honest(bus=theirs, name="w2", epoch="honest00", site="eu", targets=names)
    try:
        await ours.ensure(subjects.STREAMS, [subjects.results_consumer(1)])
        # Nothing of the test before: its jobs, its results, and that checks are enabled.
        for stream, left in LEFT.items():
            await ours.delete(stream, left, 1 << 40)
        seed = str(site.secret(THIEF))
        async with (
            running(ours, MemoryStore(), SHORT),
            one_connection(site.server.url, nkeys_seed=seed) as thief,
        ):
            made = Installation(ours, honest, thief, targets)
            async with at_work(honest):

                async def announced() -> bool:
                    return (await status(ours)).summary.counts.targets == len(targets)

                await until(announced)
                run = await finished(ours, (await enable(ours)).run_id)
                assert (run.done, run.unanswered) == (len(targets), 0)
            honest.jobs.clear()
            yield made
    finally:
        await ours.close()
        await theirs.close()


@asynccontextmanager
async def announcing(honest: Honest) -> AsyncGenerator[None]:
    """The honest worker is up, and takes no jobs."""
    task = asyncio.create_task(honest.announcing())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize("word", [b"+ACK", b"+TERM"])
async def test_jobs_that_it_takes_without_doing_go_to_the_other_worker_with_another_nonce(
    site: Site, word: bytes
) -> None:
    async with installed(site, 2) as made, announcing(made.honest):
        run_id = await made.run(*made.targets)
        thief = Thief(made.thief, word)
        await thief.steal(2)
        assert {job.target for job in thief.jobs} == set(made.targets)
        async with at_work(made.honest):
            run = await finished(made.ours, run_id)
        assert (run.done, run.unanswered) == (2, 0)
        assert {job.dispatch for job in made.honest.jobs} == {2}
        assert not {job.nonce for job in made.honest.jobs} & {job.nonce for job in thief.jobs}
        assert await made.says(
            "jobs of site eu for postgresql are not answered (2 left NATS without a result",
            "although workers are up: one of w2 ",
        )


@pytest.mark.parametrize("word", [b"+ACK", b"+TERM"])
async def test_jobs_that_it_takes_each_time_end_unanswered_and_the_site_is_named(
    site: Site, word: bytes
) -> None:
    async with installed(site, 1) as made, announcing(made.honest):
        thief = Thief(made.thief, word)
        async with thief.at_it():
            run = await finished(made.ours, await made.run(made.targets[0]))
        assert (run.done, run.unanswered) == (0, 1)
        assert len(thief.jobs) == SHORT.max_dispatches
        counts = (await status(made.ours)).summary.counts
        assert counts.not_checked == 1, "what nobody looked at is never clean"
        assert await made.says("jobs of site eu for postgresql", "2 left NATS", "1 given up")


@pytest.mark.parametrize("word", HOLD, ids=["in progress", "later"])
async def test_jobs_that_it_holds_end_when_they_expire_and_the_next_one_is_free_for_others(
    site: Site, word: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan, "LONGEST_LIFE", LIFE)
    async with installed(site, 2) as made:
        run_id = await made.run(made.targets[0])
        thief = Thief(made.thief, word)
        await thief.steal(1)
        async with at_work(made.honest):
            # It holds that job alone: the other worker gets those of other targets.
            other = await finished(made.ours, await made.run(made.targets[1]))
            assert (other.done, other.unanswered) == (1, 0)
            run = await finished(made.ours, run_id)
            assert (run.done, run.unanswered) == (0, 1)
            assert (await status(made.ours)).summary.counts.not_checked == 1
            assert await made.says("jobs of site eu for postgresql", "1 given up", "one of w2")
            again = await finished(made.ours, await made.run(made.targets[0]))
            assert (again.done, again.unanswered) == (1, 0)


async def test_what_it_forges_for_the_other_worker_is_refused_and_named(site: Site) -> None:
    async with installed(site, 1) as made:
        made.honest.answer = lambda job: [failed(ref.check) for ref in job.checks]
        async with at_work(made.honest):
            await finished(made.ours, await made.run(made.targets[0]))
        assert (await status(made.ours)).summary.counts.critical == 1
        async with announcing(made.honest):
            run_id = await made.run(made.targets[0])
            thief = Thief(made.thief, b"+ACK")
            await thief.steal(1)
            forger = FakeWorker(bus=made.ours, name="w1", epoch="thief000", site="eu")
            (job,) = thief.jobs
            clean = [passed(ref.check) for ref in job.checks]
            # Under the name of the other worker nobody takes it.
            as_other = replace_worker(forger.message(job, clean), "w2")
            with pytest.raises(NoRespondersError):
                await made.thief.request(as_other.subject, as_other.data, timeout=2)
            # Under its own name it answers a job of a target that it does not announce.
            for nonce, code in (
                ("", "no_nonce"),
                ("0" * 32, "wrong_nonce"),
                (job.nonce, "not_announced"),
            ):
                forged = forger.message(msgspec.structs.replace(job, nonce=nonce), clean)
                answer = await made.thief.request(forged.subject, forged.data, timeout=5)
                assert json.loads(answer.data)["stream"] == subjects.STREAM_RESULTS
                await until(partial_says(made, code))
            async with at_work(made.honest):
                run = await finished(made.ours, run_id)
        assert (run.done, run.unanswered) == (1, 0)
        assert (await status(made.ours)).summary.counts.critical == 1


async def test_a_target_of_the_other_worker_that_it_announces_is_named_in_the_status(
    site: Site,
) -> None:
    async with installed(site, 1) as made, announcing(made.honest):
        forger = FakeWorker(
            bus=made.ours, name="w1", epoch="thief000", site="eu", targets=made.honest.targets
        )
        await forger.announce()
        named = f"worker w1 of site eu began to announce 1 target of w2 ({made.targets[0]})"
        await until(partial_says(made, named))


def replace_worker(message: Outgoing, worker: str) -> Outgoing:
    """The message under the name of another worker, in its subject and in itself."""
    content: dict[str, Any] = json.loads(message.data)
    subject = f"{message.subject.rpartition('.')[0]}.{worker}"
    return replace(message, subject=subject, data=json.dumps(content | {"worker": worker}).encode())


def partial_says(made: Installation, word: str) -> Callable[[], object]:
    return lambda: made.says(word)
