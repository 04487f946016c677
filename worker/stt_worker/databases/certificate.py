"""Fetches the certificate of a server to explain why it was rejected; sends no secret."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import struct

from stt_worker.databases import network
from stt_worker.databases.port import Endpoint, InspectionError
from stt_worker.databases.tls import unverified

MAX_PACKET = 16 * 1024 * 1024 - 1
GREETING_LIMIT = 4_096  # bytes
# Capabilities of MySQL's protocol: 4.1, TLS, 4.1 authentication.
_CAPABILITIES = 0x200 | 0x800 | 0x8000
_UTF8MB4 = 45


async def shown_by_mysql(endpoint: Endpoint, seconds: float) -> bytes | None:
    """The certificate (DER) of a MySQL server, after its switch to TLS; None if it sends none."""
    with contextlib.suppress(TimeoutError, OSError, InspectionError, ssl.SSLError, EOFError):
        async with asyncio.timeout(seconds):
            opened = await network.connect(endpoint, seconds)
            reader, writer = await asyncio.open_connection(sock=opened)
            try:
                length = int.from_bytes((await reader.readexactly(4))[:3], "little")
                # The peer chooses the length: without the limit it would fill the memory.
                if length > GREETING_LIMIT:
                    return None
                await reader.readexactly(length)
                request = struct.pack("<IIB23x", _CAPABILITIES, MAX_PACKET, _UTF8MB4)
                writer.write(len(request).to_bytes(3, "little") + b"\x01" + request)
                await writer.start_tls(unverified(), server_hostname=endpoint.host)
                return _peer(writer)
            finally:
                writer.transport.abort()
    return None


async def shown(endpoint: Endpoint, seconds: float) -> bytes | None:
    """The certificate (DER) of a server that uses TLS from the first byte; None if it has none."""
    with contextlib.suppress(TimeoutError, OSError, InspectionError, ssl.SSLError):
        async with asyncio.timeout(seconds):
            opened = await network.connect(endpoint, seconds)
            _, writer = await asyncio.open_connection(
                sock=opened, ssl=unverified(), server_hostname=endpoint.host
            )
            try:
                return _peer(writer)
            finally:
                writer.transport.abort()
    return None


def _peer(writer: asyncio.StreamWriter) -> bytes | None:
    found = writer.get_extra_info("ssl_object")
    return found.getpeercert(binary_form=True) if isinstance(found, ssl.SSLObject) else None
