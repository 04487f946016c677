"""The message bus as coordinator, worker and client use it.

Every method except `publish` raises UnreachableError if the bus does not answer in time. The
adapter reconnects by itself without end; a caller only has to try again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol

from stt_shared.bus.values import Delivery, LiveMessage, Outgoing, Peer, Receipt, Request, Stored
from stt_shared.protocol.specs import ConsumerSpec, StreamSpec


class Inbox(Protocol):
    """Deliveries of one consumer; their leases are renewed until ack, retry or end."""

    async def take(self, limit: int, *, wait: float, linger: float = 0.0) -> list[Delivery]:
        """Up to `limit` deliveries: waits `wait` seconds for the first, `linger` for more.

        The list is empty if no message arrived.
        """
        ...

    async def ack(self, deliveries: Sequence[Delivery]) -> None:
        """Acknowledge; returns once the server confirmed it, else raises UnreachableError."""
        ...

    async def retry(self, delivery: Delivery, *, delay: float) -> None:
        """Request another delivery after `delay` seconds."""
        ...

    async def end(self, delivery: Delivery) -> None:
        """Terminate: the message is never delivered again."""
        ...


Handler = Callable[[Request], Awaitable[bytes]]
SERVICE_GROUP = "q"


class Bus(Protocol):
    """A connection to the message bus."""

    async def ensure(
        self, streams: Sequence[StreamSpec], consumers: Sequence[ConsumerSpec]
    ) -> tuple[str, ...]:
        """Create or correct streams and consumers; returns the features that the server lacks."""
        ...

    async def succeed(self, spec: ConsumerSpec, rank: Callable[[str], int | None]) -> None:
        """Create a consumer that goes on behind its predecessor, and delete all predecessors.

        `rank` orders the names of predecessors; it is None for any other consumer. The highest
        other than `spec` is gone on behind: what it had not acknowledged is delivered again. What a
        deleted consumer delivered can no longer be acknowledged.
        """
        ...

    async def acknowledged(self, stream: str, rank: Callable[[str], int | None]) -> Stored | None:
        """The message up to which the consumer of the highest rank acknowledged all; or None."""
        ...

    async def drop(self, stream: str, is_dropped: Callable[[str], bool]) -> tuple[str, ...]:
        """Delete the consumers of a stream that `is_dropped` names; returns their names."""
        ...

    def can_fence(self) -> bool:
        """Whether the server compares `Outgoing.expected_of`; false without a connection."""
        ...

    async def trim(self, consumer: ConsumerSpec) -> int:
        """Delete the oldest messages `consumer` has acknowledged, if its stream is nearly full."""
        ...

    async def free(self, consumer: ConsumerSpec, suspects: Collection[str] = ()) -> tuple[str, ...]:
        """Delete messages `consumer` never delivers again, all if a suspect's cannot be read."""
        ...

    async def behind(self, streams: Sequence[str]) -> frozenset[str]:
        """The servers with a replica that is not up to date; raises UnreachableError."""
        ...

    async def publish(self, messages: Sequence[Outgoing]) -> list[Receipt]:
        """Store messages concurrently; returns one receipt for each, in order. Never raises."""
        ...

    def consume(
        self, stream: str, consumer: str, *, capacity: int
    ) -> AbstractAsyncContextManager[Inbox]:
        """The inbox of a consumer, for `capacity` deliveries; at its end unsettled ones go back."""
        ...

    async def last(self, stream: str, subject: str) -> Stored | None:
        """The last message of a subject (wildcards allowed), empty for a deleted key, or None.

        Raises UnreachableError also if the stream does not exist.
        """
        ...

    async def now(self, stream: str) -> datetime:
        """The clock of the server that answers for `stream`; raises UnreachableError."""
        ...

    async def delete(
        self, stream: str, subject: str, before: int, *, consumer: ConsumerSpec | None = None
    ) -> int:
        """Delete `subject` (or wildcards) below the returned one: `before`, `consumer`'s floor."""
        ...

    async def send(self, subject: str, data: bytes) -> None:
        """Send to the current listeners without storing; the message may be lost."""
        ...

    def listen(self, subject: str) -> AbstractAsyncContextManager[AsyncIterator[LiveMessage]]:
        """The messages sent or republished on a subject (wildcards allowed) from now on."""
        ...

    async def request(self, subject: str, data: bytes, *, timeout: float) -> bytes:  # noqa: ASYNC109  # the name that NATS uses
        """The answer of a service; raises RequestError if it answers with an error."""
        ...

    def serve(
        self, handlers: Mapping[str, Handler], *, group: str = SERVICE_GROUP
    ) -> AbstractAsyncContextManager[None]:
        """Answer requests as the micro service `stt`; one process of each `group` gets a request.

        A handler raises RequestError to answer with a code, and NoReplyError not to answer. A
        message with a status of the server is no request: a misused reply subject brings it here.
        """
        ...

    def peer(self) -> Peer | None:
        """The connected server; None while there is no connection."""
        ...

    def stalled_s(self) -> float:
        """Seconds since the connection last worked or was tried again: of a client that hangs."""
        ...

    def refused(self) -> tuple[str, ...]:
        """What permissions have refused since the start, e.g. `publish stt.v1.x`."""
        ...

    async def close(self) -> None:
        """Flush pending messages and disconnect; never blocks for ever, may be called twice."""
        ...
