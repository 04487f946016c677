"""A whole installation of real processes that can be killed at any moment, and what it left."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import nats
from nats.errors import Error as NatsError

from stt_coordinator.control.handler_context import ErrorCode
from stt_coordinator.local.servers import nats as embedded_nats
from stt_coordinator.local.servers.process import Running
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.control import (
    NO_LEADER,
    NO_STORE,
    Empty,
    RunReply,
    RunRequest,
    StatusReply,
    SwitchReply,
    SwitchRequest,
    Verb,
)
from stt_shared.protocol.messages import Value
from stt_shared.protocol.queries.reports import ReportReply, ReportRequest, RunsReply, RunsRequest
from stt_shared.protocol.records import FindingEvent, RunRecord
from tests.support.processes.broker import Broker, UnavailableError
from tests.support.processes.process import STT, Process
from tests.support.processes.stores import SharedStore, hasten
from tests.support.shared.nats_client import everything, one_connection

M = TypeVar("M", bound=Value)

SETTLE_S = 300.0  # how long an installation may take to come to rest after its last fault
POLL_S = 0.2
# The command, and the words before its own.
QUICK = (sys.executable, "-m", "tests.support.processes.quick_stt")
PROGRAM, *PACE = (STT,) if os.environ.get("STT_TEST_PACE") == "real" else QUICK


@dataclass(kw_only=True)
class Installation:
    """NATS, one coordinator and some workers, with the targets they serve."""

    broker: Broker
    folder: Path
    coordinator: Process
    store: SharedStore | None = None  # None: in the state folder
    standbys: list[Process] = field(default_factory=list[Process])  # with the same store
    workers: list[Process] = field(default_factory=list[Process])

    @property
    def processes(self) -> list[Process]:
        """All of them, coordinators first."""
        return [self.coordinator, *self.standbys, *self.workers]

    def start(self) -> None:
        for process in self.processes:
            process.start()

    @property
    def servers(self) -> list[str]:
        """The addresses of NATS."""
        return self.broker.url.split(",")

    async def ask(
        self, verb: Verb, request: Value, reply: type[M], *, is_patient: bool = True
    ) -> M:
        """Ask until the coordinator answers, however often it is being killed.

        If `is_patient`, it is asked again while NATS or its store do not answer, too.
        """
        deadline = asyncio.get_running_loop().time() + SETTLE_S
        while True:
            try:
                return codec.decode(reply, await self._request(verb, codec.encode(request)))
            except (NatsError, OSError, TimeoutError, UnavailableError) as error:
                if not is_patient and isinstance(error, UnavailableError):
                    raise
                if asyncio.get_running_loop().time() > deadline:
                    raise AssertionError(
                        f"no answer to {verb}: {self.coordinator.tail()}"
                    ) from error
                await asyncio.sleep(POLL_S)

    async def _request(self, verb: Verb, data: bytes) -> bytes:
        async with one_connection(self.servers, connect_timeout=2, error_cb=_ignore) as connection:
            reply = await connection.request(subjects.control(verb), data, timeout=10)
        headers = reply.headers or {}
        fault, code = headers.get("Nats-Service-Error"), headers.get("Nats-Service-Error-Code")
        if code in {NO_LEADER, NO_STORE}:  # as if nobody answered: a leader is on its way
            raise TimeoutError(fault)
        if code == ErrorCode.UNAVAILABLE:
            raise UnavailableError(fault)
        assert fault is None, fault
        return reply.data

    async def enable(self) -> SwitchReply:
        request = SwitchRequest(by="test", reason="faults")
        return await self.ask(Verb.ENABLE, request, SwitchReply)

    async def run(self) -> RunRecord:
        return (await self.ask(Verb.RUN, RunRequest(by="test"), RunReply)).run

    async def status(self) -> StatusReply:
        return await self.ask(Verb.STATUS, Empty(), StatusReply)

    async def targets_announced(self, number: int) -> None:
        """Wait until the coordinator knows `number` targets."""
        await self._until(lambda status: status.summary.counts.targets >= number, "targets")

    async def _until(self, holds: object, what: str) -> StatusReply:
        assert callable(holds)
        deadline = asyncio.get_running_loop().time() + SETTLE_S
        while True:
            status = await self.status()
            if holds(status):
                return status
            late = asyncio.get_running_loop().time() > deadline
            assert not late, f"no {what}: {status}\n{self.tails()}"
            await asyncio.sleep(POLL_S)

    async def finished(self, run_id: str) -> RunRecord:
        """Wait until every job of a run is in the store."""
        deadline = asyncio.get_running_loop().time() + SETTLE_S
        while True:
            reply = await self.ask(Verb.RUNS, RunsRequest(run_id=run_id), RunsReply)
            if reply.runs and reply.runs[0].state == "finished":
                return reply.runs[0]
            late = asyncio.get_running_loop().time() > deadline
            assert not late, f"run not finished: {reply}\n{self.tails()}"
            await asyncio.sleep(POLL_S)

    async def pairs(self, run_id: str) -> Counter[tuple[str, str, str]]:
        """How often each (target, check, outcome with its reason) stands in a run's report."""
        found: Counter[tuple[str, str, str]] = Counter()
        after = ""
        while True:
            request = ReportRequest(run_id=run_id, after=after)
            page = await self.ask(Verb.REPORT, request, ReportReply)
            found.update(
                (r.target, r.check, f"{r.outcome} {r.reason}".strip()) for r in page.results
            )
            after = page.next
            if not after:
                return found

    async def events(self) -> list[FindingEvent]:
        """Every finding event that the broker has stored."""
        connection = await nats.connect(self.servers, error_cb=_ignore)
        try:
            found = await everything(connection, subjects.STREAM_EVENTS)
        finally:
            await connection.close()
        return [
            codec.decode(FindingEvent, message.data)
            for message in found
            if message.subject.startswith(f"{subjects.ROOT}.event.finding.")
        ]

    async def at_rest(self) -> None:
        """Wait until no worker holds a result that the watermark does not cover."""
        await self._until(
            lambda status: (
                status.workers and all(w.state == "up" and w.outbox == 0 for w in status.workers)
            ),
            "rest",
        )

    def stored_results(self) -> int:
        """How many raw results lie in the coordinator's store."""
        return int(self.rows("SELECT count(*) FROM results")[0][0])

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What the coordinators' store answers; `query` is for SQLite and PostgreSQL."""
        if self.store is not None:
            return self.store.rows(query)
        database = next((self.folder / "coordinator").glob("*.db"))
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
            return connection.execute(query).fetchall()

    def tails(self) -> str:
        started = [process for process in self.processes if process.child is not None]
        return "\n".join(process.tail() for process in started)


