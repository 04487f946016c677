"""Pull from a durable consumer with two open half-batches, and renew the leases of deliveries.

A lost request (time-out, rejection, leader change, deleted consumer, new connection) is always
handled equally: it is forgotten and sent again after a growing pause.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from nats.aio.msg import Msg

from stt_shared import clock
from stt_shared.backoff import Backoff
from stt_shared.bus.jetstream.answers import Answers, Question
from stt_shared.bus.jetstream.link import Link, Wire
from stt_shared.bus.values import Delivery
from stt_shared.errors import UnreachableError
from stt_shared.lifecycle import background_loop, cancelled
from stt_shared.protocol.subjects import KEEP_ALIVE
from stt_shared.telemetry.logs import log_crash, logger

EXPIRES_S = 30.0
LATE_S = 2.0  # a request without an answer counts as lost this long after its end
ACK_S = 5.0
PUMP_S = 0.25
FIRST_PAUSE_S = 0.25
MAX_PAUSE_S = 5.0
MAX_BATCH = 256
NO_RESPONDERS = "503"
EXPIRED = "408"  # the request reached its own end
NANOSECONDS = 1_000_000_000
MAX_DIGITS = 20  # of 64 bits
TOKENS_V1, TOKENS_V2 = 9, 12  # of an acknowledgement subject, without and with a domain

log = logger("nats")


@dataclass(slots=True)
class _Request:
    remaining: int
    until: float
    generation: int


class PullInbox:
    """The deliveries of one consumer, as the port describes them."""

    def __init__(
        self, link: Link, answers: Answers, *, stream: str, consumer: str, capacity: int
    ) -> None:
        self._link = link
        self._answers = answers
        self._subject = link.options.api(f"CONSUMER.MSG.NEXT.{stream}.{consumer}")
        self._name = consumer
        self._capacity = capacity
        self._requests: dict[str, _Request] = {}
        self._buffer: deque[Delivery] = deque()
        self._held: set[str] = set()
        self._arrived = asyncio.Event()
        self._room = asyncio.Event()
        self._pause_s = 0.0  # before the next requests; 0 after a delivery
        self._backoff = Backoff(FIRST_PAUSE_S, MAX_PAUSE_S)
        self._next = 0
        self._prefix = ""
        self._wire: Wire | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        """Subscribe and send the first requests."""
        self._prefix = self._link.client.new_inbox()
        self._wire = await self._link.wire(f"{self._prefix}.*", self._received)
        self._tasks = [
            background_loop(self._pump, f"pull-{self._name}", log_crash),
            background_loop(self._keep_leases, f"leases-{self._name}", log_crash),
        ]

    async def close(self) -> None:
        """Stop and return every delivery that is left, taken ones too."""
        await cancelled(self._tasks)
        if self._wire is not None:
            await self._link.unwire(self._wire)
        # Now, not when their leases end: others would wait for them that long.
        for lease in self._held:
            await self._settle(lease, b"-NAK")
        self._held.clear()
        self._buffer.clear()

    async def take(self, limit: int, *, wait: float, linger: float = 0.0) -> list[Delivery]:
        """See the port."""
        try:
            async with asyncio.timeout(wait):
                await self._arrived.wait()
        except TimeoutError:
            return []
        if linger and len(self._buffer) < limit:
            await asyncio.sleep(linger)
        number = min(limit, len(self._buffer))
        taken = [self._buffer.popleft() for _ in range(number)]
        # Only when all are taken: cleared earlier, the rest would wait for the next delivery.
        if not self._buffer:
            self._arrived.clear()
        return taken

    async def ack(self, deliveries: Sequence[Delivery]) -> None:
        """See the port; raises UnreachableError."""
        questions = [Question(delivery.lease, b"+ACK") for delivery in deliveries]
        replies = await self._answers.ask(questions, ACK_S)
        lost = 0
        for delivery, reply in zip(deliveries, replies, strict=True):
            # Without a confirmation the message is delivered again: its lease is dropped too.
            self._drop(delivery)
            # Of a deleted consumer nobody takes it, which the server answers at once.
            if reply is None or (reply.headers or {}).get("Status") == NO_RESPONDERS:
                lost += 1
                log.debug("acknowledgement_failed", subject=delivery.subject)
        if lost:
            raise UnreachableError(f"{lost} acknowledgements were not confirmed by the server")

    async def retry(self, delivery: Delivery, *, delay: float) -> None:
        """See the port."""
        self._drop(delivery)
        await self._settle(delivery.lease, b'-NAK {"delay": %d}' % int(delay * NANOSECONDS))

    async def end(self, delivery: Delivery) -> None:
        """See the port."""
        self._drop(delivery)
        await self._settle(delivery.lease, b"+TERM")

    def _drop(self, delivery: Delivery) -> None:
        self._held.discard(delivery.lease)
        self._room.set()

    async def _settle(self, lease: str, word: bytes) -> None:
        try:
            await self._link.publish(lease, word)
        except UnreachableError:
            log.debug("settlement_failed", subject=lease)

    async def _received(self, message: Msg) -> None:
        """Take a delivery, or the status that ends a request."""
        status = (message.headers or {}).get("Status")
        if status is not None and not message.reply:
            if self._requests.pop(message.subject.rpartition(".")[2], None) is not None:
                if status != EXPIRED:
                    self._pause_s = self._backoff.next_s()
                self._room.set()
            return
        self._backoff.reset()
        self._pause_s = 0.0
        # Counted for the oldest open request: a delivery does not name its own.
        token = next(iter(self._requests), None)
        if token is not None:
            self._requests[token].remaining -= 1
            if self._requests[token].remaining <= 0:
                del self._requests[token]
        delivery = _delivery(message)
        if delivery is not None:
            self._held.add(delivery.lease)
            self._buffer.append(delivery)
            self._arrived.set()

    async def _pump(self) -> None:
        while True:
            now = clock.monotonic()
            for token, request in list(self._requests.items()):
                # Those of an earlier connection too: the server forgot them with it.
                if now > request.until or request.generation != self._link.generation:
                    del self._requests[token]
            if self._pause_s:
                await asyncio.sleep(self._pause_s)
            # Cleared before the requests: room that appears while they are sent is not missed.
            self._room.clear()
            await self._ask_for_more()
            try:
                async with asyncio.timeout(PUMP_S):
                    await self._room.wait()
            except TimeoutError:
                continue

    async def _ask_for_more(self) -> None:
        """Keep two half-batches open, so that the server is never without a request."""
        open_ = sum(request.remaining for request in self._requests.values())
        free = self._capacity - open_ - len(self._held)
        half = max(1, min(self._capacity // 2, MAX_BATCH))
        while free >= half or (free > 0 and not self._requests):
            batch = min(free, half)
            self._next += 1
            token = f"{self._next:x}"
            until = clock.monotonic() + EXPIRES_S + LATE_S
            # Registered before it is sent: the answer may arrive before publish() returns.
            self._requests[token] = _Request(batch, until, self._link.generation)
            body = b'{"batch": %d, "expires": %d}' % (batch, int(EXPIRES_S * NANOSECONDS))
            try:
                await self._link.publish(self._subject, body, reply=f"{self._prefix}.{token}")
            except UnreachableError:
                self._requests.pop(token, None)
                # Not growing: the link is what reconnects, and then requests must follow at once.
                self._pause_s = FIRST_PAUSE_S
                return
            free -= batch

    async def _keep_leases(self) -> None:
        while True:
            await asyncio.sleep(KEEP_ALIVE.total_seconds())
            for lease in list(self._held):
                try:
                    await self._link.publish(lease, b"+WPI")
                except UnreachableError:
                    break  # leases of a lost connection cannot be renewed; they are delivered again


def _delivery(message: Msg) -> Delivery | None:
    """The delivery in `message`; its acknowledgement subject has count and sequence."""
    tokens = message.reply.split(".")
    shift = {TOKENS_V1: 0}.get(len(tokens), 2 if len(tokens) >= TOKENS_V2 - 1 else -1)
    if shift < 0 or not message.reply.startswith("$JS.ACK."):
        return None
    if not all(map(is_number, tokens[4 + shift : 6 + shift])):
        return None
    return Delivery(
        subject=message.subject,
        data=message.data,
        headers=message.headers or {},
        sequence=int(tokens[5 + shift]),
        delivered=int(tokens[4 + shift]),
        lease=message.reply,
    )


def is_number(text: str) -> bool:
    """Whether `text`, which somebody else wrote, is an unsigned number of 64 bits or fewer."""
    return len(text) <= MAX_DIGITS and text.isascii() and text.isdigit()
