"""The HTTP client of packs, alerts and the doctor: time-outs, TLS, limits, readable failures."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Any, cast

import httpx

TIMEOUT_S = 10.0  # of connecting, and between two pieces of an answer
MAX_REDIRECTS = 10
# Every way in which a request ends without a status. ImportError: a SOCKS proxy in the environment.
FAILURES = (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError, ImportError)
_NOT_CONNECTED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError, ImportError)

OnRequest = Callable[[httpx.Request], Awaitable[None]]


def open_client(context: ssl.SSLContext, *on_request: OnRequest) -> httpx.AsyncClient:
    """A client for one request, which trusts the authorities of `context` alone.

    `on_request` is awaited before every request, so also before each redirect. Raises FAILURES.
    """
    return httpx.AsyncClient(
        verify=context,
        timeout=TIMEOUT_S,
        max_redirects=MAX_REDIRECTS,
        event_hooks={"request": list(on_request)},
        # Limits count the bytes that are sent: nothing may unpack into more.
        headers={"User-Agent": "security-threat-tool", "Accept-Encoding": "identity"},
    )


async def read_body(reply: httpx.Response, limit: int) -> bytes:
    """The body; reading stops at the first piece beyond `limit` bytes. Raises FAILURES."""
    data = bytearray()
    async with aclosing(cast("AsyncGenerator[bytes]", reply.aiter_raw())) as pieces:
        async for piece in pieces:
            data += piece
            if len(data) > limit:
                break
    return bytes(data)


def failure_of(error: Exception) -> str:
    """What happened to a request, e.g. `cannot be reached (connection refused)`."""
    what = "cannot be reached" if isinstance(error, _NOT_CONNECTED) else "breaks off"
    return f"{what} ({_reason(error).lower()})"


def _reason(error: Exception) -> str:
    """The words of the operating system or of TLS where they are among the causes."""
    if isinstance(error, httpx.TimeoutException):
        return "timed out"
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError | socket.gaierror):
            return cause.strerror or str(cause)
        if isinstance(cause, OSError) and cause.errno:
            return os.strerror(cause.errno)
        several: Any = getattr(cause, "exceptions", None)  # one for each address of the host
        cause = several[-1] if several else cause.__cause__ or cause.__context__
    return str(error) or type(error).__name__
