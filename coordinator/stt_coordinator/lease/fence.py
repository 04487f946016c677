"""The fence of each stream, and a bus whose writes pass it only while this process acts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime

from stt_coordinator.lease.port import ANSWERS_AFTER_S, LeaseLostError
from stt_coordinator.lease.term import Term
from stt_shared import clock
from stt_shared.bus.port import Bus, Handler, Inbox
from stt_shared.bus.values import (
    LiveMessage,
    NoReplyError,
    Outgoing,
    Peer,
    Publication,
    Receipt,
    Request,
    RequestError,
    Stored,
)
from stt_shared.errors import UnreachableError
from stt_shared.protocol import subjects
from stt_shared.protocol.control import NO_LEADER, Verb
from stt_shared.protocol.specs import ConsumerSpec, StreamSpec

AGE_S = 43_200.0  # a fence is written again before its stream drops it: jobs stay 48 h
_STREAMS = {spec.name: spec for spec in subjects.FENCED}
STATUS = subjects.control(Verb.STATUS)
STANDS_DOWN = "another coordinator has taken over this stream"


@dataclass(slots=True)
class Fences:
    """The last fence of each stream that coordinators write: messages expect its sequence."""

    bus: Bus
    sequences: dict[str, int] = field(default_factory=dict[str, int])
    number: int = 0
    written: float = 0.0

    async def read(self) -> int:
        """Read all; returns the highest epoch that they name. Raises UnreachableError."""
        highest = 0
        for name in _STREAMS:
            self.sequences[name], epoch = await self._last(name)
            highest = max(highest, epoch)
        return highest

    async def _last(self, stream: str) -> tuple[int, int]:
        stored = await self.bus.last(stream, subjects.fences(stream))
        if stored is None:
            return 0, 0
        # The body alone is read: a direct get does not tell which of the subjects it was.
        return stored.sequence, subjects.epoch_of(stored.data.decode(errors="replace")) or 0

    async def raise_to(self, epoch: int) -> None:
        """Write a fence into each stream, behind those that were read last.

        From here on the messages of earlier epochs are refused. Raises LeaseLostError if another
        coordinator wrote one meanwhile, and UnreachableError.
        """
        if not self.bus.can_fence():
            return
        self.number += 1
        for name, sequence in self.sequences.items():
            message = Outgoing(
                subject=subjects.fence(name, epoch, self.number),
                data=str(epoch).encode(),
                expected_last=sequence,
                expected_of=subjects.fences(name),
            )
            (receipt,) = await self.bus.publish([message])
            if receipt.publication is Publication.CONFLICT:
                raise LeaseLostError(STANDS_DOWN)
            if receipt.publication is not Publication.STORED:
                raise UnreachableError(f"{name} cannot be fenced ({receipt.reason})")
            self.sequences[name] = receipt.sequence
        self.written = clock.uptime()

    async def keep(self, epoch: int) -> None:
        """Write them again if a stream has lost its fence, or would drop it by its age.

        Raises LeaseLostError if one names a later epoch, and UnreachableError.
        """
        before = dict(self.sequences)
        if await self.read() > epoch:
            raise LeaseLostError(STANDS_DOWN)
        if self.sequences != before or clock.uptime() - self.written > AGE_S:
            await self.raise_to(epoch)


class FencedBus:
    """The bus of a holder: see the port. What is written outside its term is refused.

    Asking `term` before a write is not enough: a process may be stopped between the two. What it
    sends later the broker refuses, by the sequence of the stream's fence.
    """

    def __init__(self, bus: Bus, term: Term, fences: Fences) -> None:
        self._bus = bus
        self._term = term
        self._fences = fences

    async def ensure(
        self, streams: Sequence[StreamSpec], consumers: Sequence[ConsumerSpec]
    ) -> tuple[str, ...]:
        """See the port."""
        self._term.require()
        return await self._bus.ensure(streams, consumers)

    async def succeed(self, spec: ConsumerSpec, rank: Callable[[str], int | None]) -> None:
        """See the port."""
        self._term.require()
        await self._bus.succeed(spec, rank)

    async def drop(self, stream: str, is_dropped: Callable[[str], bool]) -> tuple[str, ...]:
        """See the port; the holder makes those that a late call deletes anew within a minute."""
        self._term.require()
        return await self._bus.drop(stream, is_dropped)

    async def delete(
        self, stream: str, subject: str, before: int, *, consumer: ConsumerSpec | None = None
    ) -> int:
        """See the port; what it deletes was handled, so that a late one does no harm."""
        self._term.require()
        return await self._bus.delete(stream, subject, before, consumer=consumer)

    async def acknowledged(self, stream: str, rank: Callable[[str], int | None]) -> Stored | None:
        """See the port."""
        return await self._bus.acknowledged(stream, rank)

    def can_fence(self) -> bool:
        """See the port."""
        return self._bus.can_fence()

    async def trim(self, consumer: ConsumerSpec) -> int:
        """See the port; a late call finds the consumer of its epoch deleted."""
        self._term.require()
        return await self._bus.trim(consumer)

    async def free(self, consumer: ConsumerSpec, suspects: Collection[str] = ()) -> tuple[str, ...]:
        """See the port; what a late call deletes is in the store, and is published again."""
        self._term.require()
        freed = await self._bus.free(consumer, suspects)
        if suspects and freed:
            # The fence of the stream may be gone with it: the next renewal writes it.
            self._term.doubted.set()
        return freed

    async def behind(self, streams: Sequence[str]) -> frozenset[str]:
        """See the port; it changes nothing."""
        return await self._bus.behind(streams)

    async def publish(self, messages: Sequence[Outgoing]) -> list[Receipt]:
        """See the port; a message that the fence refuses has failed."""
        try:
            self._term.require()
        except UnreachableError as error:
            return [Receipt(publication=Publication.FAILED, reason=error.message)] * len(messages)
        fenced = [self._fenced(one) for one in messages]
        receipts = await self._bus.publish(fenced)
        return [self._without_conflict(*pair) for pair in zip(fenced, receipts, strict=True)]

    def _fenced(self, message: Outgoing) -> Outgoing:
        stream = subjects.stream_of(message.subject)
        sequence = self._fences.sequences.get(stream.name) if stream is not None else None
        # What compares with its own subject cannot compare with the fence as well.
        if stream is None or sequence is None or message.expected_last is not None:
            return message
        if not self._bus.can_fence():
            return message
        return replace(message, expected_last=sequence, expected_of=subjects.fences(stream.name))

    def _without_conflict(self, message: Outgoing, receipt: Receipt) -> Receipt:
        if receipt.publication is not Publication.CONFLICT or not message.expected_of:
            return receipt
        self._term.doubted.set()
        return Receipt(publication=Publication.FAILED, reason=STANDS_DOWN)

    def consume(
        self, stream: str, consumer: str, *, capacity: int
    ) -> AbstractAsyncContextManager[Inbox]:
        """See the port; the next epoch deletes the consumer, so that late acknowledgements fail."""
        return self._bus.consume(stream, consumer, capacity=capacity)

    async def last(self, stream: str, subject: str) -> Stored | None:
        """See the port."""
        return await self._bus.last(stream, subject)

    async def now(self, stream: str) -> datetime:
        """See the port."""
        return await self._bus.now(stream)

    async def send(self, subject: str, data: bytes) -> None:
        """See the port."""
        self._term.require()
        await self._bus.send(subject, data)

    def listen(self, subject: str) -> AbstractAsyncContextManager[AsyncIterator[LiveMessage]]:
        """See the port."""
        return self._bus.listen(subject)

    async def request(self, subject: str, data: bytes, *, timeout: float) -> bytes:  # noqa: ASYNC109  # the port's word
        """See the port."""
        return await self._bus.request(subject, data, timeout=timeout)

    def serve(
        self, handlers: Mapping[str, Handler], *, group: str = ""
    ) -> AbstractAsyncContextManager[None]:
        """See the port. Each epoch is a group of its own, so that a holder that hangs takes none.

        Requests that arrive outside of the term, or whose answer does, are not answered; but one
        for the status with the reason why nobody leads, as long as that is so.
        """
        guarded = {subject: self._guarded(handler) for subject, handler in handlers.items()}
        if STATUS in guarded:
            guarded[STATUS] = self._explained(guarded[STATUS])
        return self._bus.serve(guarded, group=group or f"epoch-{self._term.epoch}")

    def _guarded(self, handler: Handler) -> Handler:
        async def answer(request: Request) -> bytes:
            if not self._term.may_act():
                raise NoReplyError
            try:
                return await handler(request)
            finally:
                # Again after the work: an answer that comes later than the term may contradict the
                # next holder.
                if not self._term.may_act():
                    raise NoReplyError

        return answer

    def _explained(self, handler: Handler) -> Handler:
        async def answer(request: Request) -> bytes:
            if not self._term.obstacle():
                return await handler(request)
            # The first answer counts: that of a successor must not come second.
            await asyncio.sleep(ANSWERS_AFTER_S)
            if why := self._term.obstacle():
                raise RequestError(NO_LEADER, f"epoch {self._term.epoch}: {why}")
            raise NoReplyError

        return answer

    def peer(self) -> Peer | None:
        """See the port."""
        return self._bus.peer()

    def refused(self) -> tuple[str, ...]:
        """See the port."""
        return self._bus.refused()

    def stalled_s(self) -> float:
        """See the port."""
        return self._bus.stalled_s()

    async def close(self) -> None:
        """See the port."""
        await self._bus.close()
