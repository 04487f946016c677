"""The message bus as the two halves need it; a failure to publish is a value, not an exception.

Every method but `publish` raises UnreachableError when the bus does not answer in time. The
adapter reconnects by itself, for ever; a caller just tries again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from stt_shared.protocol.subjects import ConsumerSpec, StreamSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A message to be stored; `expected_last` is the subject's last sequence (0: none yet)."""

    subject: str
    data: bytes
    message_id: str = ""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    expected_last: int | None = None


class Publication(StrEnum):
    """What became of a message."""

    STORED = "stored"
    DUPLICATE = "duplicate"  # its message id was stored before: as good as stored
    OCCUPIED = "occupied"  # the subject holds as many messages as it may
    CONFLICT = "conflict"  # the subject's last sequence is not the expected one
    FAILED = "failed"  # not known to be stored: try again with the same message id


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The answer to one Outgoing; `sequence` is 0 unless stored or duplicate."""

    publication: Publication
    sequence: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A message handed out by a consumer; `lease` is the adapter's own handle."""

    subject: str
    data: bytes
    headers: Mapping[str, str]
    sequence: int
    delivered: int  # 1 on the first delivery
    lease: str


class Inbox(Protocol):
    """Deliveries of one consumer; their leases are kept alive until they are settled here."""

    async def take(self, limit: int, *, wait: float, linger: float = 0.0) -> list[Delivery]:
        """Up to `limit` deliveries: waits `wait` seconds for the first, `linger` for more.

        An empty list means that nothing came.
        """
        ...

    async def ack(self, deliveries: Sequence[Delivery]) -> None:
        """Settle for good, confirmed by the server; raises UnreachableError if it is not."""
        ...

    async def retry(self, delivery: Delivery, *, delay: float) -> None:
        """Have it delivered again after `delay` seconds."""
        ...

    async def end(self, delivery: Delivery) -> None:
        """Settle without success: never delivered again."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """The last message of a subject."""

    data: bytes
    sequence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A message heard live; it was not necessarily stored."""

    subject: str
    data: bytes


class RequestError(Exception):
    """The asked service answered with an error: a stable code and a sentence."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """The server at the other end; None and 0 are what the client does not know."""

    host: str
    encrypted: bool | None = None
    certificate_ends: datetime | None = None
    max_payload: int = 0  # bytes


Handler = Callable[[bytes], Awaitable[bytes]]


class Bus(Protocol):
    """A connection to the message bus."""

    async def ensure(
        self, streams: Sequence[StreamSpec], consumers: Sequence[ConsumerSpec]
    ) -> tuple[str, ...]:
        """Create or correct streams and consumers; returns what the server cannot do."""
        ...

    async def publish(self, messages: Sequence[Outgoing]) -> list[Receipt]:
        """Store messages, many under way at once; one receipt each, in order, never raises."""
        ...

    def consume(
        self, stream: str, consumer: str, *, capacity: int
    ) -> AbstractAsyncContextManager[Inbox]:
        """Take from a consumer; at most `capacity` deliveries are held unsettled."""
        ...

    async def last(self, stream: str, subject: str) -> Stored | None:
        """The last message of a subject by direct get, or None; without the stream unreachable.

        A key that was deleted has a last message, an empty one.
        """
        ...

    async def send(self, subject: str, data: bytes) -> None:
        """Tell whoever listens now; loss is harmless."""
        ...

    def listen(self, subject: str) -> AbstractAsyncContextManager[AsyncIterator[Heard]]:
        """Hear what is sent or republished on a subject (wildcards allowed) from now on."""
        ...

    async def request(self, subject: str, data: bytes, *, timeout: float) -> bytes:  # noqa: ASYNC109  # NATS' own word
        """Ask a service; raises RequestError, or UnreachableError if nobody answers in time."""
        ...

    def serve(self, handlers: Mapping[str, Handler]) -> AbstractAsyncContextManager[None]:
        """Answer requests as the micro service `stt`, one handler per subject.

        A handler raises RequestError to answer with a code.
        """
        ...

    def peer(self) -> Peer | None:
        """The server that is connected now; None while there is none."""
        ...

    async def close(self) -> None:
        """Flush what is under way and disconnect; never hangs, may be called twice."""
        ...
