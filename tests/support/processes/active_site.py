"""Several active coordinators on one PostgreSQL, and the invariants once they have come to rest."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from stt_coordinator.local.servers.process import Running
from stt_shared.bus.jetstream import JetStreamBus
from stt_shared.bus.values import RequestError
from stt_shared.clock import monotonic
from stt_shared.errors import UnreachableError
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.control import RunReply, RunRequest, Verb
from stt_shared.protocol.enums import Change, Family
from stt_shared.protocol.messages import CheckOutcome, Job
from stt_shared.protocol.records import FindingEvent
from tests.servers.fixtures import serving
from tests.support.coordinator.coordination import FakeWorker, ask, failed, passed
from tests.support.processes.coordinators import Coordinators, connected, coordinators, logged
from tests.support.processes.epochs import only_the_last_epoch_wrote
from tests.support.processes.invariants import streams
from tests.support.processes.process import Process
from tests.support.processes.shared_store import add, rows, started
from tests.support.shared.nats_client import one_connection

RESUME_S = 120.0  # for a request to be answered, whoever was killed
OUTSTANDING = "SELECT count(*) FROM jobs WHERE state IN ('pending', 'dispatched')"
WITHOUT_JOB = "SELECT job_id FROM results WHERE job_id NOT IN (SELECT job_id FROM jobs)"
KEPT = """
SELECT (SELECT coalesce(sum(number), 0) FROM kept_counts WHERE state IN ('open', 'accepted')),
    (SELECT count(*) FROM current_findings),
    (SELECT coalesce(sum(number), 0) FROM kept_counts WHERE state IN ('passed', 'failed')),
    (SELECT count(*) FROM current_pairs WHERE outcome IN ('passed', 'failed'))
