"""A server that speaks PostgreSQL's protocol and asks or sends more than anybody should."""

from __future__ import annotations

import asyncio
import base64
import struct

from tests.servers.listeners import Handler, silence

NO_TLS_HERE = 80877103, 80877104  # the requests for TLS and GSS
BLOCK = b"x" * 1024 * 1024
SALT = base64.b64encode(b"salt" * 4).decode()


def message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!I", len(body) + 4) + body


def text(value: str) -> bytes:
    return value.encode() + b"\0"


async def startup(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Refuse encryption, then read who wants to log in."""
    while True:
        (length,) = struct.unpack("!I", await reader.readexactly(4))
        body = await reader.readexactly(length - 4)
        if struct.unpack("!I", body[:4])[0] not in NO_TLS_HERE:
            return
        writer.write(b"N")


async def heard(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    kind = await reader.readexactly(1)
    (length,) = struct.unpack("!I", await reader.readexactly(4))
    return kind, await reader.readexactly(length - 4)


def welcome() -> bytes:
    """Logged in, and ready for a question."""
    settings = {"server_version": "17.0", "client_encoding": "UTF8", "DateStyle": "ISO, MDY"}
    parameters = b"".join(message(b"S", text(k) + text(v)) for k, v in settings.items())
    return message(b"R", struct.pack("!I", 0)) + parameters + message(b"Z", b"I")


def scram(iterations: int) -> Handler:
    """Ask for so many rounds of hashing before the password is proven."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await startup(reader, writer)
        writer.write(message(b"R", struct.pack("!I", 10) + text("SCRAM-SHA-256") + b"\0"))
        _, first = await heard(reader)
        nonce = first.rpartition(b"r=")[2].decode()
        server_first = f"r={nonce}more,s={SALT},i={iterations}".encode()
        writer.write(message(b"R", struct.pack("!I", 11) + server_first))
        await silence(reader, writer)

    return handler


def rows_without_end(row_bytes: int, *, block: int = len(BLOCK), pause_s: float = 0.0) -> Handler:
    """Answer the first question with rows of so many bytes for as long as anybody reads."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await startup(reader, writer)
        writer.write(welcome())
        await heard(reader)
        column = text("a") + struct.pack("!IhIhih", 0, 0, 25, -1, -1, 0)
        writer.write(message(b"T", struct.pack("!h", 1) + column))
        while True:
            head = struct.pack("!hI", 1, row_bytes)
            writer.write(b"D" + struct.pack("!I", 4 + len(head) + row_bytes) + head)
            sent = 0
            while sent < row_bytes:
                part = BLOCK[: min(block, row_bytes - sent)]
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(pause_s)
                sent += len(part)

    return handler
