"""The state of the in-memory message bus: streams, consumers, leases and listeners.

No time passes in it: a lease ends only when `expire_leases` is called.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from stt_shared.bus.port import Handler
from stt_shared.bus.values import Delivery, LiveMessage, Outgoing, Publication, Receipt, Stored
from stt_shared.errors import UnreachableError
from stt_shared.protocol.specs import ConsumerSpec, StreamSpec


def matches(pattern: str, subject: str) -> bool:
    """Whether `subject` matches `pattern` with the wildcards `*` and `>`."""
    wanted, given = pattern.split("."), subject.split(".")
    for index, word in enumerate(wanted):
        if word == ">":
            return len(given) > index
        if index >= len(given) or word not in {"*", given[index]}:
            return False
    return len(wanted) == len(given)


@dataclass(slots=True)
class _Message:
    subject: str
    data: bytes
    headers: Mapping[str, str]
    sequence: int


@dataclass(slots=True)
class _Stream:
    spec: StreamSpec
    messages: dict[int, _Message] = field(default_factory=dict[int, _Message])
    ids: dict[str, int] = field(default_factory=dict[str, int])
    last: int = 0

    def of(self, pattern: str) -> list[_Message]:
        return [kept for kept in self.messages.values() if matches(pattern, kept.subject)]


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

    def floor(self, last: int) -> int:
        """The sequence up to which nothing is waiting or leased."""
        return min((*self.waiting, *self.leased.values()), default=last + 1) - 1


class Broker:
    """What a nats-server is to its connections; with `down` set it is unreachable."""

    def __init__(self) -> None:
        self.down = False
        self.behind: set[str] = set()  # names of servers, as tests set them
        self.ahead = timedelta(0)  # of its clock
        self.streams: dict[str, _Stream] = {}
        self.consumers: dict[tuple[str, str], _Consumer] = {}
        self.listeners: list[tuple[str, asyncio.Queue[LiveMessage]]] = []
        self.services: dict[str, Handler] = {}
        self._leases = itertools.count(1)

    def check(self) -> None:
        """Raise UnreachableError while the broker is down."""
        if self.down:
            raise UnreachableError("the broker is down")

    def stream_of(self, subject: str) -> _Stream | None:
        """The stream that stores `subject`, or None."""
        for stream in self.streams.values():
            if any(matches(pattern, subject) for pattern in stream.spec.subjects):
                return stream
        return None

    def ensure(self, streams: Sequence[StreamSpec], consumers: Sequence[ConsumerSpec]) -> None:
        """Create or correct streams and consumers."""
        for spec in streams:
            self.streams.setdefault(spec.name, _Stream(spec)).spec = spec
        for wanted in consumers:
            if (wanted.stream, wanted.name) not in self.consumers:
                self._create(wanted)

    def _create(self, spec: ConsumerSpec, behind: int = 0) -> None:
        consumer = self.consumers[spec.stream, spec.name] = _Consumer(spec)
        for message in self.streams[spec.stream].messages.values():
            if message.sequence > behind and _wants(spec, message.subject):
                consumer.add(message.sequence)

    def succeed(self, spec: ConsumerSpec, rank: Callable[[str], int | None]) -> None:
        """Create a consumer behind its predecessor, and delete all predecessors."""
        before = {
            place: name
            for stream, name in self.consumers
            if stream == spec.stream and name != spec.name and (place := rank(name)) is not None
        }
        if (spec.stream, spec.name) not in self.consumers:
            newest = self.consumers.get((spec.stream, before[max(before)] if before else ""))
            last = self.streams[spec.stream].last
            self._create(spec, newest.floor(last) if newest is not None else 0)
        for name in before.values():
            del self.consumers[spec.stream, name]

    def acknowledged(self, stream: str, rank: Callable[[str], int | None]) -> Stored | None:
        """The message up to which the consumer of the highest rank acknowledged all, or None."""
        ranked = {
            place: consumer
            for (name, own), consumer in self.consumers.items()
            if name == stream and (place := rank(own)) is not None
        }
        if not ranked:
            return None
        kept = self.streams[stream]
        found = kept.messages.get(ranked[max(ranked)].floor(kept.last))
        return None if found is None else Stored(data=found.data, sequence=found.sequence)

    def drop(self, stream: str, is_dropped: Callable[[str], bool]) -> tuple[str, ...]:
        """Delete the consumers of a stream that `is_dropped` names; returns their names."""
        of_stream = [name for where, name in self.consumers if where == stream]
        dropped = sorted(filter(is_dropped, of_stream))
        for name in dropped:
            del self.consumers[stream, name]
        return tuple(dropped)

    def store(self, message: Outgoing) -> Receipt:
        """Store one message as JetStream would."""
        stream = self.stream_of(message.subject)
        if self.down or stream is None:
            reason = "the broker is down" if self.down else "no stream for this subject"
            return Receipt(publication=Publication.FAILED, reason=reason)
        # Before anything else, as the server does: a repeated message is not a conflict.
        if message.message_id in stream.ids:
            sequence = stream.ids[message.message_id]
            return Receipt(publication=Publication.DUPLICATE, sequence=sequence)
        present = stream.of(message.subject)
        expected, compared = message.expected_last, present
        if message.expected_of:
            compared = stream.of(message.expected_of)
        if expected is not None and expected != (compared[-1].sequence if compared else 0):
            return Receipt(publication=Publication.CONFLICT, reason="wrong last sequence")
        limit = stream.spec.max_msgs_per_subject
        if 0 <= limit <= len(present):
            if stream.spec.discard == "new" and stream.spec.discard_new_per_subject:
                return Receipt(publication=Publication.OCCUPIED, reason="one message per subject")
            del stream.messages[present[0].sequence]
        return Receipt(publication=Publication.STORED, sequence=self._keep(stream, message))

    def _keep(self, stream: _Stream, message: Outgoing) -> int:
        stream.last += 1
        kept = _Message(message.subject, message.data, dict(message.headers), stream.last)
        stream.messages[stream.last] = kept
        if message.message_id:
            stream.ids[message.message_id] = stream.last
        for (name, _), consumer in self.consumers.items():
            if name == stream.spec.name and _wants(consumer.spec, message.subject):
                consumer.add(stream.last)
        if stream.spec.republish is not None:
            source, target = (pattern.removesuffix(">") for pattern in stream.spec.republish)
            self.send(target + message.subject.removeprefix(source), message.data)
        self.send(message.subject, message.data)
        return stream.last

    def floor(self, consumer: ConsumerSpec) -> int:
        """Up to which sequence a consumer has acknowledged everything; 0: there is none."""
        state = self.consumers.get((consumer.stream, consumer.name))
        return state.floor(self.streams[consumer.stream].last) if state is not None else 0

    def delete(self, stream: str, subject: str, before: int) -> None:
        """Delete messages of a subject below a sequence."""
        kept = self.streams[stream].messages
        for sequence in [n for n, one in kept.items() if matches(subject, one.subject)]:
            if sequence < before:
                del kept[sequence]

    def send(self, subject: str, data: bytes) -> None:
        """Deliver a message to the current listeners."""
        for pattern, queue in self.listeners:
            if matches(pattern, subject):
                queue.put_nowait(LiveMessage(subject=subject, data=data))

    def lease(self, stream: str, consumer: str, limit: int) -> list[Delivery]:
        """Lease up to `limit` waiting messages of a consumer."""
        taken: list[Delivery] = []
        state = self.consumers.get((stream, consumer))
        while state is not None and state.waiting and len(taken) < limit:
            kept = self.streams[stream].messages.get(state.waiting.pop(0))
            if kept is None:
                continue  # deleted from the stream while it waited
            lease = f"{state.spec.name}-{next(self._leases)}"
            state.leased[lease] = kept.sequence
            state.delivered[kept.sequence] = state.delivered.get(kept.sequence, 0) + 1
            taken.append(
                Delivery(
                    subject=kept.subject,
                    data=kept.data,
                    headers=kept.headers,
                    sequence=kept.sequence,
                    delivered=state.delivered[kept.sequence],
                    lease=lease,
                )
            )
        if state is not None and not state.waiting:
            state.arrived.clear()
        return taken

    def acknowledge(self, stream: str, consumer: str, lease: str) -> None:
        """End a lease for good; a work queue deletes the message."""
        state = self.consumers.get((stream, consumer))
        sequence = state.leased.pop(lease, None) if state is not None else None
        if sequence is not None and self.streams[stream].spec.retention == "workqueue":
            self.streams[stream].messages.pop(sequence, None)

    def redeliver(self, stream: str, consumer: str, lease: str) -> None:
        """End a lease and deliver its message again."""
        state = self.consumers.get((stream, consumer))
        sequence = state.leased.pop(lease, None) if state is not None else None
        if state is not None and sequence is not None:
            state.add(sequence)

    def expire_leases(self) -> None:
        """Deliver every unacknowledged message again, as after ack_wait."""
        for (stream, name), state in self.consumers.items():
            for lease in list(state.leased):
                self.redeliver(stream, name, lease)


def _wants(spec: ConsumerSpec, subject: str) -> bool:
    return not spec.filter_subject or matches(spec.filter_subject, subject)
