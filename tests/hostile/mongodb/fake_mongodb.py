"""A server that speaks MongoDB's OP_MSG and answers as a test wants, however wrong that is."""

from __future__ import annotations

import asyncio
import ssl
import struct
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import bson

from stt_shared.protocol.enums import Family
from stt_worker.databases.port import Endpoint, Tls
from tests.servers.listeners import listening

HEADER = struct.Struct("<iiii")
OP_MSG = 2013
USER, PASSWORD = "stt", "a password that nobody may see"
HELLO = {"maxWireVersion": 17, "isWritablePrimary": True, "ok": 1}
BUILD = {
    "version": "6.0.1",
    "versionArray": [6, 0, 1, 0],
    "gitVersion": "0" * 40,
    "modules": [],
    "ok": 1,
}


@dataclass(frozen=True)
class Raw:
    """Bytes in place of a message, written one after the other with a pause between."""

    parts: Iterable[bytes]
    pause_s: float = 0.0


# What a command is answered with: a document, bytes, or nothing: the connection is closed.
Act = Callable[[dict[str, Any]], "dict[str, Any] | Raw | None"]


@dataclass
class Fake:
    """A server in use: its address, and all that it received."""

    endpoint: Endpoint = field(default_factory=lambda: Endpoint(family=Family.MONGODB))
    commands: list[dict[str, Any]] = field(default_factory=list)
    heard: bytearray = field(default_factory=bytearray)

    @property
    def names(self) -> list[str]:
        """The commands it was sent, by name."""
        return [next(iter(one)) for one in self.commands]


@asynccontextmanager
async def faking(
    act: Act,
    *,
    tls: ssl.SSLContext | None = None,
    anonymous: bool = False,
    host: str = "127.0.0.1",
    port: int = 0,
) -> AsyncIterator[Fake]:
    """A fake server, and the endpoint at which an inspection would find it."""
    fake = Fake()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            number, command = await _command(reader, fake)
            answer = act(command)
            if answer is None:
                return
            if isinstance(answer, dict):
                answer = Raw([message(number, answer)])
            for part in answer.parts:
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(answer.pause_s)

    async with listening(talk, host=host, port=port, tls=tls) as found:
        plain = Endpoint(family=Family.MONGODB, host=host, port=found, tls=Tls(mode="off"))
        login = replace(plain, user=USER, password=PASSWORD)
        fake.endpoint = plain if anonymous else login
        yield fake


async def _command(reader: asyncio.StreamReader, fake: Fake) -> tuple[int, dict[str, Any]]:
    try:
        head = await reader.readexactly(HEADER.size)
        length, number, _, _ = HEADER.unpack(head)
        body = await reader.readexactly(length - HEADER.size)
    except asyncio.IncompleteReadError as error:
        raise ConnectionError("the client has gone") from error
    fake.heard += head + body
    fake.commands.append(bson.decode(body[5:]))
    return number, fake.commands[-1]


def message(number: int, document: dict[str, Any] | bytes, flags: int = 0) -> bytes:
    """The reply to the command `number` as a server sends it; bytes stand for BSON."""
    body = document if isinstance(document, bytes) else bson.encode(document)
    rest = struct.pack("<IB", flags, 0) + body
    return HEADER.pack(HEADER.size + len(rest), 1, number, OP_MSG) + rest


def nested(depth: int) -> bytes:
    """The BSON of a document with `depth` documents in each other, made without recursion."""
    inner = b"\x05\x00\x00\x00\x00"
    for _ in range(depth):
        inner = struct.pack("<i", len(inner) + 8) + b"\x03a\x00" + inner + b"\x00"
    return inner


def answering(**replies: dict[str, Any] | Raw | None) -> Act:
    """A server without users that answers these commands so, and all others as it should."""
    honest: dict[str, Any] = {"hello": HELLO, "buildInfo": BUILD}
    known = honest | replies

    def act(command: dict[str, Any]) -> dict[str, Any] | Raw | None:
        return known.get(next(iter(command)), {"ok": 1})  # type: ignore[no-any-return]

    return act


def scram(first: bytes, mechanisms: Any = ("SCRAM-SHA-256",)) -> Act:
    """A server that has the log-in go on with `first`; NONCE in it stands for the client's own."""

    def act(command: dict[str, Any]) -> dict[str, Any] | Raw | None:
        if "saslStart" in command:
            nonce = bytes(command["payload"]).partition(b"r=")[2]
            payload = first.replace(b"NONCE", nonce)
            return {"conversationId": 1, "done": False, "payload": payload, "ok": 1}
        if "saslContinue" in command:
            return {"conversationId": 1, "done": True, "payload": b"v=AAAA", "ok": 1}
        mechs = list(mechanisms) if isinstance(mechanisms, tuple) else mechanisms
        return HELLO | {"saslSupportedMechs": mechs}

    return act