async def _ignore(_error: Exception) -> None:
    """A broker that dies is what these tests are about."""


def targets_toml(database: Running, number: int) -> str:
    """A list of `number` targets that are all one PostgreSQL server."""
    one = (
        '[[targets]]\nid = "t{:04}"\nfamily = "postgresql"\nhost = "{}"\nport = {}\n'
        'user = "{}"\npassword = "env:STT_TEST_PASSWORD"\ntls = "off"\n'
    )
    return "\n".join(
        one.format(index, database.host, database.port, database.user) for index in range(number)
    )


@contextmanager
def installed(
    folder: Path,
    database: Running,
    *,
    targets: int,
    workers: int = 1,
    standbys: int = 0,
    broker: Broker | None = None,
    store: SharedStore | None = None,
    lease_s: float = 0.0,
) -> Iterator[Installation]:
    """An installation with its own broker, or `broker`; nothing but the broker is started.

    With `lease_s` coordinators have a lease of that length, and send a lost job again after 10 s.
    """
    broker = broker or embedded_nats.start(folder / "nats")
    environment = os.environ | {
        "STT_NATS_URL": broker.url,
        "STT_COORDINATOR_STATE_DIR": str(folder / "coordinator"),
        "STT_LOG_FORMAT": "json",
        "STT_TEST_PASSWORD": database.password,
    }
    named = {f"s{number}": {"STT_COORDINATOR_NAME": f"s{number}"} for number in range(standbys)}
    coordinators = [
        Process(
            program=PROGRAM,
            command=[*PACE, "coordinator"],
            environment=environment | mine,
            log=folder / f"{log}.log",
        )
        for log, mine in {"coordinator": dict[str, str](), **named}.items()
    ]
    for one in coordinators:
        if store is not None:
            store.share(one)
        elif lease_s:
            hasten(one, lease_s)
    whole = Installation(
        broker=broker,
        folder=folder,
        coordinator=coordinators[0],
        standbys=coordinators[1:],
        store=store,
    )
    for number in range(workers):
        name = f"w{number}"
        config = folder / f"{name}.toml"
        config.write_text(targets_toml(database, targets))
        mine = {"STT_WORKER_NAME": name, "STT_WORKER_STATE_DIR": str(folder / name)}
        whole.workers.append(
            Process(
                program=PROGRAM,
                command=[*PACE, "worker", "--config", str(config)],
                environment=environment | mine,
                log=folder / f"{name}.log",
            )
        )
    try:
        yield whole
    finally:
        try:
            codes = [process.stop() for process in reversed(whole.processes)]
        finally:
            broker.stop()
    assert set(codes) <= {0}, (codes, whole.tails())
