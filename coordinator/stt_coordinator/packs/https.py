"""A file over https: asked for only if it changed, within limits of size and time, tried again."""

from __future__ import annotations

import asyncio
import http.client
import ssl
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from email.message import Message
from typing import IO

from stt_shared import clock
from stt_shared.errors import SttError

CONNECT_S = 10.0  # also between two pieces of an answer
WHOLE_S = 60.0
PIECE_BYTES = 64 * 1024
PAUSES_S = (0.5, 2.0)  # between the tries; one try more than pauses
RETRIED = frozenset({408, 425, 429})
NOT_MODIFIED = 304
SERVER_ERROR = 500
_BROKEN = (OSError, http.client.HTTPException, ValueError)


class FetchError(SttError):
    """A pack cannot be fetched; `again` tells whether the next try may do better."""

    def __init__(self, message: str, *, again: bool = False) -> None:
        super().__init__(message)
        self.again = again


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """What a server said of the file's version, to be told when it is asked for again."""

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
    """Fetches over TLS alone, also when it is sent elsewhere."""

    context: ssl.SSLContext | None = None  # None: the system's certificates
    pause: Pause = asyncio.sleep

    async def get(self, url: str, limit: int, version: Version | None = None) -> Body | None:
        """The file at `url`, None if it is still of `version`; raises FetchError.

        At most `limit` bytes are read.
        """
        for wait in (*PAUSES_S, None):
            try:
                return await asyncio.to_thread(self._get, url, limit, version or UNKNOWN)
            except FetchError as error:
                if not error.again or wait is None:
                    raise
                await self.pause(wait)
        raise AssertionError(url)  # the last try returns or raises

    def _get(self, url: str, limit: int, version: Version) -> Body | None:
        request = urllib.request.Request(url, headers=_headers(version))  # noqa: S310  # https alone, see _opener
        try:
            with _opener(self.context).open(request, timeout=CONNECT_S) as reply:
                data = _read(reply, url, limit)
                return Body(data=data, version=_version(reply.headers))
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == NOT_MODIFIED:
                return None
            again = error.code in RETRIED or error.code >= SERVER_ERROR
            raise FetchError(f"{url} answers {error.code} {error.reason}", again=again) from error
        except urllib.error.URLError as error:
            raise FetchError(f"{url} cannot be reached ({error.reason})", again=True) from error
        except _BROKEN as error:
            why = str(error) or type(error).__name__
            raise FetchError(f"{url} breaks off ({why})", again=True) from error


def _headers(version: Version) -> dict[str, str]:
    return {"User-Agent": "security-threat-tool", **version.headers}


def _version(headers: Message | Mapping[str, str]) -> Version:
    return Version(
        etag=str(headers.get("ETag") or ""), modified=str(headers.get("Last-Modified") or "")
    )


def _read(reply: http.client.HTTPResponse, url: str, limit: int) -> bytes:
    """All of it; a server that sends for ever, or ever so slowly, is given up."""
    deadline = clock.monotonic() + WHOLE_S
    data = bytearray()
    while piece := reply.read1(PIECE_BYTES):
        data += piece
        if len(data) > limit:
            raise FetchError(f"{url} is larger than {limit} bytes, the limit")
        if clock.monotonic() > deadline:
            raise FetchError(f"{url} takes longer than {WHOLE_S:g} s", again=True)
    if reply.length:
        raise FetchError(f"{url} breaks off {reply.length} bytes before its end", again=True)
    return bytes(data)


class _OnlyHttps(urllib.request.HTTPRedirectHandler):
    def redirect_request(  # noqa: PLR0917  # urllib's own signature
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        if not newurl.startswith("https://"):
            raise FetchError(f"{req.full_url} leads to {newurl:.200}, expected https://")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener(context: ssl.SSLContext | None) -> urllib.request.OpenerDirector:
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPSHandler(context=context or ssl.create_default_context()),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        _OnlyHttps(),
    ):
        opener.add_handler(handler)
    return opener
