"""One POST of JSON over http or https: in a thread, within limits, never sent elsewhere."""

from __future__ import annotations

import asyncio
import http.client
import ssl
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import urlsplit

from stt_shared.errors import ConfigError, UnreachableError
from stt_shared.redaction import hide_addresses

TIMEOUT_S = 10.0  # of connecting, and between two pieces of an answer
SAID_CHARACTERS = 200  # of a refusal, shown
_BROKEN = (OSError, http.client.HTTPException, ValueError)


class ChannelError(UnreachableError):
    """A channel did not take what it was given."""


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
        self._opener = urllib.request.OpenerDirector()
        for handler in (
            urllib.request.ProxyHandler(),
            urllib.request.HTTPHandler(),
            urllib.request.HTTPSHandler(context=context),
            urllib.request.HTTPDefaultErrorHandler(),
            urllib.request.HTTPErrorProcessor(),
        ):
            self._opener.add_handler(handler)

    async def __call__(self, url: str, body: bytes, headers: Mapping[str, str]) -> None:
        """See Post."""
        await asyncio.to_thread(self._post, url, body, headers)

    def _post(self, url: str, body: bytes, headers: Mapping[str, str]) -> None:
        every = {"Content-Type": "application/json", "User-Agent": "security-threat-tool"}
        request = urllib.request.Request(url, data=body, headers=every | dict(headers))  # noqa: S310  # http and https alone, see the settings' rules
        try:
            self._opener.open(request, timeout=TIMEOUT_S).close()
        except urllib.error.HTTPError as error:
            raise ChannelError(f"{place(url)} answers {error.code}{_said(error)}") from error
        except urllib.error.URLError as error:
            why = str(getattr(error.reason, "strerror", None) or error.reason)
            raise ChannelError(f"{place(url)} cannot be reached ({why.lower()})") from error
        except _BROKEN as error:
            why = str(error) or type(error).__name__
            raise ChannelError(f"{place(url)} breaks off ({why})") from error


def _said(error: urllib.error.HTTPError) -> str:
    """The beginning of what a refusal says."""
    with error:
        try:
            text = error.read1(SAID_CHARACTERS).decode(errors="replace")
        except _BROKEN:
            return ""
    words = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return f" ({words})" if words else ""
