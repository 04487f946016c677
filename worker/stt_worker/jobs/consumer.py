"""Takes jobs from NATS while there is room for them; at the end it lets running jobs finish."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager, suppress
from typing import Protocol

from stt_shared import clock
from stt_shared.backoff import LAST_PAUSE_S, Backoff
from stt_shared.bus.port import Bus, Inbox
from stt_shared.bus.values import Delivery
from stt_shared.errors import UnreachableError
from stt_shared.lifecycle import background_task, cancelled, pause
from stt_shared.protocol import subjects
from stt_shared.protocol.enums import Family
from stt_shared.telemetry.logs import log_crash, logger
from stt_worker.execution.admission import Admission, AdmissionQueue, DrainingError

TAKE_WAIT_S = 1.0  # a fetch is never cancelled, so this is also how late `stop` is noticed
PUT_BACK_S = 2.0
CRASH_DELAY_S = 10.0  # before a job is delivered again whose task an internal error ended
_LOG = logger("consumer")

HELD_PER_PERMIT = 4  # a job that waits for its result to be stored has no permit, but is held


class Admit(Protocol):
    """Admits a target, alone if it must be."""

    def __call__(
        self, target: str, *, alone: bool = False
    ) -> AbstractAsyncContextManager[Admission]:
        """See `AdmissionQueue.admit`."""
        ...


Serve = Callable[[Delivery, Inbox, Family, Admit], Awaitable[None]]


class Consumer:
    """Takes the jobs of `site`, a consumer for each family; at most `concurrency` run at once.

    `serve` waits for admission before the part of its work that loads a database.
    """

    def __init__(
        self, *, bus: Bus, site: str, concurrency: int, grace_s: float, serve: Serve
    ) -> None:
        self._bus = bus
        self._site = site
        self._capacity = concurrency * HELD_PER_PERMIT
        self._grace_s = grace_s
        self._serve = serve
        self._queue = AdmissionQueue(concurrency)
        self._jobs: dict[asyncio.Task[None], tuple[Delivery, Inbox]] = {}
        self._room = asyncio.Event()
        self._room.set()
        self._stop = asyncio.Event()

    @property
    def running(self) -> int:
        """The number of jobs that were admitted and have not ended."""
        return self._queue.running

    async def run(self, families: Callable[[], Iterable[Family]], stop: asyncio.Event) -> None:
        """Serve the families that `families` returns until `stop` is set; then drain."""
        self._stop = stop
        async with asyncio.TaskGroup() as group:
            for family in Family:
                group.create_task(self._serve_family(family, families), name=f"take {family}")
            await stop.wait()
            # At `stop`, not after the jobs: those that wait for admission must go to other workers.
            self._queue.drain()

    async def _serve_family(self, family: Family, families: Callable[[], Iterable[Family]]) -> None:
        """Serve a family while it has targets; retry with backoff while its consumer is missing."""
        backoff = Backoff()
        while not self._stop.is_set():
            if family in families():
                started = clock.monotonic()
                try:
                    await self._consume(family, families)
                except UnreachableError as error:
                    _LOG.debug("consumer_failed", family=family, reason=error.message)
                if clock.monotonic() - started > LAST_PAUSE_S:
                    backoff.reset()
            await pause(backoff.next_s(), self._stop)

    async def _consume(self, family: Family, families: Callable[[], Iterable[Family]]) -> None:
        """Take jobs while there is room; at the end let them finish within the grace time."""
        name = subjects.jobs_consumer(self._site, family).name
        opened = self._bus.consume(subjects.STREAM_JOBS, name, capacity=self._capacity)
        async with opened as inbox:
            try:
                while not self._stop.is_set() and family in families():
                    # Never more than there is room for: a job that is taken and waits here is kept
                    # from others.
                    free = self._capacity - len(self._jobs)
                    if free <= 0:
                        self._room.clear()
                        # A bounded wait: `stop` has to be noticed although no job ends.
                        with suppress(TimeoutError):
                            async with asyncio.timeout(TAKE_WAIT_S):
                                await self._room.wait()
                        continue
                    for delivery in await inbox.take(free, wait=TAKE_WAIT_S):
                        work = self._run_job(delivery, inbox, family)
                        job = background_task(work, "job", log_crash)
                        self._jobs[job] = delivery, inbox
                        # A callback: a task that is cancelled before it starts runs no `finally`.
                        job.add_done_callback(self._forget_job)
            finally:
                # Inside the block: deliveries can be acknowledged only while the inbox is open.
                mine = {job: held[0] for job, held in self._jobs.items() if held[1] is inbox}
                if mine:
                    _, late = await asyncio.wait(mine, timeout=self._grace_s)
                    # Cancelled before they are put back: else two workers would run the same job.
                    await cancelled(late)
                    for job in late:
                        await _put_back(mine[job], inbox)

    async def _run_job(self, delivery: Delivery, inbox: Inbox, family: Family) -> None:
        try:
            await self._serve(delivery, inbox, family, self._queue.admit)
        except DrainingError:
            await _put_back(delivery, inbox)
        except Exception as error:  # noqa: BLE001  # an edge: no job may end the worker
            # Put back, not left: a lease that is renewed for ever would keep the job for ever.
            _LOG.error("job_interrupted", subject=delivery.subject, error=repr(error))
            await _put_back(delivery, inbox, CRASH_DELAY_S)

    def _forget_job(self, job: asyncio.Task[None]) -> None:
        del self._jobs[job]
        self._room.set()


async def _put_back(delivery: Delivery, inbox: Inbox, delay_s: float = 0.0) -> None:
    """Have a job delivered again, by default at once; if that fails, its lease expires."""
    with suppress(UnreachableError, TimeoutError):
        async with asyncio.timeout(PUT_BACK_S):
            await inbox.retry(delivery, delay=delay_s)
