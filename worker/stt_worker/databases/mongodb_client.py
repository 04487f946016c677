"""A client for one server and one look: direct, one connection, closed without leftovers."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

from pymongo import AsyncMongoClient, errors, monitoring

from stt_shared.protocol.words import Kind
from stt_worker.databases.network import where
from stt_worker.databases.port import Endpoint, Limits, LookError

CLOSE_S = 0.5  # to tell the server that its sessions are over
AGAIN_S = 0.05  # between two requests to a task to end
HEARTBEAT_MS = 600_000  # longer than any look: one hello is enough
EXTERNAL = "$external"  # the authentication source of client certificates
MAX_APPLICATION_BYTES = 128

Client = AsyncMongoClient[dict[str, Any]]


class FirstContact(monitoring.ServerHeartbeatListener):
    """What came of the first connection: a greeting, or a failure that the driver would hide.

    Also keeps the tasks that have to end before the client is gone.
    """

    def __init__(self) -> None:
        self.error: asyncio.Future[Exception] = asyncio.get_running_loop().create_future()
        self.is_arbiter = False
        self._given_up: list[asyncio.Future[Any]] = []

    def give_up(self, task: asyncio.Future[Any]) -> None:
        """Stop waiting for `task`: in the driver's hands it ends when the client is closed."""
        task.cancel()
        self._given_up.append(task)

    @property
    def hopeless(self) -> bool:
        """Whether there is nobody to say good-bye to."""
        return self.error.done() or bool(self._given_up)

    async def settled(self) -> None:
        """Return when no task given up is left; to be called after the client was closed.

        The driver loses a cancellation that comes while it writes: it is told until it obeys.
        """
        pending = set(self._given_up)
        while pending:
            for task in pending:
                task.cancel()
            _, pending = await asyncio.wait(pending, timeout=AGAIN_S)
        for task in self._given_up:
            if not task.cancelled():
                task.exception()

    def started(self, event: Any) -> None:
        """Not of interest."""

    def succeeded(self, event: monitoring.ServerHeartbeatSucceededEvent) -> None:
        """Keep what the server says of itself before anybody logs in."""
        self.is_arbiter = bool(event.reply.document.get("arbiterOnly"))

    def failed(self, event: monitoring.ServerHeartbeatFailedEvent) -> None:
        """Keep the error."""
        if not self.error.done():
            self.error.set_result(event.reply)


@asynccontextmanager
async def connected(
    endpoint: Endpoint, limits: Limits, context: ssl.SSLContext | None, *, anonymous: bool
) -> AsyncGenerator[tuple[Client, FirstContact]]:
    """A client that connects when first used; `anonymous`: without logging in."""
    contact = FirstContact()
    options = _options(endpoint, limits) | ({} if anonymous else _credentials(endpoint))
    try:
        client: Client = AsyncMongoClient(_seed(endpoint), event_listeners=[contact], **options)
    except (errors.PyMongoError, ValueError) as error:
        # A host or a password that the driver cannot even write down.
        raise LookError(Kind.CONFIG, f"{where(endpoint)}: {error}") from error
    if context is not None:
        _encrypt(client, context)
    try:
        yield client, contact
    finally:
        await _close(client, farewell=not contact.hopeless)
        await contact.settled()


def _seed(endpoint: Endpoint) -> str:
    if endpoint.socket:
        return f"mongodb://{quote(endpoint.socket, safe='')}"
    host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
    return f"{host}:{endpoint.port}"


def _options(endpoint: Endpoint, limits: Limits) -> dict[str, Any]:
    connect_ms = max(1, round(limits.connect_s * 1_000))
    return {
        "directConnection": True,  # the member that was asked is the one that answers
        "maxPoolSize": 1,
        "serverSelectionTimeoutMS": connect_ms,
        "connectTimeoutMS": connect_ms,
        "socketTimeoutMS": max(1, round(limits.client_s * 1_000)),
        "heartbeatFrequencyMS": HEARTBEAT_MS,
        "serverMonitoringMode": "poll",
        "retryReads": False,
        "appname": endpoint.application.encode()[:MAX_APPLICATION_BYTES].decode(errors="ignore"),
        "tls": False,  # `_encrypt` does it
    }


def _credentials(endpoint: Endpoint) -> dict[str, Any]:
    if endpoint.database == EXTERNAL:
        user = {"username": endpoint.user} if endpoint.user else {}
        return {**user, "authMechanism": "MONGODB-X509", "authSource": EXTERNAL}
    if not endpoint.user:
        return {}
    if not endpoint.password:
        # The driver would say so in the middle of talking to the server.
        raise LookError(Kind.CONFIG, f"{where(endpoint)}: no password for user {endpoint.user}")
    return {
        "username": endpoint.user,
        "password": endpoint.password,
        "authSource": endpoint.database or "admin",
    }


def _encrypt(client: Client, context: ssl.SSLContext) -> None:
    """Use a context of ours, which is checked, kept, and knows a key in a file of its own.

    The driver takes none, and builds one per client in the event loop.
    """
    options: Any = client.options.pool_options
    options._PoolOptions__ssl_context = context  # noqa: SLF001  # as above
    # The context checks the name itself; the driver would use a function that Python 3.12 dropped.
    options._PoolOptions__tls_allow_invalid_hostnames = True  # noqa: SLF001  # as above


async def _close(client: Client, *, farewell: bool) -> None:
    driver: Any = client
    if not farewell:
        driver._topology.pop_all_sessions()  # noqa: SLF001  # what is left to do needs no server
    with contextlib.suppress(errors.PyMongoError, OSError):
        try:
            async with asyncio.timeout(CLOSE_S if farewell else None):
                await client.close()
        except TimeoutError:
            await client.close()  # the farewell is not tried twice
