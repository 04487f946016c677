"""Keep the consumers of jobs, make room on streams, and free subjects of jobs that nobody gets."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Sequence

from stt_coordinator.domain.model import OUTSTANDING, JobRecord
from stt_coordinator.store.port import Store
from stt_shared.bus.port import Bus
from stt_shared.errors import ProtocolError, UnreachableError
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.enums import Family
from stt_shared.protocol.messages import Job
from stt_shared.protocol.specs import ConsumerSpec
from stt_shared.telemetry.logs import logger

SHOWN = 5  # names in a line of the log
_LOG = logger("streams")


class KeptStreams:
    """The streams, and the consumers of those who subscribe to events."""

    def __init__(self, bus: Bus, subscribers: Iterable[str]) -> None:
        self._bus = bus
        self._subscribers = [subjects.subscriber(name) for name in subscribers]
        self.degraded: tuple[str, ...] = ()  # what the server lacks, as sentences

    async def ensure(self, consumers: Sequence[ConsumerSpec]) -> None:
        """Make or correct them, and `consumers`; raises UnreachableError."""
        found = await self._bus.ensure(subjects.STREAMS, consumers)
        subscribers = "the consumers of subscribers cannot be kept"
        found = (*found, *await self._kept(self._subscribers, subscribers))
        for sentence in set(found) - set(self.degraded):
            _LOG.warning("feature_degraded", what=sentence)
        self.degraded = found

    async def keep_placeholder(self) -> None:
        """Ensure what keeps coordinators of a release before epochs from acting."""
        what = "coordinators of a release before epochs are not kept from acting"
        for sentence in await self._kept([subjects.placeholder()], what):
            _LOG.warning("feature_degraded", what=sentence)

    async def _kept(self, consumers: Sequence[ConsumerSpec], otherwise: str) -> tuple[str, ...]:
        """Ensure consumers that checks can run without; returns what is wrong, as sentences."""
        try:
            return await self._bus.ensure((), consumers)
        except UnreachableError as error:
            # Not raised: the permissions may be those of an earlier release, or their files on the
            # disk of the server are damaged. No coordinator would start for them.
            return (f"{otherwise} ({error.message})",)


class JobConsumers:
    """The consumers that the workers of each site pull their jobs from."""

    def __init__(self, bus: Bus, store: Store) -> None:
        self._bus = bus
        self._store = store
        self._kept: set[tuple[str, Family]] = set()
        self._one_at_a_time = asyncio.Lock()

    @property
    def specs(self) -> list[ConsumerSpec]:
        """Those that were ensured here."""
        return [subjects.jobs_consumer(site, family) for site, family in sorted(self._kept)]

    async def ensure(self, served: Collection[tuple[str, Family]]) -> None:
        """Make those of sites whose workers are in the store; raises UnreachableError."""
        # Without the lock a site that comes back would be noted as served while `drop_left` deletes
        # its consumers, and its workers would get no jobs until they are forgotten here.
        async with self._one_at_a_time:
            missing = set(served) - self._kept
            if not missing:
                return
            specs = [subjects.jobs_consumer(site, family) for site, family in sorted(missing)]
            await self._bus.ensure((), specs)
            # After the broker has them: what failed is tried again with the next announcement.
            self._kept |= missing

    def forget(self) -> None:
        """Ensure them again with the next announcement: the broker may have lost them."""
        self._kept.clear()

    async def drop_left(self) -> None:
        """Delete the consumers of sites without a worker; raises UnreachableError, StoreError.

        Jobs that still wait on the stream stay there: a site that comes back gets a new consumer,
        which begins with them.
        """
        async with self._one_at_a_time:
            # Read with the lock held: a site that is recorded from here on is ensured afterwards.
            workers = await self._store.read(lambda ledger: ledger.fleet.workers())
            sites = {one.site for one in workers}

            def is_left(name: str) -> bool:
                site = subjects.site_of_consumer(name)
                return site is not None and site not in sites

            dropped = await self._bus.drop(subjects.STREAM_JOBS, is_left)
            self._kept = {one for one in self._kept if one[0] in sites}
        if dropped:
            _LOG.info("consumers_deleted", consumers=len(dropped), names=list(dropped[:SHOWN]))


async def keep_usable(bus: Bus, results: ConsumerSpec, jobs: Iterable[ConsumerSpec]) -> None:
    """One round: recorded results are deleted, and jobs that no worker gets.

    The reconciler publishes such a job again: its subject is free then. Raises UnreachableError.
    """
    if trimmed := await bus.trim(results):
        _LOG.warning("results_trimmed", results=trimmed, stream=results.stream)
    for consumer in jobs:
        if freed := await bus.free(consumer):
            shown = list(freed[:SHOWN])
            _LOG.warning("jobs_freed", jobs=len(freed), consumer=consumer.name, subjects=shown)


async def free_ended(bus: Bus, store: Store, jobs: Iterable[JobRecord]) -> None:
    """Delete the messages of ended jobs that occupy the subjects of `jobs`.

    Whoever took such a message can hold it for as long as it likes, and nobody would get the next
    job of the target meanwhile. Raises StoreError and UnreachableError.
    """
    freed: list[str] = []
    for one in jobs:
        subject = subjects.job(one.family, one.site, one.target)
        found = await bus.last(subjects.STREAM_JOBS, subject)
        if found is None or not found.data:
            continue
        try:
            occupant = codec.decode(Job, found.data).job_id
        except ProtocolError:
            continue  # not ours: `keep_usable` and its age end it
        rows = await store.read(lambda ledger, id_=occupant: ledger.jobs.by_id([id_]))  # type: ignore[misc]  # bound now
        if occupant in rows and rows[occupant].state not in OUTSTANDING:
            # Up to this message: one that was published since is the next job's.
            await bus.delete(subjects.STREAM_JOBS, subject, found.sequence + 1)
            freed.append(subject)
    if freed:
        _LOG.warning("jobs_freed", jobs=len(freed), consumer="", subjects=freed[:SHOWN])


async def free_unreadable(bus: Bus, jobs: Iterable[JobRecord]) -> None:
    """Empty the queue if the server cannot read a message on a subject of `jobs`, which are late.

    It holds nothing that is not in the store: whatever gets no result by its deadline is published
    again. Raises UnreachableError.
    """
    suspects: dict[tuple[str, Family], set[str]] = {}
    for one in jobs:
        subject = subjects.job(one.family, one.site, one.target)
        suspects.setdefault((one.site, one.family), set()).add(subject)
    for (site, family), found in sorted(suspects.items()):
        if lost := await bus.free(subjects.jobs_consumer(site, family), found):
            names = list(lost[:SHOWN])
            _LOG.error("queue_damaged", jobs=len(lost), stream=subjects.STREAM_JOBS, subjects=names)
