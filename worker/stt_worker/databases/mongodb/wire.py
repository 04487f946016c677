"""A connection with MongoDB's OP_MSG, bounded against an untrusted peer."""

from __future__ import annotations

import asyncio
import struct
from typing import Any

import bson
from bson.codec_options import CodecOptions, DatetimeConversion
from bson.errors import InvalidBSON

MAX_MESSAGE_BYTES = 48_000_000  # the limit of MongoDB; the peer's greeting cannot raise it
MAX_REASON = 500  # characters of a server's error text
_CHUNK_BYTES = 65_536  # of an answer that is read and dropped
_HEADER = struct.Struct("<iiii")  # length, request, the request answered, operation
_SECTION = struct.Struct("<IB")  # flags, kind of section: one document
_OP_MSG = 2013
# Dates outside Python's range and invalid UTF-8 must not end an inspection.
_CODEC: CodecOptions[dict[str, Any]] = CodecOptions(
    document_class=dict,
    tz_aware=True,
    datetime_conversion=DatetimeConversion.DATETIME_MS,
    unicode_decode_error_handler="replace",
)


class WireError(Exception):
    """The peer violates the protocol; the connection is unusable."""


class TooLargeError(Exception):
    """An answer exceeded the limit; it was read and dropped."""


class CommandError(Exception):
    """The server returned an error; `code` is 0 if it has none."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Wire:
    """Commands over one stream.

    It is unusable after any error but CommandError, TooLargeError and MemoryError.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._last = 0

    async def ask(
        self, database: str, document: dict[str, Any], max_bytes: int = MAX_MESSAGE_BYTES
    ) -> dict[str, Any]:
        """Send a command, whose name is the first key of `document`, and return the reply.

        Waits without a limit: the caller limits the time. Raises CommandError, TooLargeError,
        MemoryError, WireError, OSError and EOFError.
        """
        return await self.receive(self.send(database, document), max_bytes)

    def send(self, database: str, document: dict[str, Any]) -> int:
        """Write a command; returns its number for `receive`. Replies are received in order."""
        self._last += 1
        body = bson.encode({**document, "$db": database})
        length = _HEADER.size + _SECTION.size + len(body)
        head = _HEADER.pack(length, self._last, 0, _OP_MSG) + _SECTION.pack(0, 0)
        self._writer.write(head + body)
        return self._last

    async def receive(self, number: int, max_bytes: int) -> dict[str, Any]:
        """The reply to the command `number`; raises as `ask` does."""
        # Here, not in `send`: all commands of a session leave together, in one round trip.
        await self._writer.drain()
        length, _, answered, operation = _HEADER.unpack(await self._exactly(_HEADER.size))
        if operation != _OP_MSG or answered != number:
            raise WireError("the peer is not a MongoDB server")
        rest = length - _HEADER.size
        # Checked before anything is allocated: the peer chooses the length.
        if not _SECTION.size < rest <= MAX_MESSAGE_BYTES:
            raise WireError(f"a message of {length} bytes, the limit is {MAX_MESSAGE_BYTES}")
        if rest > max_bytes:
            # Read to its end, in pieces: the next answer follows on the same connection.
            left = rest
            while left > 0:
                left -= len(await self._exactly(min(left, _CHUNK_BYTES)))
            raise TooLargeError(f"an answer of {length} bytes, the limit is {max_bytes}")
        reply = _decoded(await self._exactly(rest))
        if reply.get("ok") == 1:
            return reply
        code, name = reply.get("code"), reply.get("codeName")
        error_code = code if isinstance(code, int) else 0
        words = " ".join(str(reply.get("errmsg") or "no reason given")[:MAX_REASON].split())
        called = f" {name[:MAX_REASON]}" if isinstance(name, str) else ""
        raise CommandError(error_code, f"{words} (error {error_code}{called})")

    async def _exactly(self, size: int) -> bytes:
        try:
            return await self._reader.readexactly(size)
        except asyncio.IncompleteReadError as error:
            raise EOFError("the server closed the connection") from error

    def close(self) -> None:
        """Close the connection at once; the server needs no log-out."""
        self._writer.transport.abort()


def _decoded(message: bytes) -> dict[str, Any]:
    flags, section = _SECTION.unpack_from(message)
    if flags or section:  # checksums, more replies and sequences were not requested
        raise WireError("malformed answer: unexpected flags")
    try:
        return bson.decode(message[_SECTION.size :], _CODEC)  # pyright: ignore[reportUnknownMemberType]
    except InvalidBSON as error:
        if not str(error):  # bson has no text for one reason: out of memory
            raise MemoryError from error
        raise WireError(f"malformed answer: {error}") from error
