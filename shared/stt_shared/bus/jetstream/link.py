"""A connection to NATS that always reconnects, with all its subscriptions.

The client reconnects after an ordinary loss; where it gives up or hangs, a new one replaces it.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from stt_shared import clock
from stt_shared.backoff import Backoff
from stt_shared.bus.jetstream import client_tls
from stt_shared.bus.jetstream.client import (
    CLIENT_ERRORS,
    close_client,
    error_text,
    flush,
    refused_use,
)
from stt_shared.bus.jetstream.credentials import checked_reader, login
from stt_shared.bus.jetstream.options import NatsOptions
from stt_shared.errors import NobodyAnswersError, UnreachableError
from stt_shared.lifecycle import background_loop, cancelled
from stt_shared.telemetry.logs import log_crash, logger

MIN_SERVER = (2, 10)
PING_INTERVAL_S = 10
MAX_OUTSTANDING_PINGS = 2  # a silent peer is noticed after 30 s
RECONNECT_WAIT_S = 1
WATCH_INTERVAL_S = 5.0
MAX_RECONNECTING_S = 15.0  # after this time the client may hang on its old socket
MAX_BACKOFF_S = 5.0
PENDING_MESSAGES = 1 << 16
PENDING_BYTES = 256 * 1024 * 1024
MAX_REFUSED = 100  # subjects that are remembered

log = logger("nats")

Callback = Callable[[Msg], Awaitable[None]]


@dataclass(eq=False, slots=True)
class Wire:
    """A subscription that outlives its client."""

    subject: str
    callback: Callback
    queue: str = ""
    current: Subscription | None = None


class Link:
    """The connection of a process; `generation` rises with every connect and reconnect."""

    def __init__(self, options: NatsOptions) -> None:
        self.options = options
        self.generation = 0
        self._client: Client | None = None
        self._wires: set[Wire] = set()
        self._watcher: asyncio.Task[None] | None = None
        self._lost_at: float | None = None
        self.watched = clock.monotonic()  # when it was last seen working, or tried again
        self._closing = False
        self._last_error = ""
        self._refusal = ""
        self.refused: set[str] = set()

    async def open(self) -> None:
        """Connect for the first time; raises UnreachableError with the reason."""
        self._client = await self._connect()
        self._watcher = background_loop(self._watch, "nats-watch", log_crash)

    @property
    def client(self) -> Client:
        """The connected client; raises UnreachableError while there is none."""
        client = self._client
        if client is None or not client.is_connected:
            because = f" ({self._last_error})" if self._last_error else ""
            raise UnreachableError(f"not connected to NATS at {self.address}{because}")
        return client

    @property
    def address(self) -> str:
        """The addresses for messages."""
        return ", ".join(self.options.servers)

    def is_at_least(self, wanted: tuple[int, int]) -> bool:
        """Whether the connected server is of that version or newer; false without a connection."""
        client = self._client
        if client is None or not client.is_connected:
            return False
        version = client.connected_server_version
        return (version.major, version.minor) >= wanted

    @property
    def is_clustered(self) -> bool:
        """Whether the connected server is a node of a cluster; false without a connection."""
        info: Any = getattr(self._client, "_server_info", None)  # nats-py has no public way
        return bool(info and info.get("cluster"))

    async def wire(self, subject: str, callback: Callback, queue: str = "") -> Wire:
        """Subscribe for as long as the link lives; `callback` must not raise.

        Raises UnreachableError; without a connection the subscription begins with the next one.
        """
        wire = Wire(subject, callback, queue)
        # Before it is attached: a connection that is lost here gets it with the next one.
        self._wires.add(wire)
        client = self._client
        if client is not None and not client.is_closed:
            try:
                await self._attach(wire, client)
            except CLIENT_ERRORS as error:
                self._wires.discard(wire)
                raise UnreachableError(f"cannot subscribe on NATS ({error_text(error)})") from error
        return wire

    async def unwire(self, wire: Wire) -> None:
        """End a subscription."""
        self._wires.discard(wire)
        if wire.current is not None:
            try:
                await wire.current.unsubscribe()
            except CLIENT_ERRORS:
                log.debug("subscription_failed", subject=wire.subject)

    async def _attach(self, wire: Wire, client: Client) -> None:
        wire.current = await client.subscribe(  # pyright: ignore[reportUnknownMemberType]
            wire.subject,
            queue=wire.queue,
            cb=wire.callback,
            pending_msgs_limit=PENDING_MESSAGES,
            pending_bytes_limit=PENDING_BYTES,
        )

    async def publish(
        self,
        subject: str,
        data: bytes = b"",
        *,
        reply: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Send one message; raises UnreachableError while there is no connection."""
        try:
            await self.client.publish(
                subject, data, reply=reply, headers=dict(headers) if headers else None
            )
        except CLIENT_ERRORS as error:
            raise UnreachableError(f"cannot send to NATS ({error_text(error)})") from error

    async def request(
        self, subject: str, data: bytes, wait_s: float, headers: Mapping[str, str] | None = None
    ) -> Msg:
        """Send a request; raises UnreachableError without an answer in time."""
        try:
            return await self.client.request(
                subject, data, timeout=wait_s, headers=dict(headers) if headers else None
            )
        except nats.errors.NoRespondersError as error:
            raise NobodyAnswersError(f"no service answers on {subject}") from error
        except CLIENT_ERRORS as error:
            raise UnreachableError(f"no answer on {subject} ({error_text(error)})") from error

    async def close(self) -> None:
        """Send pending messages and disconnect; never blocks for ever, may be called twice."""
        self._closing = True
        if self._watcher is not None:
            await cancelled([self._watcher])
        client, self._client = self._client, None
        if client is not None:
            await close_client(client)

    async def _connect(self) -> Client:
        signer = checked_reader(self.options, self.address)
        try:
            # Before there is a client: one that was never connected cannot be closed.
            arguments = self._arguments()
        except OSError as error:
            reason = f"its certificate cannot be used: {error_text(error)}"
            raise UnreachableError(f"cannot log in to NATS at {self.address} ({reason})") from error
        client = client_tls.GuardedClient(needs_tls=self.options.needs_tls, signer=signer)
        self._refusal = ""
        try:
            async with asyncio.timeout(self.options.timeout_s):
                await client.connect(**arguments)
        except (*CLIENT_ERRORS, ValueError) as error:
            await close_client(client)
            # "no servers available" and a time-out are less precise than the error before them: a
            # server that rejects a log-in resets the connection right after.
            vague = isinstance(error, TimeoutError | nats.errors.NoServersError)
            reason = self._refusal or (self._last_error if vague else "") or error_text(error)
            raise UnreachableError(f"cannot reach NATS at {self.address} ({reason})") from error
        version = client.connected_server_version
        if (version.major, version.minor) < MIN_SERVER:
            await close_client(client)
            raise UnreachableError(
                f"the nats-server is {version.major}.{version.minor}.{version.patch},"
                f" the oldest supported is {MIN_SERVER[0]}.{MIN_SERVER[1]}",
                hint="upgrade the nats-server",
            )
        self.generation += 1
        self._last_error = ""
        return client

    def _arguments(self) -> dict[str, Any]:
        return login(self.options) | {
            "ping_interval": PING_INTERVAL_S,
            "max_outstanding_pings": MAX_OUTSTANDING_PINGS,
            "reconnect_time_wait": RECONNECT_WAIT_S,
            "max_reconnect_attempts": -1 if self.generation else 1,
            "allow_reconnect": True,
            "error_cb": self._on_error,
            "disconnected_cb": self._on_lost,
            "reconnected_cb": self._on_back,
            "closed_cb": self._on_lost,
        }

    # The callbacks never raise: an exception in one of them would end the tasks of the client.

    async def _on_error(self, error: Exception) -> None:
        self._last_error = error_text(error)
        if type(error) is nats.errors.Error:
            self._refusal = self._last_error
        # Logged once: the client drops what permissions refuse, and its caller learns nothing.
        what = refused_use(error)
        if what and what not in self.refused and len(self.refused) < MAX_REFUSED:
            self.refused.add(what)
            log.error("permission_refused", what=what, servers=self.address)

    async def _on_lost(self) -> None:
        if not self._closing and self._lost_at is None:
            self._lost_at = clock.monotonic()
            log.warning("connection_lost", servers=self.address, reason=self._last_error)

    async def _on_back(self) -> None:
        self._lost_at = None
        self.generation += 1
        log.info("connection_restored", servers=self.address)

    async def _watch(self) -> None:
        backoff = Backoff(RECONNECT_WAIT_S, MAX_BACKOFF_S)
        wait_s = backoff.next_s()
        while True:
            # Each turn, also a failed one: only a turn that never ends is a client that hangs.
            self.watched = clock.monotonic()
            await asyncio.sleep(wait_s)
            if await self._healthy():
                backoff.reset()
                wait_s = WATCH_INTERVAL_S
                continue
            # With jitter: the clients of a server that was lost must not all come back at once.
            wait_s = backoff.next_s() * random.uniform(0.8, 1.2)  # noqa: S311  # no secret
            try:
                await self._rebuild()
            except UnreachableError as error:
                log.warning("connection_failed", reason=error.message)

    async def _healthy(self) -> bool:
        client = self._client
        if client is None or client.is_closed:
            return False
        if not client.is_connected:
            lost = self._lost_at or clock.monotonic()
            self._lost_at = lost
            return clock.monotonic() - lost < MAX_RECONNECTING_S
        reader: asyncio.Task[None] | None = getattr(client, "_reading_task", None)
        if reader is None or reader.done():
            return False
        try:
            await flush(client)
        except UnreachableError:
            # No answer within a round trip: an ordinary reconnect may hang on the old socket.
            return False
        return True

    async def _rebuild(self) -> None:
        old, self._client = self._client, None
        if old is not None:
            await close_client(old)
        client = await self._connect()
        try:
            # A copy: a subscription may begin or end while these are made.
            for wire in tuple(self._wires):
                await self._attach(wire, client)
        except CLIENT_ERRORS as error:
            await close_client(client)
            raise UnreachableError(f"cannot subscribe on NATS ({error_text(error)})") from error
        # Last: a client without all subscriptions would look healthy and hear nothing.
        self._client, self._lost_at = client, None
        log.info("connection_replaced", servers=self.address)
