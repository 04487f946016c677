"""A listener in a server's place or a hanging server costs bounded time and no other inspection."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from stt_shared.checkfile.model import Question
from stt_shared.protocol.enums import Kind
from stt_shared.protocol.messages import Facts
from stt_worker.databases.port import (
    Endpoint,
    Limits,
)
from tests.servers.listeners import Proxy, dripping, hang_up, listening, saying, silence
from tests.support.worker.driver_harness import LIMITS, SHORT, TIMEOUT_S, DriverHarness, kind_of

GARBAGE = {
    "http": b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n",
    "zeros": bytes(4_096),
    "ones": b"\xff" * 4_096,
    "an endless packet of MySQL": b"\xff\xff\xff\x00" + b"x" * 4_096,
    "a version of MySQL that is no number": b"\x10\x00\x00\x00\x0anot a number\x00xx",
    "a refusal of PostgreSQL without end": b"E\x7f\xff\xff\xff",
    "a message of MongoDB of 2 GB": b"\xff\xff\xff\x7f" + bytes(12) + b"\xff" * 64,
}


async def elsewhere(real: DriverHarness, port: int) -> Endpoint:
    return replace(real.subject.endpoint, host="127.0.0.1", port=port)


async def test_a_listener_that_says_nothing_costs_the_connect_time_only(
    real: DriverHarness,
) -> None:
    async with listening(silence) as port:
        error = await real.refusal(await elsewhere(real, port), SHORT)
    assert error.kind is Kind.UNREACHABLE
    assert "within 0.4 s" in error.reason


async def test_a_listener_that_hangs_up_is_unreachable(real: DriverHarness) -> None:
    async with listening(hang_up) as port:
        error = await real.refusal(await elsewhere(real, port))
    assert error.kind is Kind.UNREACHABLE


@pytest.mark.parametrize("what", list(GARBAGE))
async def test_a_listener_that_talks_nonsense_is_unreachable(
    real: DriverHarness, what: str
) -> None:
    async with listening(saying(GARBAGE[what])) as port:
        error = await real.refusal(await elsewhere(real, port), SHORT)
    assert error.kind is Kind.UNREACHABLE


@pytest.mark.parametrize("what", list(GARBAGE))
async def test_a_listener_that_drips_bytes_cannot_hold_a_look(
    real: DriverHarness, what: str
) -> None:
    async with listening(dripping(GARBAGE[what])) as port:
        error = await real.refusal(await elsewhere(real, port), SHORT)
    assert error.kind is Kind.UNREACHABLE


async def test_a_server_that_stops_answering_costs_one_client_time(real: DriverHarness) -> None:
    subject = real.subject
    proxy = Proxy(subject.endpoint.host, subject.endpoint.port)

    def freeze(_: Facts) -> list[Question]:
        proxy.frozen.set()
        return [subject.good, subject.bad, subject.large]

    async with listening(proxy) as port, asyncio.timeout(TIMEOUT_S):
        endpoint = await elsewhere(real, port)
        limits = replace(LIMITS, client_s=0.5)
        inspection = await real.database.inspect(endpoint, freeze, limits)
    assert [kind_of(answer) for answer in inspection.answers.values()] == [Kind.TIMEOUT] * 3


async def test_a_look_given_up_ends_at_once_and_leaves_nothing(real: DriverHarness) -> None:
    subject = real.subject
    proxy = Proxy(subject.endpoint.host, subject.endpoint.port)
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()

    def freeze(_: Facts) -> list[Question]:
        proxy.frozen.set()
        loop.call_soon_threadsafe(asked.set)
        return [subject.good]

    async with listening(proxy) as port, asyncio.timeout(TIMEOUT_S):
        limits = Limits(client_s=10 * TIMEOUT_S)
        endpoint = await elsewhere(real, port)
        inspection = asyncio.create_task(real.database.inspect(endpoint, freeze, limits))
        await asked.wait()
        await asyncio.sleep(0)
        inspection.cancel()
        with pytest.raises(asyncio.CancelledError):
            await inspection


async def test_a_look_given_up_while_connecting_leaves_nothing(real: DriverHarness) -> None:
    async with listening(silence) as port, asyncio.timeout(TIMEOUT_S):
        endpoint = await elsewhere(real, port)
        limits = Limits(connect_s=10 * TIMEOUT_S)
        inspection = asyncio.create_task(real.database.inspect(endpoint, lambda _: [], limits))
        await asyncio.sleep(0.1)
        inspection.cancel()
        with pytest.raises(asyncio.CancelledError):
            await inspection


async def test_a_hanging_server_delays_no_other_look(real: DriverHarness) -> None:
    subject = real.subject
    async with listening(silence) as port, asyncio.timeout(TIMEOUT_S):
        endpoint = await elsewhere(real, port)
        limits = Limits(connect_s=10 * TIMEOUT_S)
        hanging = asyncio.create_task(real.database.inspect(endpoint, lambda _: [], limits))
        for _ in range(3):
            assert isinstance((await real.ask(subject.good))[subject.good], list)
        assert not hanging.done()
        hanging.cancel()
        with pytest.raises(asyncio.CancelledError):
            await hanging
