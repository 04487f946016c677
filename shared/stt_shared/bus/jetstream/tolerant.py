"""A NATS client whose connection outlives every message that a server passes on.

nats-server passes subjects, replies and headers on as bytes that it does not look into. The read
loop of the client ends at bytes that are not UTF-8, at headers without lines, and at a subject with
a form feed. A message in a stream would end each new connection as well.
"""

from __future__ import annotations

import re
from typing import Any

from nats.aio.client import Client
from nats.protocol import parser

from stt_shared.telemetry.logs import logger

log = logger("nats")

# The server separates by spaces and tabs alone; the client's own patterns by all white space.
parser.MSG_RE = re.compile(
    rb"\AMSG[ \t]+([^ \t\r\n]+)[ \t]+([^ \t\r\n]+)[ \t]+(([^ \t\r\n]+)[ \t]+)?(\d+)\r\n"
)
parser.HMSG_RE = re.compile(
    rb"\AHMSG[ \t]+([^ \t\r\n]+)[ \t]+([^ \t\r\n]+)[ \t]+(([^ \t\r\n]+)[ \t]+)?(\d+)[ \t]+(\d+)\r\n"
)


class TolerantClient(Client):
    """Delivers a message whose subject, reply or headers cannot be read; a reader refuses it."""

    async def _process_headers(self, headers: bytes) -> dict[str, str] | None:
        try:
            return await super()._process_headers(headers)  # pyright: ignore[reportUnknownMemberType]
        except (ValueError, IndexError) as error:
            log.debug("headers_unreadable", reason=str(error))
            return None

    def _build_message(
        self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: dict[str, str] | None
    ) -> Any:
        # Text with backslashes is no token of a subject, so that whoever compares it refuses it.
        return super()._build_message(sid, _readable(subject), _readable(reply), data, headers)


def _readable(name: bytes) -> bytes:
    return name.decode("utf-8", "backslashreplace").encode()
