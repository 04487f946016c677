"""One POST of JSON over http or https: within limits, and never sent elsewhere."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import urlsplit

import httpx

from stt_shared.errors import ConfigError, UnreachableError
from stt_shared.http_client import FAILURES, TIMEOUT_S, failure_of, open_client, read_body
from stt_shared.redaction import hide_addresses

REFUSAL_CHARACTERS = 200  # of the body of a refusal, shown


class ChannelError(UnreachableError):
    """A channel did not accept a message."""


# Sends a body with headers to an address; raises ChannelError unless the answer is 2xx.
Post = Callable[[str, bytes, Mapping[str, str]], Awaitable[None]]


def place(url: str) -> str:
    """Scheme, host and port of an address: paths of webhooks are secrets."""
    parts = urlsplit(url)
    return hide_addresses(f"{parts.scheme}://{parts.netloc}")


def trusted(ca: str) -> ssl.SSLContext:
    """What verifies servers: the system's CAs, or those of the file `ca`; raises ConfigError."""
    try:
        return ssl.create_default_context(cafile=ca or None)
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise ConfigError(f"alerts.ca {ca!r} cannot be used ({why})") from error


class Poster:
    """Posts with the certificates it trusts; a redirect is a refusal."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context

    async def __call__(self, url: str, body: bytes, headers: Mapping[str, str]) -> None:
        """See Post."""
        every = {"Content-Type": "application/json", **headers}
        try:
            # No redirect is followed: what is posted is for the configured receiver alone.
            async with (
                open_client(self._context) as client,
                client.stream("POST", url, content=body, headers=every) as reply,
            ):
                if not reply.is_success:
                    text = await _refusal(reply)
                    raise ChannelError(f"{place(url)} answers {reply.status_code}{text}")
        except FAILURES as error:
            raise ChannelError(f"{place(url)} {failure_of(error)}") from error


async def _refusal(reply: httpx.Response) -> str:
    """The beginning of the body of a refusal in parentheses; empty if it has none."""
    try:
        async with asyncio.timeout(TIMEOUT_S):
            data = await read_body(reply, REFUSAL_CHARACTERS)
    except (*FAILURES, TimeoutError):
        return ""
    text = data[:REFUSAL_CHARACTERS].decode(errors="replace")
    words = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return f" ({words})" if words else ""
