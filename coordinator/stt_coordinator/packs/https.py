"""A file over https: asked for only if it changed, within limits of size and time, tried again."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import httpx

from stt_shared.errors import SttError
from stt_shared.http_client import FAILURES, failure_of, open_client, read_body

WHOLE_S = 60.0  # from connecting to the last byte
NOT_MODIFIED = 304
PAUSES_S = (0.5, 2.0)  # between the tries; one try more than pauses
RETRIED = frozenset({408, 425, 429})


class FetchError(SttError):
    """A pack cannot be fetched; `again`: another try may succeed."""

    def __init__(self, message: str, *, again: bool = False) -> None:
        super().__init__(message)
        self.again = again


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """The version of a file as its server names it; sent back to ask for changes only."""

    etag: str = ""
    modified: str = ""

    @property
    def headers(self) -> dict[str, str]:
        """What makes a request conditional."""
        found = {"If-None-Match": self.etag, "If-Modified-Since": self.modified}
        return {name: value for name, value in found.items() if value}


UNKNOWN = Version()


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """What a server sent."""

    data: bytes
    version: Version


Pause = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """Fetches over TLS alone, also from where a redirect leads."""

    context: ssl.SSLContext | None = None  # None: the system's certificates
    pause: Pause = asyncio.sleep

    async def get(self, url: str, limit: int, version: Version | None = None) -> Body | None:
        """The file at `url`, None if it is still of `version`; raises FetchError.

        At most `limit` bytes are kept.
        """
        for wait in (*PAUSES_S, None):
            try:
                return await self._get(url, limit, version or UNKNOWN)
            except FetchError as error:
                if not error.again or wait is None:
                    raise
                await self.pause(wait)
        raise AssertionError(url)  # the last try returns or raises

    async def _get(self, url: str, limit: int, version: Version) -> Body | None:
        async def only_https(request: httpx.Request) -> None:
            # A redirect into the clear would let anybody on the way choose the pack.
            if request.url.scheme != "https":
                raise FetchError(f"{url} leads to {request.url!s:.200}, expected https://")

        context = self.context or ssl.create_default_context()
        try:
            async with (
                # The client's own time-outs count from piece to piece: a server that sends
                # one byte at a time would hold a fetch for ever.
                asyncio.timeout(WHOLE_S),
                open_client(context, only_https) as client,
                client.stream("GET", url, headers=version.headers, follow_redirects=True) as reply,
            ):
                return await _received(reply, url, limit)
        except TimeoutError as error:
            raise FetchError(f"{url} takes longer than {WHOLE_S:g} s", again=True) from error
        except FAILURES as error:
            raise FetchError(f"{url} {failure_of(error)}", again=True) from error


async def _received(reply: httpx.Response, url: str, limit: int) -> Body | None:
    code = reply.status_code
    if code == NOT_MODIFIED:
        return None
    if not reply.is_success:
        again = code in RETRIED or reply.is_server_error
        raise FetchError(f"{url} answers {code} {reply.reason_phrase}", again=again)
    # Read up to the limit only: the server chooses how much it sends.
    data = await read_body(reply, limit)
    if len(data) > limit:
        raise FetchError(f"{url} is larger than {limit} bytes, the limit")
    version = Version(
        etag=reply.headers.get("ETag", ""), modified=reply.headers.get("Last-Modified", "")
    )
    return Body(data=data, version=version)
