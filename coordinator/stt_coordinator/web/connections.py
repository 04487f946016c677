"""Limits of HTTP connections: their number, in all and of an address, and the time of a request.

A visitor that opens connections and sends nothing holds memory and file descriptors, which NATS and
the store need as well. Where a limit is reached the connection that has waited longest for a
request is closed: whoever sends a request gets an answer.
"""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import Callable
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from stt_coordinator.web.login.addresses import origin_of

MAX_CONNECTIONS = 256  # of all addresses
MAX_OF_ADDRESS = 64  # a browser opens 6; trusted proxies have no limit of their own
MAX_SOCKETS = 512  # with those in the handshake of TLS; a process has 1,024 descriptors by default
HEADERS_S = 10.0  # from the connection, or the last answer, to the end of the next headers
BODY_S = 30.0  # from there to the end of the body
READING_S = 30.0  # for a visitor to read what was written to it


class Connections:
    """The open connections of a server; `is_trusted` tells the addresses of proxies."""

    def __init__(self, is_trusted: Callable[[str], bool]) -> None:
        self._is_trusted = is_trusted
        self._open: dict[LimitedProtocol, str] = {}  # oldest first, with their origin

    def __len__(self) -> int:
        return len(self._open)

    def add(self, one: LimitedProtocol, host: str) -> None:
        """Count a connection, and close another if it is one too many."""
        self._open[one] = origin = origin_of(host)
        numbers = Counter(self._open.values())
        if numbers[origin] > MAX_OF_ADDRESS and not self._is_trusted(host):
            self._close_one_of(origin)
        elif len(self._open) > MAX_CONNECTIONS:
            # Of the origin with the most: a flood from one address closes its own connections.
            self._close_one_of(numbers.most_common(1)[0][0])

    def remove(self, one: LimitedProtocol) -> None:
        """Count a connection no more; it may have been removed already."""
        self._open.pop(one, None)

    def _close_one_of(self, origin: str) -> None:
        of_origin = [one for one, other in self._open.items() if other == origin]
        one = next((one for one in of_origin if one.waits_for_request), of_origin[-1])
        # Now, not when the transport reports it: the next connection counts before that.
        self.remove(one)
        one.transport.abort()


class LimitedProtocol(H11Protocol):
    """HTTP/1.1 with a time limit for headers and body."""

    limits: Connections
    _timer: asyncio.TimerHandle | None = None

    @property
    def waits_for_request(self) -> bool:
        """Whether no request is being answered."""
        cycle: Any = self.cycle  # None before the first request, whatever its annotation
        return cycle is None or bool(cycle.response_complete)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See asyncio.Protocol."""
        super().connection_made(transport)
        self.limits.add(self, self.client[0] if self.client else "")
        self._set_timer(HEADERS_S)

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        self.limits.remove(self)
        self._set_timer(None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol; bytes that end neither headers nor body give no more time."""
        waited, body = self.waits_for_request, self.conn.their_state is h11.SEND_BODY
        super().data_received(data)
        reads_body = self.conn.their_state is h11.SEND_BODY
        if reads_body and (waited or not body):
            self._set_timer(BODY_S)
        elif not reads_body and not self.waits_for_request:
            self._set_timer(None)

    def on_response_complete(self) -> None:
        """See H11Protocol."""
        # Before the next request of a pipeline is handled, which may wait for its body.
        self._set_timer(HEADERS_S)
        super().on_response_complete()
        if not self.waits_for_request:
            self._set_timer(BODY_S if self.conn.their_state is h11.SEND_BODY else None)

    def pause_writing(self) -> None:
        """See asyncio.Protocol; a visitor that reads nothing is not waited for."""
        self._set_timer(READING_S)
        super().pause_writing()

    def resume_writing(self) -> None:
        """See asyncio.Protocol."""
        self._set_timer(None)
        super().resume_writing()

    def _set_timer(self, seconds: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if seconds is not None:
            self._timer = self.loop.call_later(seconds, self.transport.abort)


def limited_protocol(limits: Connections) -> type[LimitedProtocol]:
    """The protocol of a server whose connections `limits` counts."""
    return type("LimitedProtocol", (LimitedProtocol,), {"limits": limits})


class LimitedListener(socket.socket):
    """A listening socket that has at most MAX_SOCKETS accepted sockets open."""

    accepted = 0

    def accept(self) -> tuple[socket.socket, Any]:
        """See socket.socket; a connection above the limit is closed at once."""
        while True:
            plain, address = super().accept()
            one = _Accepted(self.family, self.type, self.proto, fileno=plain.detach())
            one.listener = self
            self.accepted += 1
            if self.accepted <= MAX_SOCKETS:
                return one, address
            one.close()


class _Accepted(socket.socket):
    listener: LimitedListener | None = None

    def close(self) -> None:
        listener, self.listener = self.listener, None
        if listener is not None:
            listener.accepted -= 1
        super().close()
