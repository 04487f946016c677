"""A connected socket for drivers that block, opened without a thread and within a time."""

from __future__ import annotations

import asyncio
import contextlib
import os
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
    """What the system says, without its number; asyncio puts other words in its place."""
    if isinstance(error, OSError) and error.errno and error.errno > 0:
        return os.strerror(error.errno)
    said = error.strerror if isinstance(error, OSError) else None
    return said or str(error) or type(error).__name__


async def _first(endpoint: Endpoint) -> socket.socket:
    """The first address of the host that accepts; raises what the last one said."""
    failed: OSError = OSError(f"no address for {endpoint.host!r}")
    for family, _, _, _, address in await _addresses(endpoint.host, endpoint.port):
        try:
            connected = await _connect(family, address)
        except OSError as error:
            failed = error
        else:
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            return connected
    raise failed


async def _addresses(host: str, port: int) -> list[Any]:
    """What `host` resolves to; an address needs no resolver, and no thread for it."""
    numeric, stream = socket.AI_NUMERICHOST, socket.SOCK_STREAM
    with contextlib.suppress(socket.gaierror):
        return list(socket.getaddrinfo(host, port, type=stream, flags=numeric))
    return await asyncio.get_running_loop().getaddrinfo(host, port, type=stream)


async def _connect(family: int, address: Any) -> socket.socket:
    with contextlib.ExitStack() as stack:
        opened = stack.enter_context(socket.socket(family, socket.SOCK_STREAM))
        opened.setblocking(False)
        await asyncio.get_running_loop().sock_connect(opened, address)
        stack.pop_all()  # connected: the caller closes it
        return opened
