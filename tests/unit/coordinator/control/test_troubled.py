"""While nobody can lead, a coordinator that waits answers why; where one leads it is silent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from stt_coordinator.control import troubled
from stt_coordinator.control.troubled import answer_while_troubled
from stt_coordinator.lease import fence
from stt_coordinator.lease.election import Election
from stt_coordinator.lease.fence import FencedBus, Fences
from stt_coordinator.lease.memory import Held
from stt_coordinator.lease.port import View
from stt_coordinator.lease.releases import older_acts
from stt_coordinator.lease.term import Term
from stt_coordinator.store.port import StoreError
from stt_shared.bus.memory import MemoryBroker, MemoryBus
from stt_shared.bus.values import Request, RequestError
from stt_shared.errors import NobodyAnswersError, SttError, UnreachableError
from stt_shared.lifecycle import cancelled
from stt_shared.protocol import subjects
from stt_shared.protocol.control import NO_LEADER, NO_STORE, Verb
from tests.support.coordinator.elections import A, election

STATUS = subjects.control(Verb.STATUS)
FULL = "the lease cannot be taken (no acknowledgement within 5 s)"
LIMIT_S = 30.0


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(troubled, "ANSWERS_AFTER_S", 0.1)


class Refusing:
    """The lease of a server that reads and stores nothing while `is_full`."""

    def __init__(self, one: Election) -> None:
        self.is_full, self._real = True, one.lease.inspect
        self.error: SttError = UnreachableError(FULL)

    async def inspect(self) -> View:
        if self.is_full:
            raise self.error
        return await self._real()


@asynccontextmanager
async def waiting(
    broker: MemoryBroker, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[tuple[Refusing, asyncio.Task[object]]]:
    """A coordinator that NATS does not let lead, and the end of its waiting."""
    one = election(broker.connect(), Held(), A, folder)
    refusing = Refusing(one)
    monkeypatch.setattr(one.lease, "inspect", refusing.inspect)
    winning: asyncio.Task[object] = asyncio.create_task(one.won(asyncio.Event()))
    answering = asyncio.create_task(answer_while_troubled(one))
    try:
        yield refusing, winning
    finally:
        await cancelled([answering, winning])


async def refusal(bus: MemoryBus) -> RequestError:
    """The error that a request for the status is answered with, once it is."""
    async with asyncio.timeout(LIMIT_S):
        while True:
            try:
                await bus.request(STATUS, b"{}", timeout=LIMIT_S)
            except NobodyAnswersError:
                await asyncio.sleep(0.02)
            except RequestError as error:
                return error


async def test_a_coordinator_that_cannot_lead_answers_why_until_it_leads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker = MemoryBroker()
    bus = broker.connect()
    async with waiting(broker, tmp_path, monkeypatch) as (refusing, winning):
        error = await refusal(bus)
        assert error.code == NO_LEADER
        assert error.message.startswith("a, standby since ")
        assert error.message.endswith(f": {FULL}")
        assert not await older_acts(bus), "another one that waits must not wait for this one"
        refusing.is_full = False
        assert await asyncio.wait_for(winning, LIMIT_S) is not None
        async with asyncio.timeout(LIMIT_S):
            while True:
                try:
                    await bus.request(STATUS, b"{}", timeout=0.2)
                except NobodyAnswersError:
                    break
                except (RequestError, UnreachableError):
                    await asyncio.sleep(0.02)


async def test_a_coordinator_whose_store_does_not_answer_says_so_and_not_that_nats_refuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker = MemoryBroker()
    async with waiting(broker, tmp_path, monkeypatch) as (refusing, _):
        refusing.error = StoreError("cannot connect to the store (connection refused)")
        async with asyncio.timeout(LIMIT_S):
            while (error := await refusal(broker.connect())).code != NO_STORE:
                assert error.code == NO_LEADER
        assert error.message.endswith(": cannot connect to the store (connection refused)")


async def test_the_answer_of_a_leader_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def leads(_: Request) -> bytes:
        return b"the leader"

    broker = MemoryBroker()
    bus = broker.connect()
    async with waiting(broker, tmp_path, monkeypatch):
        await refusal(bus)
        async with broker.connect().serve({STATUS: leads}):
            for _ in range(5):
                assert await bus.request(STATUS, b"{}", timeout=LIMIT_S) == b"the leader"


async def test_a_holder_whose_lease_is_not_renewed_answers_why_and_nothing_once_it_is_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fence, "ANSWERS_AFTER_S", 0.01)
    at = 1_000.0
    term = Term(7, begun=at, ttl_s=15.0, uptime=lambda: at)
    broker = MemoryBroker()
    bus, run = broker.connect(), subjects.control(Verb.RUN)

    async def leads(_: Request) -> bytes:
        return b"done"

    async with FencedBus(broker.connect(), term, Fences(bus)).serve({STATUS: leads, run: leads}):
        assert await bus.request(STATUS, b"{}", timeout=LIMIT_S) == b"done"
        at += 60
        term.trouble = "no acknowledgement within 5 s"
        with pytest.raises(RequestError) as caught:
            await bus.request(STATUS, b"{}", timeout=LIMIT_S)
        assert (caught.value.code, caught.value.message) == (
            NO_LEADER,
            "epoch 7: the lease was not renewed for 60 s (no acknowledgement within 5 s): it waits",
        )
        with pytest.raises(UnreachableError):
            await bus.request(run, b"{}", timeout=0.2)
        term.lose("another coordinator acts")
        with pytest.raises(UnreachableError):
            await bus.request(STATUS, b"{}", timeout=0.2)
