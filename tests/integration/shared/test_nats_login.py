"""Logging in to a real nats-server with what stands in its address, and never without TLS asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote

import pytest

from stt_coordinator.local.servers import nats
from stt_coordinator.local.servers.process import Running
from stt_shared.connection import connected
from stt_shared.errors import UnreachableError
from stt_shared.settings import NatsSettings
from tests.servers.certificates import Certificates
from tests.servers.listeners import listening

PASSWORD = "p@ss:w/rd?#%41 ,+ä=&[x]"
USER = "us er@site"
TOKEN = "t0k/en@:%?,=ü"


def server(folder: Path, authorization: str) -> Running:
    return nats.start(folder / "nats", extra=f"authorization {{ {authorization} }}")


async def test_a_percent_encoded_user_and_password_are_decoded(tmp_path: Path) -> None:
    running = server(tmp_path, f'user: "{USER}", password: "{PASSWORD}"')
    try:
        login = f"{quote(USER, safe='')}:{quote(PASSWORD, safe='')}"
        url = f"nats://{login}@127.0.0.1:{running.port}"
        bus = await connected(NatsSettings(url=f"{url},{url}"), "test")
        await bus.close()
        with pytest.raises(UnreachableError, match=r"authorization") as caught:
            await connected(NatsSettings(url=url.replace("p%40ss", "other-one")), "test")
        assert "other-one" not in caught.value.message
        assert str(running.port) in caught.value.message
    finally:
        running.stop()


async def test_a_percent_encoded_token_is_decoded(tmp_path: Path) -> None:
    running = server(tmp_path, f'token: "{TOKEN}"')
    try:
        url = f"nats://{quote(TOKEN, safe='')}@127.0.0.1:{running.port}"
        bus = await connected(NatsSettings(url=url), "test")
        await bus.close()
    finally:
        running.stop()


@asynccontextmanager
async def without_tls(heard: bytearray) -> AsyncGenerator[int]:
    """A server that greets without a word of TLS and keeps what it hears."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b'INFO {"server_id":"x","version":"2.12.0","max_payload":1048576}\r\n')
        heard.extend(await reader.read(4096))

    async with listening(serve) as port:
        yield port


@pytest.mark.parametrize("scheme", ["tls", "nats"])
async def test_where_tls_is_asked_no_log_in_goes_out_without_it(
    scheme: str, certificates: Certificates
) -> None:
    heard = bytearray()
    async with without_tls(heard) as port:
        settings = NatsSettings(
            url=f"{scheme}://stt:Zq-hunter2@127.0.0.1:{port}",
            ca="" if scheme == "tls" else str(certificates.ca),
            timeout_s=2,
        )
        with pytest.raises(UnreachableError, match="offers no tls"):
            await connected(settings, "test")
    assert b"Zq-hunter2" not in heard
