"""A connected socket for drivers that block, opened without a thread and within a time."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import Any

from stt_shared.protocol.words import Kind
from stt_worker.databases.port import Endpoint, LookError


def where(endpoint: Endpoint) -> str:
    """The address as people write it."""
    return endpoint.socket or f"{endpoint.host}:{endpoint.port}"


async def connect(endpoint: Endpoint, seconds: float) -> socket.socket:
    """A connected, non-blocking socket; raises LookError (unreachable) within `seconds`."""
    try:
        async with asyncio.timeout(seconds):
            if endpoint.socket:
                return await _connect(socket.AF_UNIX, endpoint.socket)
            return await _first(endpoint)
    except TimeoutError as error:
        why = f"{where(endpoint)} did not accept a connection within {seconds:g} s"
        raise LookError(Kind.UNREACHABLE, why) from error
    except (OSError, UnicodeError) as error:  # a name may be none that DNS can carry
        why = f"{where(endpoint)} is not reachable: {reason(error)}"
        raise LookError(Kind.UNREACHABLE, why) from error


def reason(error: Exception) -> str:
    """What the system says, without its number."""
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return said or type(error).__name__


async def _first(endpoint: Endpoint) -> socket.socket:
    """The first address of the host that accepts; raises what the last one said."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM)
    failed: OSError = OSError(f"no address for {endpoint.host!r}")
    for family, _, _, _, address in found:
        try:
            connected = await _connect(family, address)
        except OSError as error:
            failed = error
        else:
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            return connected
    raise failed


async def _connect(family: int, address: Any) -> socket.socket:
    with contextlib.ExitStack() as stack:
        opened = stack.enter_context(socket.socket(family, socket.SOCK_STREAM))
        opened.setblocking(False)
        await asyncio.get_running_loop().sock_connect(opened, address)
        stack.pop_all()  # connected: the caller closes it
        return opened
