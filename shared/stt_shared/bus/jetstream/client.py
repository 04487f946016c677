"""The errors of the NATS client as text, and a close of the client that always returns."""

from __future__ import annotations

import asyncio
import errno
import os
import re
from typing import Any

import nats.errors
from nats.aio.client import Client

from stt_shared.errors import UnreachableError
from stt_shared.telemetry.logs import logger

CLOSE_S = 2.0
ROUND_TRIP_S = 5.0
_REFUSED = re.compile(
    r"permissions violation for (?P<way>publish|subscription) to \"(?P<subject>[^\"]+)\"",
    re.IGNORECASE,
)
_WAYS = {"publish": "publish", "subscription": "subscribe"}
CLIENT_ERRORS = (nats.errors.Error, OSError, TimeoutError, asyncio.TimeoutError)

log = logger("nats")


def error_text(error: BaseException) -> str:
    """The message of a client error in the style of STT."""
    text = str(error) or type(error).__name__
    if isinstance(error, OSError) and error.errno is not None:
        # asyncio adds the address to the text; the caller names it already.
        known = error.errno in errno.errorcode
        text = os.strerror(error.errno) if known else error.strerror or text
    elif isinstance(error, TimeoutError):
        text = "no answer in time"
    return text.removeprefix("nats: ").strip().lower()


def refused_use(error: BaseException) -> str:
    """What permissions refuse by this error, e.g. `publish stt.v1.x`; empty for other errors."""
    match = _REFUSED.search(str(error))
    return f"{_WAYS[match['way'].lower()]} {match['subject']}" if match else ""


async def close_client(client: Client) -> None:
    """Close a client; waits at most CLOSE_S for its socket."""
    transport: Any = getattr(client, "_transport", None)
    try:
        # The limit: the client waits for a peer that may never answer.
        async with asyncio.timeout(CLOSE_S):
            await client.close()
    except (*CLIENT_ERRORS, asyncio.InvalidStateError) as error:
        log.debug("connection_closed", reason=error_text(error))
        writer: Any = getattr(transport, "_io_writer", None)
        if writer is not None:
            writer.transport.abort()


async def flush(client: Client) -> None:
    """Return once the server has read what was sent; raises UnreachableError after ROUND_TRIP_S."""
    try:
        async with asyncio.timeout(ROUND_TRIP_S):
            await client.flush(timeout=int(ROUND_TRIP_S))
    except CLIENT_ERRORS as error:
        raise UnreachableError(f"NATS does not answer ({error_text(error)})") from error
