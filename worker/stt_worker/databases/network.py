"""Opens connections for the drivers, without a thread and within a time limit."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import os
import socket
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from stt_shared.lifecycle import awaited_task
from stt_shared.protocol.enums import Kind
from stt_worker.databases import hosts
from stt_worker.databases.port import Endpoint, InspectionError

STAGGER_S = 0.25  # between attempts at two addresses of one name (RFC 8305)
MAX_ADDRESSES = 16  # of one name

Address = tuple[int, Any]  # address family, and an address in the form of that family


def where(endpoint: Endpoint) -> str:
    """The address in readable form."""
    return endpoint.socket or f"{endpoint.host}:{endpoint.port}"


def is_local(endpoint: Endpoint) -> bool:
    """Whether the connection stays on this machine."""
    if endpoint.socket or endpoint.host == "localhost":
        return True
    try:
        return ipaddress.ip_address(endpoint.host).is_loopback
    except ValueError:
        return False


async def connect(endpoint: Endpoint, seconds: float) -> socket.socket:
    """A connected, non-blocking socket.

    Raises InspectionError (unreachable, config), within `seconds`.
    """
    async with _reaching(endpoint, seconds):
        if endpoint.socket:
            return await _connect(socket.AF_UNIX, endpoint.socket)
        connected = await _fastest(await _addresses(endpoint.host, endpoint.port))
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        return connected


async def address(endpoint: Endpoint, seconds: float) -> str:
    """An address of the endpoint's host that accepts connections, for drivers that need one.

    A single address is not tried. Raises InspectionError (unreachable, config) within `seconds`.
    """
    async with _reaching(endpoint, seconds):
        found = await _addresses(endpoint.host, endpoint.port)
        if len(found) == 1:
            return str(found[0][1][0])
        with await _fastest(found) as probe:
            return str(probe.getpeername()[0])


@asynccontextmanager
async def _reaching(endpoint: Endpoint, seconds: float) -> AsyncGenerator[None]:
    """Turn errors of the block, and a time-out after `seconds`, into InspectionErrors."""
    # Before any resolver: each driver would report a malformed host in its own words.
    hosts.check(endpoint)
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        why = f"{where(endpoint)} did not accept a connection within {seconds:g} s"
        raise InspectionError(Kind.UNREACHABLE, why) from error
    except UnicodeError as error:
        why = f"{endpoint.host!r} is not a name that DNS can encode: {error}"
        raise InspectionError(Kind.CONFIG, why) from error
    except OSError as error:
        why = f"{where(endpoint)} is not reachable: {reason(error)}"
        raise InspectionError(Kind.UNREACHABLE, why) from error


def reason(error: Exception) -> str:
    """The system's text of an error, without its number; asyncio would replace the text."""
    if isinstance(error, OSError) and error.errno and error.errno > 0:
        return os.strerror(error.errno)
    text = error.strerror if isinstance(error, OSError) else None
    return text or str(error) or type(error).__name__


async def _fastest(addresses: Sequence[Address]) -> socket.socket:
    """A connection to the address that accepts first; attempts start STAGGER_S apart.

    So an address that never answers costs STAGGER_S, not the whole time limit.
    """
    if len(addresses) == 1:
        return await _connect(*addresses[0])
    # In the order of the resolver: it puts the address that the system prefers first.
    left = deque(addresses)
    tried: set[asyncio.Task[socket.socket]] = set()
    failed: BaseException = OSError("no address")
    try:
        while left or tried:
            if left:
                tried.add(awaited_task(_connect(*left.popleft()), "connect"))
            # `wait` returns early on a refusal, so the next address is tried at once.
            wait = STAGGER_S if left else None
            ended, _ = await asyncio.wait(tried, timeout=wait, return_when=asyncio.FIRST_COMPLETED)
            for one in ended:
                tried.discard(one)
                error = one.exception()
                if error is None:
                    return one.result()
                failed = error
        raise failed
    finally:
        for one in tried:
            one.cancel()
        # Awaited: an attempt that connected before its cancellation would leave its socket open.
        for found in await asyncio.gather(*tried, return_exceptions=True):
            if isinstance(found, socket.socket):
                found.close()


async def _addresses(host: str, port: int) -> list[Address]:
    """The addresses of `host`; a numeric address is resolved without a thread."""
    numeric, stream = socket.AI_NUMERICHOST, socket.SOCK_STREAM
    try:
        found = list(socket.getaddrinfo(host, port, type=stream, flags=numeric))
    except socket.gaierror:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=stream)
    # Limited: a DNS server may return any number of addresses.
    distinct: dict[Address, None] = dict.fromkeys((one[0], one[4]) for one in found)
    return list(distinct)[:MAX_ADDRESSES]


async def _connect(family: int, address: Any) -> socket.socket:
    with contextlib.ExitStack() as stack:
        opened = stack.enter_context(socket.socket(family, socket.SOCK_STREAM))
        opened.setblocking(False)
        await asyncio.get_running_loop().sock_connect(opened, address)
        stack.pop_all()  # connected: the caller closes it
        return opened
