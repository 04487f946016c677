"""Read the versions of the servers of a cluster: a node must not be asked for what it lacks."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import msgspec

from stt_shared.bus.jetstream.link import Link
from stt_shared.errors import UnreachableError
from stt_shared.protocol.codec import UNDECODABLE

GREETING_S = 2.0
MAX_GREETING = 1 << 16  # bytes
INFO = b"INFO "


class _Info(msgspec.Struct):
    version: str = ""


_INFO = msgspec.json.Decoder(_Info)


async def all_are_at_least(link: Link, wanted: tuple[int, int]) -> bool:
    """Whether each server that the client knows greets with that version or a newer one.

    A stream with a feature that a node lacks has no replica there. A server that does not greet
    (it is away, or begins with TLS) counts as older.
    """
    try:
        servers = [*link.client.servers, *link.client.discovered_servers]
    except UnreachableError:
        return False
    places = {(one.hostname or "", one.port or 0) for one in servers}
    found = await asyncio.gather(*(_version(*place) for place in places))
    return all(version >= wanted for version in found)


async def _version(host: str, port: int) -> tuple[int, ...]:
    """The version in the greeting of a server, which it sends before any log-in; or empty."""
    try:
        async with asyncio.timeout(GREETING_S):
            reader, writer = await asyncio.open_connection(host, port, limit=MAX_GREETING)
            try:
                line = await reader.readline()
            finally:
                writer.close()
                with suppress(OSError):
                    await writer.wait_closed()
        version = _INFO.decode(line.removeprefix(INFO)).version
    except (OSError, TimeoutError, ValueError, *UNDECODABLE):
        return ()
    return tuple(int(one) for one in version.split(".")[:2] if one.isdigit())
