"""The adapter of the bus port for NATS with JetStream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

from nats.aio.msg import Msg

from stt_shared import clock
from stt_shared.bus.jetstream import publisher, servers, succession, upkeep
from stt_shared.bus.jetstream import streams as api
from stt_shared.bus.jetstream.answers import Answers
from stt_shared.bus.jetstream.client import flush
from stt_shared.bus.jetstream.consumer import PullInbox, is_number
from stt_shared.bus.jetstream.link import Link
from stt_shared.bus.jetstream.options import NatsOptions
from stt_shared.bus.jetstream.service import Service, account_of
from stt_shared.bus.port import SERVICE_GROUP, Handler, Inbox
from stt_shared.bus.values import LiveMessage, Outgoing, Peer, Receipt, RequestError, Stored
from stt_shared.errors import UnreachableError
from stt_shared.protocol.specs import ConsumerSpec, StreamSpec

HEARD_LIMIT = 65_536  # unread messages; more are dropped, which the port allows
DIRECT_GET_S = 5.0
NOT_FOUND = "404"
FENCE_SERVER = (2, 11)  # an older one ignores the header and refuses every message


async def connect(options: NatsOptions) -> JetStreamBus:
    """Connect to NATS; raises UnreachableError that names the address and the reason."""
    link = Link(options)
    await link.open()
    try:
        await api.call(link, "INFO")
    except (api.ApiError, UnreachableError) as error:
        await link.close()
        raise UnreachableError(
            f"the nats-server at {link.address} offers no JetStream to this user ({error})",
            hint="start it with JetStream, and enable JetStream for the account of this user",
        ) from error
    return JetStreamBus(link)


class JetStreamBus:
    """A connection to NATS, as the port describes it."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._answers = Answers(link)

    async def ensure(
        self, streams: Sequence[StreamSpec], consumers: Sequence[ConsumerSpec]
    ) -> tuple[str, ...]:
        """See the port."""
        return await api.ensure(self._link, streams, consumers)

    async def succeed(self, spec: ConsumerSpec, rank: Callable[[str], int | None]) -> None:
        """See the port; raises UnreachableError."""
        await succession.succeed(self._link, spec, rank)

    async def acknowledged(self, stream: str, rank: Callable[[str], int | None]) -> Stored | None:
        """See the port; raises UnreachableError."""
        return await succession.acknowledged(self._link, stream, rank)

    async def drop(self, stream: str, is_dropped: Callable[[str], bool]) -> tuple[str, ...]:
        """See the port; raises UnreachableError."""
        return await succession.drop(self._link, stream, is_dropped)

    def can_fence(self) -> bool:
        """See the port."""
        return self._link.is_at_least(FENCE_SERVER)

    async def trim(self, consumer: ConsumerSpec) -> int:
        """See the port."""
        return await upkeep.trim(self._link, consumer)

    async def free(self, consumer: ConsumerSpec, suspects: Collection[str] = ()) -> tuple[str, ...]:
        """See the port."""
        return await upkeep.free(self._link, consumer, suspects)

    async def behind(self, streams: Sequence[str]) -> frozenset[str]:
        """See the port; raises UnreachableError."""
        return await upkeep.behind(self._link, streams)

    async def publish(self, messages: Sequence[Outgoing]) -> list[Receipt]:
        """See the port."""
        return await publisher.publish(self._link, self._answers, messages)

    @asynccontextmanager
    async def consume(
        self, stream: str, consumer: str, *, capacity: int
    ) -> AsyncGenerator[Inbox, None]:
        """See the port."""
        inbox = PullInbox(
            self._link, self._answers, stream=stream, consumer=consumer, capacity=capacity
        )
        await inbox.open()
        try:
            yield inbox
        finally:
            await inbox.close()

    async def last(self, stream: str, subject: str) -> Stored | None:
        """See the port; raises UnreachableError."""
        reply = await self._link.request(
            self._link.options.api(f"DIRECT.GET.{stream}.{subject}"), b"", DIRECT_GET_S
        )
        headers = reply.headers or {}
        sequence = headers.get("Nats-Sequence", "")
        # Before the status: a stored message has the headers that its publisher wrote.
        if is_number(sequence):
            return Stored(data=reply.data, sequence=int(sequence))
        if headers.get("Status") == NOT_FOUND:
            return None
        raise UnreachableError(f"cannot read {subject} ({headers.get('Description', '')})")

    async def now(self, stream: str) -> datetime:
        """See the port: each answer about a stream has the time at which the server wrote it."""
        return await api.server_time(self._link, stream)

    async def delete(
        self, stream: str, subject: str, before: int, *, consumer: ConsumerSpec | None = None
    ) -> int:
        """See the port; raises UnreachableError."""
        return await upkeep.delete(self._link, stream, subject, before, consumer)

    async def send(self, subject: str, data: bytes) -> None:
        """See the port."""
        await self._link.publish(subject, data)

    @asynccontextmanager
    async def listen(self, subject: str) -> AsyncGenerator[AsyncIterator[LiveMessage], None]:
        """See the port."""
        heard: asyncio.Queue[LiveMessage] = asyncio.Queue(HEARD_LIMIT)

        async def hear(message: Msg) -> None:
            # Dropped here: a listener that is slow must not hold up the reading of the connection.
            if not heard.full():
                account = account_of(message.headers)
                live = LiveMessage(subject=message.subject, data=message.data, account=account)
                heard.put_nowait(live)

        wire = await self._link.wire(subject, hear)
        try:
            # Without the flush, messages sent right after this call would be lost: the client sends
            # the subscription later.
            await flush(self._link.client)
            yield _read(heard)
        finally:
            await self._link.unwire(wire)

    async def request(self, subject: str, data: bytes, *, timeout: float) -> bytes:  # noqa: ASYNC109  # the port's word
        """See the port; raises RequestError and UnreachableError."""
        reply = await self._link.request(self._link.options.own(subject), data, timeout)
        headers = reply.headers or {}
        if "Nats-Service-Error" in headers:
            code = headers.get("Nats-Service-Error-Code", "")
            raise RequestError(code, headers["Nats-Service-Error"])
        return reply.data

    @asynccontextmanager
    async def serve(
        self, handlers: Mapping[str, Handler], *, group: str = SERVICE_GROUP
    ) -> AsyncGenerator[None, None]:
        """See the port."""
        service = Service(self._link, handlers, group)
        await service.open()
        try:
            # As in `listen`: a request that comes right after this call would find no service.
            await flush(self._link.client)
            yield
        finally:
            await service.close()

    def peer(self) -> Peer | None:
        """See the port."""
        try:
            return servers.connected(self._link.client)
        except UnreachableError:
            return None

    def stalled_s(self) -> float:
        """See the port."""
        return clock.monotonic() - self._link.watched

    def refused(self) -> tuple[str, ...]:
        """See the port."""
        return tuple(sorted(self._link.refused))

    async def close(self) -> None:
        """See the port."""
        await self._link.close()


async def _read(heard: asyncio.Queue[LiveMessage]) -> AsyncIterator[LiveMessage]:
    while True:
        yield await heard.get()
