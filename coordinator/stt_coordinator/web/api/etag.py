"""Entity tags: 304 for a client that already has the answer."""

from __future__ import annotations

import re
from hashlib import sha256

from litestar.datastructures import Headers, MutableScopeHeaders
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.status_codes import HTTP_200_OK, HTTP_304_NOT_MODIFIED
from litestar.types import ASGIApp, HTTPResponseStartEvent, Message, Receive, Scope, Send

TAG_CHARACTERS = 32  # of the hash of the body
_TAGS = re.compile(r'(?:W/)?("[\x21\x23-\x7e\x80-\xff]*")')
CACHING = "private, no-cache"  # a cache may keep it for its own user, and has to ask each time


class EntityTags(ASGIMiddleware):
    """Tags answers to GET, and answers 304 to a request with the current tag."""

    scopes = (ScopeType.HTTP,)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Hold the answer back until all of its body, which the tag is made of, is there."""
        if scope["type"] != ScopeType.HTTP or scope["method"] != "GET":
            await next_app(scope, receive, send)
            return
        start: list[HTTPResponseStartEvent] = []
        body: list[bytes] = []

        async def held(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.append(message)
            elif message["type"] == "http.response.body":
                body.append(message["body"])
                if not message["more_body"]:
                    await _tagged(scope, send, start[0], b"".join(body))
            else:
                await send(message)

        await next_app(scope, receive, held)


async def _tagged(scope: Scope, send: Send, start: HTTPResponseStartEvent, body: bytes) -> None:
    if start["status"] == HTTP_200_OK:
        tag = f'"{sha256(body).hexdigest()[:TAG_CHARACTERS]}"'
        headers = MutableScopeHeaders.from_message(start)
        headers["ETag"] = tag
        headers["Cache-Control"] = CACHING
        headers["Vary"] = "Authorization, Cookie"
        # One of these tags is enough, compared weakly (RFC 9110).
        known = ",".join(Headers.from_scope(scope).getall("if-none-match", []))
        if known.strip() == "*" or tag in _TAGS.findall(known):
            start["status"] = HTTP_304_NOT_MODIFIED
            body = b""
            for name in ("content-length", "content-type"):
                if name in headers:
                    del headers[name]
    await send(start)
    await send({"type": "http.response.body", "body": body, "more_body": False})
