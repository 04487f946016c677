"""A server that speaks PostgreSQL's log-in and asks for a password in every way there is."""

from __future__ import annotations

import asyncio
import ssl
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.servers.listeners import listening

ENCRYPT = 80877103  # the request for TLS
GSS = 80877104
SALT = b"salt"
# What a message of authentication asks for, by the word that libpq has for the method.
ASKS = {
    "password": struct.pack("!I", 3),
    "md5": struct.pack("!I", 5) + SALT,
    "gss": struct.pack("!I", 7),
    "sspi": struct.pack("!I", 9),
    "kerberos": struct.pack("!I", 2),
    "crypt": struct.pack("!I", 4) + SALT[:2],
    "plain": struct.pack("!I", 10) + b"PLAIN\0\0",
    "oauth": struct.pack("!I", 10) + b"OAUTHBEARER\0\0",
    "scram-sha-256": struct.pack("!I", 10) + b"SCRAM-SHA-256\0\0",
    "scram-sha-256-plus": struct.pack("!I", 10) + b"SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0",
}


@dataclass
class Fake:
    """A fake in use: where it listens and what it was given after its question."""

    port: int = 0
    logins: int = 0
    heard: bytearray = field(default_factory=bytearray)


@asynccontextmanager
async def asking(
    method: str, *, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1", socket: str = ""
) -> AsyncIterator[Fake]:
    """Ask everybody for `method`; `hang up` closes the connection in its place."""
    fake = Fake()

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _serve(fake, method, reader, writer, tls)

    async with listening(handler, host=host, socket=socket) as fake.port:
        yield fake


async def _serve(
    fake: Fake,
    method: str,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    tls: ssl.SSLContext | None,
) -> None:
    while await _startup(reader) in {ENCRYPT, GSS}:
        writer.write(b"N" if tls is None else b"S")
        if tls is not None:
            await writer.start_tls(tls)
        if method == "hang up":
            return
    fake.logins += 1
    asks = ASKS[method]
    writer.write(b"R" + struct.pack("!I", len(asks) + 4) + asks)
    while data := await reader.read(4_096):
        fake.heard += data


async def _startup(reader: asyncio.StreamReader) -> int:
    (length,) = struct.unpack("!I", await reader.readexactly(4))
    body = await reader.readexactly(length - 4)
    code: int = struct.unpack("!I", body[:4])[0]
    return code
