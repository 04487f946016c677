"""Several coordinators of one installation, each a process, and what their broker has stored."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nats.errors
from nats.js.api import RawStreamMsg
from nats.js.errors import NotFoundError

from stt_coordinator.lease.nats import STREAM, SUBJECT
from stt_coordinator.lease.record import LeaseRecord
from stt_coordinator.local.servers import nats as embedded_nats
from stt_coordinator.local.servers.process import HOST
from stt_shared.bus.jetstream import JetStreamBus, NatsOptions, connect
from stt_shared.clock import monotonic
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.messages import Watermark
from tests.servers import nats_versions
from tests.servers.listeners import listening
from tests.support.processes.broker import Broker
from tests.support.processes.process import Process
from tests.support.shared.nats_client import one_connection

LIMIT_S = 60.0
BLOCK_BYTES = 65_536


@dataclass
class BlackHole:
    """A proxy that holds back what goes through while it is closed, and lets it out afterwards."""

    target: int
    port: int = 0
    opened: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back, forth = await asyncio.open_connection(HOST, self.target)
        await asyncio.gather(self._hand_on(reader, forth), self._hand_on(back, writer))

    async def _hand_on(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(BLOCK_BYTES):
                await self.opened.wait()
                sink.write(data)
                await sink.drain()
        except OSError:
            pass  # its other end has hung up
        finally:
            sink.close()
            with suppress(OSError):
                await sink.wait_closed()


@dataclass(kw_only=True)
class Coordinators:
    """A broker, and coordinators whose folders may be copies of one store."""

    broker: Broker
    folder: Path
    ttl_s: float
    hole: BlackHole
    processes: list[Process] = field(default_factory=list[Process])

    @property
    def servers(self) -> list[str]:
        """The addresses of NATS."""
        return self.broker.url.split(",")

    def add(
        self,
        name: str,
        state: str,
        *words: str,
        through_hole: bool = False,
        ttl_s: float = 0.0,
        **settings: str,
    ) -> Process:
        """A coordinator that is not started yet; `state` is the name of its folder.

        `settings` are further variables of its environment.
        """
        url = f"nats://{HOST}:{self.hole.port}" if through_hole else self.broker.url
        process = Process(
            command=["-m", "tests.support.processes.quick_coordinator", *words],
            program=sys.executable,
            environment=os.environ
            | {
                "STT_NATS_URL": url,
                "STT_COORDINATOR_NAME": name,
                "STT_COORDINATOR_STATE_DIR": str(self.folder / state),
                "STT_TEST_LEASE_S": str(ttl_s or self.ttl_s),
                "STT_WEB_LISTEN": "",
            }
            | settings,
            log=self.folder / f"{name}.log",
        )
        self.processes.append(process)
        return process

    def copy_store(self, source: str, target: str) -> None:
        """A copy of a stopped coordinator's folder: the same store on another machine."""
        shutil.copytree(self.folder / source, self.folder / target)

    async def record(self) -> LeaseRecord | None:
        found = await self._stored(STREAM, SUBJECT)
        return codec.decode(LeaseRecord, found.data or b"") if found is not None else None

    async def renewals(self) -> int:
        """A number that each renewal of the lease raises."""
        found = await self._stored(STREAM, SUBJECT)
        return (found.seq or 0) if found is not None else 0

    async def _stored(self, stream: str, subject: str) -> RawStreamMsg | None:
        async with one_connection(self.servers, connect_timeout=2) as connection:
            try:
                return await connection.jetstream().get_last_msg(stream, subject, direct=True)
            except NotFoundError:
                return None

    async def holds(self, name: str, above: int = 0) -> LeaseRecord:
        """Wait until that coordinator has written that it holds the lease."""

        async def does() -> LeaseRecord | None:
            found = await self.record()
            held = found is not None and found.holder and found.name == name
            return found if held and found is not None and found.epoch > above else None

        record: LeaseRecord = await self.until(does, f"{name} to hold the lease")
        return record

    async def watermark(self, worker: str, above: int) -> int:
        """Wait until the watermark of a worker is published, and higher than `above`."""

        async def is_higher() -> int:
            subject = subjects.kv(subjects.BUCKET_WATERMARK, worker)
            found = await self._stored(subjects.kv_stream(subjects.BUCKET_WATERMARK), subject)
            sequence = codec.decode(Watermark, found.data or b"").sequence if found else 0
            return sequence if sequence > above else 0

        sequence: int = await self.until(is_higher, f"the watermark of {worker}")
        return sequence

    async def logged(self, process: Process, event: str) -> dict[str, Any]:
        """Wait for a line of a process's log."""

        async def line() -> dict[str, Any] | None:
            return next((one for one in reversed(logged(process)) if one["event"] == event), None)

        found: dict[str, Any] = await self.until(line, f"{event} in {process.log.name}")
        return found

    def tails(self) -> str:
        started = [one for one in self.processes if one.child is not None]
        return "\n".join(f"{one.log.name}: {one.tail()}" for one in started)

    async def epoch(self) -> int:
        """The epoch of the lease's record."""
        found = await self.record()
        assert found is not None
        return found.epoch

    async def until(self, holds: Callable[[], Any], what: str) -> Any:
        ends = monotonic() + LIMIT_S
        while True:
            try:
                found = await holds()
            except (OSError, nats.errors.Error):
                found = None
            if found:
                return found
            assert monotonic() < ends, f"waited for {what}: {self.tails()}"
            await asyncio.sleep(0.05)


def logged(process: Process) -> list[dict[str, Any]]:
    lines = process.log.read_text(errors="replace").splitlines() if process.log.exists() else []
    return [json.loads(line) for line in lines if line.startswith("{")]


def pause(process: Process) -> None:
    assert process.child is not None
    process.child.send_signal(signal.SIGSTOP)


def resume(process: Process) -> None:
    assert process.child is not None
    process.child.send_signal(signal.SIGCONT)


async def exit_code(process: Process) -> int:
    assert process.child is not None
    return await asyncio.to_thread(process.child.wait, LIMIT_S)


@asynccontextmanager
async def coordinators(
    folder: Path, *, ttl_s: float, cluster: Broker | None = None
) -> AsyncGenerator[Coordinators]:
    """An installation without coordinators yet; all of them end with the block.

    Its broker is `cluster`, or one of its own.
    """
    broker = cluster or embedded_nats.start(folder / "nats", binary=nats_versions.chosen())
    hole = BlackHole(broker.port)
    hole.opened.set()
    try:
        async with listening(hole.take) as hole.port:
            made = Coordinators(broker=broker, folder=folder, ttl_s=ttl_s, hole=hole)
            try:
                yield made
            finally:
                hole.opened.set()
                for process in made.processes:
                    if process.child is not None and process.child.poll() is None:
                        process.child.send_signal(signal.SIGCONT)
                        process.kill()
    finally:
        if cluster is None:
            broker.stop()


@asynccontextmanager
async def connected(broker: Broker) -> AsyncGenerator[JetStreamBus]:
    bus = await connect(NatsOptions(servers=tuple(broker.url.split(",")), name="test"))
    try:
        yield bus
    finally:
        await bus.close()
