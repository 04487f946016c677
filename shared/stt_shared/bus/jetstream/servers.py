"""What the client knows about its servers: that of the connection, and the versions of all."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import msgspec
from nats.aio.client import Client

from stt_shared.bus.jetstream.link import Link
from stt_shared.bus.values import Peer
from stt_shared.errors import UnreachableError
from stt_shared.protocol.codec import UNDECODABLE

GREETING_S = 2.0
MAX_GREETING = 1 << 16  # bytes
INFO = b"INFO "


class _Info(msgspec.Struct):
    version: str = ""


_INFO = msgspec.json.Decoder(_Info)


def connected(client: Client) -> Peer | None:
    """The server that `client` is connected to; None without a connection."""
    url = client.connected_url
    if url is None:
        return None
    # The client has no public access to its socket and its encryption.
    transport: Any = getattr(client, "_transport", None)
    writer: Any = getattr(transport, "_io_writer", None)
    if writer is None:  # a web socket
        encrypted = {"wss": True, "ws": False}.get(url.scheme)
        return Peer(host=url.hostname or "", encrypted=encrypted, max_payload=client.max_payload)
    tls: Any = writer.get_extra_info("ssl_object")
    certificate: dict[str, Any] = (tls.getpeercert() or {}) if tls is not None else {}
    until = certificate.get("notAfter")
    ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(until), UTC) if until else None
    return Peer(
        host=url.hostname or "",
        encrypted=tls is not None,
        certificate_ends=ends,
        max_payload=client.max_payload,
    )


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