"""


def one_fails(job: Job) -> list[CheckOutcome]:
    """The first check of each job fails with the same finding, always."""
    first, *others = job.checks
    return [failed(first.check), *(passed(ref.check) for ref in others)]


@dataclass(kw_only=True)
class ActiveSite:
    """Coordinators on one store, and one worker with many targets."""

    made: Coordinators
    server: Running
    bus: JetStreamBus
    worker: FakeWorker

    @property
    def host(self) -> str:
        return socket.gethostname()

    def add(self, name: str, *, port: int = 0, **settings: str) -> Process:
        """A coordinator with a state folder of its own, as on a machine of its own."""
        return add(self.made, self.server, name, port=port, **settings)

    async def joined_again(self, process: Process) -> None:
        """Wait until it has joined the epoch once more after it left."""

        async def has() -> bool:
            events = [one["event"] for one in logged(process)]
            return "epoch_left" in events and events[::-1].index("epoch_joined") < events[
                ::-1
            ].index("epoch_left")

        await self.made.until(has, "it to join again")

    def rows(self, query: str) -> list[tuple[object, ...]]:
        return rows(self.server, query)

    def number(self, query: str) -> int:
        ((found,),) = self.rows(query)
        assert isinstance(found, int)
        return found

    async def recorded(self, least: int) -> None:
        """Wait until so many results are in the store."""

        async def are_there() -> bool:
            return self.number("SELECT count(*) FROM results") >= least

        await self.made.until(are_there, f"{least} results in the store")

    async def leader(self, processes: Sequence[Process]) -> Process:
        """The process that the lease names."""
        record = await self.made.record()
        assert record is not None
        names = {one.environment["STT_COORDINATOR_NAME"]: one for one in processes}
        return names[record.name]

    async def run(self) -> str:
        """Request a run; its id."""
        ends = monotonic() + RESUME_S
        while True:
            try:
                reply = await ask(self.bus, Verb.RUN, RunRequest(by="test"), RunReply)
            except (UnreachableError, RequestError):  # killed meanwhile, or nobody leads yet
                assert monotonic() < ends, self.made.tails()
                await asyncio.sleep(0.1)
            else:
                return reply.run.run_id

    async def hold(self, runs: int) -> None:
        """Assert I1 to I6, I8 and I9 for `runs` runs of all targets."""
        targets = len(self.worker.targets)
        await self.made.until(self._is_at_rest, "all jobs to end and all events to leave")
        found = self.rows("SELECT convert_from(data, 'UTF8')::json ->> 'state' FROM runs")
        assert found == [("finished",)] * runs, "I1: runs did not finish"
        states = "SELECT state, count(*) FROM jobs GROUP BY state"
        assert self.rows(states) == [("done", targets * runs)], "I1: jobs without an answer"
        assert self.rows(WITHOUT_JOB) == [], "I2: results of jobs that nobody planned"
        stored = {*self.rows("SELECT worker, epoch, sequence FROM results")}
        # Before the streams are read: that leaves a consumer on each for a while.
        await only_the_last_epoch_wrote(self.made.servers, await self.made.epoch())
        on_nats = await streams(self.made.servers)
        assert set(on_nats.results.values()) <= {1}, "I2: stored twice on NATS"
        assert set(on_nats.results) <= stored, "I3: a result on NATS is not in the store"
        published = len(self.worker.published)
        assert len(stored) == published, f"I4: {len(stored)} of {published} results"
        mark = self.rows("SELECT worker, epoch, sequence FROM watermarks")
        assert mark == [(self.worker.name, self.worker.epoch, published)], "I4: the watermark"
        await self.made.watermark(self.worker.name, published - 1)
        assert set(on_nats.ticks.values()) <= {1}, f"I5: a slot with two ticks: {on_nats.ticks}"
        assert not on_nats.jobs, f"I6: jobs are left on NATS: {on_nats.jobs}"
        open_ones, findings, kept, pairs = self.rows(KEPT)[0]
        assert (open_ones, kept) == (findings, pairs) == (targets, pairs), "I8: the kept counts"
        await self._events_once(targets)

    async def _is_at_rest(self) -> bool:
        return self.number(OUTSTANDING) == 0 and self.number("SELECT count(*) FROM outbox") == 0

    async def _events_once(self, targets: int) -> None:
        async with one_connection(self.made.servers) as connection:
            stream = connection.jetstream()
            state = (await stream.stream_info(subjects.STREAM_EVENTS)).state
            messages = [
                await stream.get_msg(subjects.STREAM_EVENTS, number)
                for number in range(state.first_seq, state.last_seq + 1)
            ]
        events = [
            codec.decode(FindingEvent, one.data or b"")
            for one in messages
            if (one.subject or "").startswith(subjects.EVENTS_OF_FINDINGS.removesuffix(">"))
        ]
        counted = Counter((one.after.id, one.change) for one in events)
        assert set(counted.values()) == {1}, "I9: an event twice"
        assert {change for _, change in counted} == {Change.OPENED}, "I9: a finding ended"
        assert len(counted) == targets, f"I9: {len(counted)} events of {targets} findings"
        history = self.rows("SELECT finding FROM history")
        assert sorted(history) == sorted((id_,) for id_, _ in counted), "I9: the history"


@contextmanager
def own_server(servers_folder: Path, folder: Path) -> Generator[Running]:
    """A PostgreSQL of a test's own: the store has the schema `stt` there."""
    with serving("PostgreSQL 18", lambda: started(servers_folder, folder)) as running:
        yield running


@asynccontextmanager
async def active_site(
    folder: Path, server: Running, *, targets: int, ttl_s: float
) -> AsyncGenerator[ActiveSite]:
    """A site with `targets` targets, whose coordinators are not added yet."""
    named = tuple((f"t{number:03}", Family.MYSQL) for number in range(targets))
    async with coordinators(folder, ttl_s=ttl_s) as made, connected(made.broker) as bus:
        worker = FakeWorker(bus=bus, targets=named, answer=one_fails)
        yield ActiveSite(made=made, server=server, bus=bus, worker=worker)
