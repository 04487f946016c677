"""No server costs more than its own inspection: the child that looks at it ends, nothing else."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

import pytest

from stt_coordinator.local.servers.process import Running
from stt_shared.checkfile.model import QueryType, Question
from stt_shared.protocol.enums import Family, Kind
from stt_worker.databases.children.pool import ChildInspector
from stt_worker.databases.inspection import EncodedInspection, View
from stt_worker.databases.port import Endpoint, Failure, InspectionError, Limits, Tls
from tests.hostile.postgresql import fake_postgresql
from tests.servers.listeners import Handler, dripping, hang_up, listening, silence
from tests.support.holdings import holdings, leftovers
from tests.support.worker.database_subjects import endpoint_of

MIB = 1024 * 1024
SHORT = Limits(connect_s=2, statement_s=1, client_s=2)
SLACK_S = 30.0  # above a time-out: for a machine under load; without a limit nothing ends


@pytest.fixture
async def inspector() -> AsyncIterator[ChildInspector]:
    made = ChildInspector(4, keep=2)
    yield made
    await made.close()


def at(family: Family, port: int, host: str = "127.0.0.1") -> Endpoint:
    return Endpoint(
        family=family, host=host, port=port, user="u", password="p", tls=Tls(mode="off")
    )


def select(text: str) -> View:
    return View(question=Question(type=QueryType.POSTGRESQL_SELECT, text=text))


async def inspected(
    inspector: ChildInspector, endpoint: Endpoint, *views: View, limits: Limits = SHORT
) -> EncodedInspection:
    return await inspector.inspect(endpoint, lambda _: views, limits)


async def refused(
    inspector: ChildInspector, handler: Handler, family: Family, limits: Limits = SHORT
) -> InspectionError:
    async with listening(handler) as port:
        with pytest.raises(InspectionError) as caught:
            await inspected(inspector, at(family, port), limits=limits)
    return caught.value


class Longest:
    """The most CPU time that one turn of this process's event loop took."""

    def __init__(self) -> None:
        self.seconds = 0.0

    async def watch(self) -> None:
        while True:
            before = time.thread_time()
            await asyncio.sleep(0.01)
            self.seconds = max(self.seconds, time.thread_time() - before)


@asynccontextmanager
async def standing_still() -> AsyncGenerator[Longest]:
    longest = Longest()
    task = asyncio.create_task(longest.watch())
    yield longest
    task.cancel()


async def test_rounds_of_hashing_cost_the_server_its_own_time_out(
    inspector: ChildInspector, postgresql: Running
) -> None:
    healthy = endpoint_of(postgresql, Family.POSTGRESQL)
    await inspected(inspector, healthy)
    async with listening(fake_postgresql.scram(20_000_000)) as port, standing_still() as longest:
        started = time.monotonic()
        hostile = asyncio.create_task(inspected(inspector, at(Family.POSTGRESQL, port)))
        await asyncio.sleep(0.5)
        assert (await inspected(inspector, healthy)).facts.flavour == "postgresql"
        with pytest.raises(InspectionError) as caught:
            await hostile
    assert caught.value.kind in (Kind.TIMEOUT, Kind.UNREACHABLE)
    assert time.monotonic() - started < 2 * SHORT.connect_s + SLACK_S
    assert longest.seconds < 1


async def test_a_row_of_900_megabytes_is_too_large(inspector: ChildInspector) -> None:
    error = await refused(inspector, fake_postgresql.rows_without_end(900 * MIB), Family.POSTGRESQL)
    assert error.kind is Kind.TOO_LARGE, error.reason


async def test_one_large_row_costs_its_question_alone(
    inspector: ChildInspector, postgresql: Running
) -> None:
    large, small = select("repeat('x', 200000000) AS x"), select("1 AS one")
    endpoint = endpoint_of(postgresql, Family.POSTGRESQL)
    found = await inspected(inspector, endpoint, large, small, limits=Limits())
    failure = found.answers[large]
    assert isinstance(failure, Failure), failure
    assert failure.kind is Kind.TOO_LARGE, failure
    assert found.answers[small] == b'[{"one":1}]'


async def test_an_answer_as_large_as_the_limits_allow_arrives(
    inspector: ChildInspector, postgresql: Running, mariadb: Running
) -> None:
    long = select("g, repeat('x', 700) AS x FROM generate_series(1, 10000) AS g")
    found = await inspected(
        inspector, endpoint_of(postgresql, Family.POSTGRESQL), long, limits=Limits()
    )
    assert isinstance(found.answers[long], bytes), found.answers[long]
    text = "SEQ AS g, REPEAT('x', 700) AS x FROM information_schema.collations a, "
    rows = "(SELECT 1 AS SEQ FROM information_schema.collations LIMIT 30) b LIMIT 9000"
    same = View(question=Question(type=QueryType.MYSQL_SELECT, text=text + rows))
    found = await inspected(inspector, endpoint_of(mariadb, Family.MYSQL), same, limits=Limits())
    assert isinstance(found.answers[same], bytes), found.answers[same]


@pytest.mark.parametrize("family", list(Family))
@pytest.mark.parametrize("handler", [silence, hang_up, dripping(b"\x00\x01\x02 no protocol")])
async def test_a_silent_or_malformed_peer_ends_within_the_time_limit(
    inspector: ChildInspector, family: Family, handler: Handler
) -> None:
    started = time.monotonic()
    error = await refused(inspector, handler, family)
    assert error.kind in (Kind.TIMEOUT, Kind.UNREACHABLE), error.reason
    assert time.monotonic() - started < SHORT.connect_s + SHORT.client_s + SLACK_S


async def test_a_cancelled_inspection_ends_its_child_at_once(inspector: ChildInspector) -> None:
    before = holdings()
    async with listening(fake_postgresql.scram(20_000_000)) as port:
        task = asyncio.create_task(inspected(inspector, at(Family.POSTGRESQL, port)))
        await asyncio.sleep(1)
        started = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await inspector.close()
        assert time.monotonic() - started < SLACK_S
    assert await leftovers(before) == []
