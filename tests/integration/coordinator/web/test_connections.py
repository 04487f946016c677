"""Whoever opens connections and sends nothing, or little, keeps nobody else from being answered."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import httpx
import pytest

from stt_coordinator.local.servers import nats as embedded_nats
from stt_coordinator.web import connections
from stt_coordinator.web.app import MAX_BODY_BYTES
from stt_coordinator.web.login.login import Login
from stt_coordinator.web.serve import Front, Page
from stt_shared.bus.port import Bus
from stt_shared.connection import connected
from stt_shared.protocol import subjects
from stt_shared.protocol.control import Verb
from stt_shared.protocol.enums import Role
from stt_shared.settings import NatsSettings
from tests.support.coordinator.visitors import login_with, running_coordinator, tokens_in

HALF_OPEN = 300
CLOSED_S = 60.0
TOO_LARGE = 413
LINE = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n"


@pytest.fixture
async def bus(tmp_path: Path) -> AsyncGenerator[Bus]:
    """The bus on a real nats-server."""
    broker = embedded_nats.start(tmp_path / "nats")
    try:
        found = await connected(NatsSettings(url=broker.url), "test")
        yield found
        await found.close()
    finally:
        broker.stop()


@asynccontextmanager
async def served(
    bus: Bus, host: str = "127.0.0.1", login: Login | None = None
) -> AsyncGenerator[int]:
    """The port of a page on real sockets, over a coordinator on a real nats-server."""
    with socket.create_server((host, 0), family=_family(host)) as free:
        port = free.getsockname()[1]
    listen = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    front = Front(listen=listen, login=login)
    async with running_coordinator(bus, lambda c, t: Page(c, front, t).run):
        for _ in range(600):
            try:
                await healthy(port)
                break
            except httpx.TransportError:
                await asyncio.sleep(0.05)
        yield port


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


async def healthy(port: int) -> None:
    async with httpx.AsyncClient(timeout=30) as client:
        assert (await client.get(f"http://127.0.0.1:{port}/healthz")).text == "ok"


@contextmanager
def half_open(port: int, number: int, sent: bytes = LINE) -> Iterator[list[socket.socket]]:
    opened = [socket.create_connection(("127.0.0.1", port), 10) for _ in range(number)]
    try:
        for one in opened:
            one.sendall(sent)
        yield opened
    finally:
        for one in opened:
            one.close()


def is_closed(one: socket.socket, within_s: float = 0.0) -> bool:
    one.settimeout(within_s)
    try:
        while one.recv(1_000):
            pass  # an answer before the end
    except (TimeoutError, BlockingIOError):
        return False
    except ConnectionResetError:
        pass
    return True


@pytest.mark.parametrize("sent", [b"", LINE, LINE + b"Content-Length: 9\r\n\r\n"])
async def test_half_open_connections_leave_page_and_nats_answering(bus: Bus, sent: bytes) -> None:
    async with served(bus) as port:
        with half_open(port, HALF_OPEN, b""):
            await asyncio.sleep(0.2)
            with half_open(port, 10, sent):
                await healthy(port)
                peer = bus.peer()
                assert peer is not None
                reply = await bus.request(subjects.control(Verb.HEALTH), b"", timeout=30)
                assert b"stt.control" in reply


async def test_headers_and_bodies_that_do_not_end_are_cut_off_and_answers_are_not(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "HEADERS_S", 0.3)
    monkeypatch.setattr(connections, "BODY_S", 0.3)
    body = b"POST /api/v1/runs HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n\r\n{"
    async with served(bus) as port:
        for sent in (b"", LINE, body):
            with half_open(port, 1, sent) as (one,):
                for _ in range(3):  # a byte now and then gives no more time
                    await asyncio.sleep(0.15)
                    try:
                        one.sendall(b"x" if sent == LINE else b"")
                    except OSError:
                        break
                assert await asyncio.to_thread(is_closed, one, CLOSED_S), sent
        async with httpx.AsyncClient() as client:
            for _ in range(2):
                await client.get(f"http://127.0.0.1:{port}/readyz")


async def test_the_limit_is_of_each_address_and_ipv4_visitors_of_an_ipv6_listener_are_several(
    bus: Bus, tmp_path: Path
) -> None:
    tokens_in(tmp_path / "tokens", ann=Role.VIEWER)
    over = connections.MAX_OF_ADDRESS + 10
    async with served(bus, "::", login_with(tmp_path / "tokens")) as port:
        other = socket.create_connection(("127.0.0.1", port), 10, ("127.0.0.2", 0))
        with other, half_open(port, over) as opened:
            async with asyncio.timeout(CLOSED_S):
                while sum(map(is_closed, opened)) < over - connections.MAX_OF_ADDRESS:  # noqa: ASYNC110  # no event
                    await asyncio.sleep(0.05)
            assert sum(map(is_closed, opened)) == over - connections.MAX_OF_ADDRESS
            assert not is_closed(other)


async def test_a_body_over_the_limit_is_refused_and_one_at_the_limit_is_read(bus: Bus) -> None:
    async with served(bus) as port, httpx.AsyncClient(timeout=30) as client:
        run = f"http://127.0.0.1:{port}/api/v1/runs"

        async def posted(size: int, *, chunked: bool) -> int:
            body = b'{"reason":"' + b"x" * (size - 13) + b'"}'
            content = _chunks(body) if chunked else body
            headers = {"content-type": "application/json"}
            return (await client.post(run, content=content, headers=headers)).status_code

        for chunked in (False, True):  # with the length in front, and without
            assert await posted(MAX_BODY_BYTES, chunked=chunked) != TOO_LARGE
            assert await posted(MAX_BODY_BYTES + 1, chunked=chunked) == TOO_LARGE
        # A length that is only announced is refused before a byte of it is there.
        head = b"POST /api/v1/runs HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        head += b"Content-Type: application/json\r\nContent-Length: 999999999\r\n\r\n"
        with half_open(port, 1, head) as (one,):
            one.settimeout(30)
            assert (await asyncio.to_thread(one.recv, 12)).endswith(b"413")


async def _chunks(body: bytes) -> AsyncGenerator[bytes]:
    for start in range(0, len(body), 16_384):
        yield body[start : start + 16_384]


async def test_the_limit_of_all_addresses_closes_the_oldest_of_the_address_with_the_most(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "MAX_CONNECTIONS", 20)
    async with served(bus) as port:
        other = socket.create_connection(("127.0.0.1", port), 10, ("127.0.0.2", 0))
        with other, half_open(port, 30, b"") as opened:
            async with asyncio.timeout(CLOSED_S):
                while sum(map(is_closed, opened)) < 11:  # noqa: ASYNC110  # 31 less 20
                    await asyncio.sleep(0.05)
            assert [is_closed(one) for one in opened] == [True] * 11 + [False] * 19
            assert not is_closed(other)
            await healthy(port)


async def test_a_kept_connection_that_asks_nothing_more_is_closed(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "HEADERS_S", 0.5)
    async with served(bus) as port:
        with half_open(port, 1, LINE + b"\r\n") as (one,):
            one.settimeout(30)
            for _ in range(2):  # the answer leaves it open for another request
                answer = b""
                while not answer.endswith(b"\r\n\r\nok"):
                    more = await asyncio.to_thread(one.recv, 4_096)
                    assert more, answer
                    answer += more
                one.sendall(LINE + b"\r\n")
            assert await asyncio.to_thread(is_closed, one, CLOSED_S)


async def test_accepted_sockets_are_counted_until_they_close(bus: Bus) -> None:
    async with served(bus) as port:
        for _ in range(3):
            with half_open(port, connections.MAX_SOCKETS // 2, b""):
                await asyncio.sleep(0.1)
        await healthy(port)
