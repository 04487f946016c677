"""The in-memory message bus: connections to one broker, with the methods of the port."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime

from stt_shared import clock
from stt_shared.bus.memory.broker import Broker
from stt_shared.bus.port import SERVICE_GROUP, Handler, Inbox
from stt_shared.bus.values import (
    Delivery,
    LiveMessage,
    NoReplyError,
    Outgoing,
    Peer,
    Receipt,
    Request,
    Stored,
)
from stt_shared.errors import NobodyAnswersError, UnreachableError
from stt_shared.protocol.specs import ConsumerSpec, StreamSpec


@dataclass(slots=True)
class MemoryInbox:
    """The deliveries of one consumer, as the port describes them."""

    broker: Broker
    stream: str
    consumer: str
    capacity: int
    held: set[str] = field(default_factory=set[str])

    async def take(self, limit: int, *, wait: float, linger: float = 0.0) -> list[Delivery]:
        """See the port."""
        state = self.broker.consumers.get((self.stream, self.consumer))
        if state is None or self.broker.down:
            await asyncio.sleep(min(wait, 0.01))
            return []
        try:
            async with asyncio.timeout(wait):
                await state.arrived.wait()
        except TimeoutError:
            return []
        if linger:
            await asyncio.sleep(linger)
        room = self.capacity - len(self.held)
        taken = self.broker.lease(self.stream, self.consumer, min(limit, room))
        self.held.update(delivery.lease for delivery in taken)
        if not taken:
            await asyncio.sleep(0)
        return taken

    async def ack(self, deliveries: Sequence[Delivery]) -> None:
        """See the port."""
        self.held.difference_update(delivery.lease for delivery in deliveries)
        self.broker.check()
        for delivery in deliveries:
            self.broker.acknowledge(self.stream, self.consumer, delivery.lease)

    async def retry(self, delivery: Delivery, *, delay: float) -> None:
        """See the port; the message is delivered again without the delay."""
        del delay
        self.held.discard(delivery.lease)
        self.broker.redeliver(self.stream, self.consumer, delivery.lease)

    async def end(self, delivery: Delivery) -> None:
        """See the port."""
        self.held.discard(delivery.lease)
        self.broker.acknowledge(self.stream, self.consumer, delivery.lease)


class MemoryBus:
    """One connection to a broker, as the port describes it."""

    def __init__(self, broker: Broker) -> None:
        self.broker = broker

    async def ensure(
        self, streams: Sequence[StreamSpec], consumers: Sequence[ConsumerSpec]
    ) -> tuple[str, ...]:
        """See the port."""
        self.broker.check()
        self.broker.ensure(streams, consumers)
        return ()

    async def succeed(self, spec: ConsumerSpec, rank: Callable[[str], int | None]) -> None:
        """See the port; raises UnreachableError."""
        self.broker.check()
        self.broker.succeed(spec, rank)

    async def acknowledged(self, stream: str, rank: Callable[[str], int | None]) -> Stored | None:
        """See the port; raises UnreachableError."""
        self.broker.check()
        return self.broker.acknowledged(stream, rank)

    async def drop(self, stream: str, is_dropped: Callable[[str], bool]) -> tuple[str, ...]:
        """See the port; raises UnreachableError."""
        self.broker.check()
        return self.broker.drop(stream, is_dropped)

    def can_fence(self) -> bool:
        """See the port."""
        return not self.broker.down

    async def trim(self, consumer: ConsumerSpec) -> int:
        """See the port; memory has no limit."""
        del consumer
        return 0

    async def free(self, consumer: ConsumerSpec, suspects: Collection[str] = ()) -> tuple[str, ...]:
        """See the port; every message here is delivered."""
        del consumer, suspects
        return ()

    async def behind(self, streams: Sequence[str]) -> frozenset[str]:
        """See the port; raises UnreachableError."""
        del streams
        self.broker.check()
        return frozenset(self.broker.behind)

    async def publish(self, messages: Sequence[Outgoing]) -> list[Receipt]:
        """See the port."""
        await asyncio.sleep(0)
        return [self.broker.store(message) for message in messages]

    @asynccontextmanager
    async def consume(
        self, stream: str, consumer: str, *, capacity: int
    ) -> AsyncGenerator[Inbox, None]:
        """See the port."""
        inbox = MemoryInbox(self.broker, stream, consumer, capacity)
        try:
            yield inbox
        finally:
            for lease in inbox.held:
                self.broker.redeliver(stream, consumer, lease)

    async def last(self, stream: str, subject: str) -> Stored | None:
        """See the port; raises UnreachableError."""
        self.broker.check()
        if stream not in self.broker.streams:
            raise UnreachableError(f"no stream for {subject}")
        found = self.broker.streams[stream].of(subject)
        return Stored(data=found[-1].data, sequence=found[-1].sequence) if found else None

    async def now(self, stream: str) -> datetime:
        """See the port; raises UnreachableError."""
        self.broker.check()
        if stream not in self.broker.streams:
            raise UnreachableError(f"no stream {stream}")
        return clock.now() + self.broker.ahead

    async def delete(
        self, stream: str, subject: str, before: int, *, consumer: ConsumerSpec | None = None
    ) -> int:
        """See the port; raises UnreachableError."""
        self.broker.check()
        if stream not in self.broker.streams:
            raise UnreachableError(f"cannot delete on {stream} (stream not found)")
        if consumer is not None:
            before = min(before, self.broker.floor(consumer) + 1)
        self.broker.delete(stream, subject, before)
        return before

    async def send(self, subject: str, data: bytes) -> None:
        """See the port."""
        self.broker.check()
        self.broker.send(subject, data)

    @asynccontextmanager
    async def listen(self, subject: str) -> AsyncGenerator[AsyncIterator[LiveMessage], None]:
        """See the port."""
        entry = (subject, asyncio.Queue[LiveMessage]())
        self.broker.listeners.append(entry)
        try:
            yield _read(entry[1])
        finally:
            self.broker.listeners.remove(entry)

    async def request(self, subject: str, data: bytes, *, timeout: float) -> bytes:  # noqa: ASYNC109  # the port's word
        """See the port; raises UnreachableError."""
        self.broker.check()
        handler = self.broker.services.get(subject)
        if handler is None:
            raise NobodyAnswersError(f"no service answers on {subject}")
        try:
            async with asyncio.timeout(timeout):
                return await handler(Request(data=data))
        except (TimeoutError, NoReplyError) as error:
            raise UnreachableError(f"no answer on {subject} within {timeout:g} s") from error

    @asynccontextmanager
    async def serve(
        self, handlers: Mapping[str, Handler], *, group: str = SERVICE_GROUP
    ) -> AsyncGenerator[None, None]:
        """See the port; a later service takes the place of an earlier one in any group."""
        del group
        self.broker.services.update(handlers)
        try:
            yield
        finally:
            for subject, handler in handlers.items():
                if self.broker.services.get(subject) is handler:
                    del self.broker.services[subject]

    def peer(self) -> Peer | None:
        """See the port."""
        return None

    def stalled_s(self) -> float:
        """See the port."""
        return 0.0

    def refused(self) -> tuple[str, ...]:
        """See the port; nothing is refused."""
        return ()

    async def close(self) -> None:
        """See the port."""


async def _read(heard: asyncio.Queue[LiveMessage]) -> AsyncIterator[LiveMessage]:
    while True:
        yield await heard.get()


class MemoryBroker(Broker):
    """A broker that offers connections to itself."""

    def connect(self) -> MemoryBus:
        """A new connection."""
        return MemoryBus(self)
