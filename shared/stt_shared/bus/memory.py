"""The in-process twin of the message bus: one broker, any number of connections to it.

Time stands still in it: a lease ends only when `expire_leases` is called.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from stt_shared.bus.port import (
    Delivery,
    Handler,
    Heard,
    Inbox,
    Outgoing,
    Peer,
    Publication,
    Receipt,
    Stored,
)
from stt_shared.errors import UnreachableError
from stt_shared.protocol.subjects import ConsumerSpec, StreamSpec


def matches(pattern: str, subject: str) -> bool:
    """Whether `subject` is one that `pattern`, with `*` and `>`, names."""
    asked, given = pattern.split("."), subject.split(".")
    for index, word in enumerate(asked):
        if word == ">":
            return len(given) > index
        if index >= len(given) or word not in {"*", given[index]}:
            return False
    return len(asked) == len(given)


@dataclass(slots=True)
class _Kept:
    subject: str
    data: bytes
    headers: Mapping[str, str]
    sequence: int


@dataclass(slots=True)
class _Stream:
    spec: StreamSpec
    messages: dict[int, _Kept] = field(default_factory=dict[int, _Kept])
    ids: dict[str, int] = field(default_factory=dict[str, int])
    last: int = 0

    def of(self, subject: str) -> list[_Kept]:
        return [kept for kept in self.messages.values() if kept.subject == subject]


@dataclass(slots=True)
class _Consumer:
    spec: ConsumerSpec
    waiting: list[int] = field(default_factory=list[int])
    leased: dict[str, int] = field(default_factory=dict[str, int])
    delivered: dict[int, int] = field(default_factory=dict[int, int])
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, sequence: int) -> None:
        self.waiting.append(sequence)
        self.arrived.set()


class MemoryBroker:
    """What a nats-server is to its connections; `down` makes it unreachable."""

    def __init__(self) -> None:
        self.down = False
        self.streams: dict[str, _Stream] = {}
        self.consumers: dict[tuple[str, str], _Consumer] = {}
        self.listeners: list[tuple[str, asyncio.Queue[Heard]]] = []
        self.services: dict[str, Handler] = {}
        self._leases = itertools.count(1)

    def connect(self) -> MemoryBus:
        """A connection of its own."""
        return MemoryBus(self)

    def check(self) -> None:
        """Raise UnreachableError while the broker is down."""
        if self.down:
            raise UnreachableError("the broker is down")

    def stream_of(self, subject: str) -> _Stream | None:
        """The stream that takes `subject`."""
        for stream in self.streams.values():
            if any(matches(pattern, subject) for pattern in stream.spec.subjects):
                return stream
        return None

    def store(self, message: Outgoing) -> Receipt:
        """Store one message as JetStream would."""
        stream = self.stream_of(message.subject)
        if self.down or stream is None:
            reason = "the broker is down" if self.down else "no stream takes this subject"
            return Receipt(publication=Publication.FAILED, reason=reason)
        if message.message_id in stream.ids:
            sequence = stream.ids[message.message_id]
            return Receipt(publication=Publication.DUPLICATE, sequence=sequence)
        present = stream.of(message.subject)
        expected = message.expected_last
        if expected is not None and expected != (present[-1].sequence if present else 0):
            return Receipt(publication=Publication.CONFLICT, reason="wrong last sequence")
        if not self._make_room(stream, present):
            return Receipt(publication=Publication.OCCUPIED, reason="one message per subject")
        return Receipt(publication=Publication.STORED, sequence=self._keep(stream, message))

    def _make_room(self, stream: _Stream, present: list[_Kept]) -> bool:
        limit = stream.spec.max_msgs_per_subject
        if limit < 0 or len(present) < limit:
            return True
        if stream.spec.discard == "new" and stream.spec.discard_new_per_subject:
            return False
        del stream.messages[present[0].sequence]
        return True

    def _keep(self, stream: _Stream, message: Outgoing) -> int:
        stream.last += 1
        kept = _Kept(message.subject, message.data, dict(message.headers), stream.last)
        stream.messages[stream.last] = kept
        if message.message_id:
            stream.ids[message.message_id] = stream.last
        for (name, _), consumer in self.consumers.items():
            if name == stream.spec.name and _wants(consumer.spec, message.subject):
                consumer.add(stream.last)
        if stream.spec.republish is not None:
            source, target = (pattern.removesuffix(">") for pattern in stream.spec.republish)
            self.tell(target + message.subject.removeprefix(source), message.data)
        self.tell(message.subject, message.data)
        return stream.last

    def tell(self, subject: str, data: bytes) -> None:
        """Hand a message to whoever listens now."""
        for pattern, queue in self.listeners:
            if matches(pattern, subject):
                queue.put_nowait(Heard(subject=subject, data=data))

    def lease(self, stream: str, consumer: str, limit: int) -> list[Delivery]:
        """Take up to `limit` waiting messages of a consumer."""
        taken: list[Delivery] = []
        state = self.consumers.get((stream, consumer))
        while state is not None and state.waiting and len(taken) < limit:
            kept = self.streams[stream].messages.get(state.waiting.pop(0))
            if kept is not None:
                taken.append(self._deliver(state, kept))
        if state is not None and not state.waiting:
            state.arrived.clear()
        return taken

    def _deliver(self, state: _Consumer, kept: _Kept) -> Delivery:
        lease = f"{state.spec.name}-{next(self._leases)}"
        state.leased[lease] = kept.sequence
        state.delivered[kept.sequence] = state.delivered.get(kept.sequence, 0) + 1
        return Delivery(
            subject=kept.subject,
            data=kept.data,
            headers=kept.headers,
            sequence=kept.sequence,
            delivered=state.delivered[kept.sequence],
            lease=lease,
        )

    def settle(self, stream: str, consumer: str, lease: str) -> None:
        """A work queue forgets what was settled."""
        sequence = self.consumers[stream, consumer].leased.pop(lease, None)
        if sequence is not None and self.streams[stream].spec.retention == "workqueue":
            self.streams[stream].messages.pop(sequence, None)

    def give_back(self, stream: str, consumer: str, lease: str) -> None:
        """Deliver it again."""
        state = self.consumers[stream, consumer]
        sequence = state.leased.pop(lease, None)
        if sequence is not None:
            state.add(sequence)

    def expire_leases(self) -> None:
        """Deliver again whatever is unsettled, as after ack_wait."""
        for (stream, name), state in self.consumers.items():
            for lease in list(state.leased):
                self.give_back(stream, name, lease)


def _wants(spec: ConsumerSpec, subject: str) -> bool:
    return not spec.filter_subject or matches(spec.filter_subject, subject)


@dataclass(slots=True)
class MemoryInbox:
    """Deliveries of one consumer; see the port."""

    broker: MemoryBroker
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
            self.broker.settle(self.stream, self.consumer, delivery.lease)

    async def retry(self, delivery: Delivery, *, delay: float) -> None:
        """See the port; the delay is not waited for."""
        del delay
        self.held.discard(delivery.lease)
        self.broker.give_back(self.stream, self.consumer, delivery.lease)

    async def end(self, delivery: Delivery) -> None:
        """See the port."""
        self.held.discard(delivery.lease)
        self.broker.settle(self.stream, self.consumer, delivery.lease)


class MemoryBus:
    """One connection to a MemoryBroker; see the port."""

    def __init__(self, broker: MemoryBroker) -> None:
        self.broker = broker

    async def ensure(
        self, streams: Sequence[StreamSpec], consumers: Sequence[ConsumerSpec]
    ) -> tuple[str, ...]:
        """See the port."""
        self.broker.check()
        for spec in streams:
            self.broker.streams.setdefault(spec.name, _Stream(spec)).spec = spec
        for wanted in consumers:
            if (wanted.stream, wanted.name) not in self.broker.consumers:
                self._create(wanted)
        return ()

    def _create(self, spec: ConsumerSpec) -> None:
        consumer = self.broker.consumers[spec.stream, spec.name] = _Consumer(spec)
        for kept in self.broker.streams[spec.stream].messages.values():
            if _wants(spec, kept.subject):
                consumer.add(kept.sequence)

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
        yield inbox

    async def last(self, stream: str, subject: str) -> Stored | None:
        """See the port."""
        self.broker.check()
        if stream not in self.broker.streams:
            raise UnreachableError(f"nobody answers for {subject}")
        found = self.broker.streams[stream].of(subject)
        return Stored(data=found[-1].data, sequence=found[-1].sequence) if found else None

    async def send(self, subject: str, data: bytes) -> None:
        """See the port."""
        self.broker.check()
        self.broker.tell(subject, data)

    @asynccontextmanager
    async def listen(self, subject: str) -> AsyncGenerator[AsyncIterator[Heard], None]:
        """See the port."""
        entry = (subject, asyncio.Queue[Heard]())
        self.broker.listeners.append(entry)
        try:
            yield _read(entry[1])
        finally:
            self.broker.listeners.remove(entry)

    async def request(self, subject: str, data: bytes, *, timeout: float) -> bytes:  # noqa: ASYNC109  # the port's word
        """See the port."""
        self.broker.check()
        handler = self.broker.services.get(subject)
        if handler is None:
            raise UnreachableError(f"nobody answers on {subject}")
        try:
            async with asyncio.timeout(timeout):
                return await handler(data)
        except TimeoutError as error:
            raise UnreachableError(f"no answer on {subject} within {timeout:g} s") from error

    @asynccontextmanager
    async def serve(self, handlers: Mapping[str, Handler]) -> AsyncGenerator[None, None]:
        """See the port."""
        self.broker.services.update(handlers)
        try:
            yield
        finally:
            for subject in handlers:
                self.broker.services.pop(subject, None)

    def peer(self) -> Peer | None:
        """See the port."""
        return None

    async def close(self) -> None:
        """See the port."""


async def _read(heard: asyncio.Queue[Heard]) -> AsyncIterator[Heard]:
    while True:
        yield await heard.get()
