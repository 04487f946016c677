"""The driver of MongoDB: one connection per inspection, to the server that was named."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from stt_shared.protocol.enums import Kind
from stt_worker.databases import certificate, network, tls
from stt_worker.databases.mongodb import errors, login
from stt_worker.databases.mongodb import facts as mongodb_facts
from stt_worker.databases.mongodb.session import BROKEN, Session
from stt_worker.databases.mongodb.wire import CommandError, TooLargeError, Wire
from stt_worker.databases.network import where
from stt_worker.databases.port import Choose, Endpoint, Inspection, InspectionError, Limits


class MongodbDatabase:
    """The driver of the family; keeps only TLS contexts between inspections."""

    def __init__(self) -> None:
        self._contexts = tls.Contexts()

    async def inspect(self, endpoint: Endpoint, choose: Choose, limits: Limits) -> Inspection:
        """See the port; an arbiter has no users and is inspected without a log-in."""
        login.check(endpoint)
        context: ssl.SSLContext | None = None
        if not endpoint.socket and endpoint.tls.mode != tls.OFF:
            context = self._contexts.known(endpoint.tls)
            # In a thread: building a context takes 30 ms of CPU.
            context = context or await asyncio.to_thread(self._contexts.make, endpoint.tls)
        async with _opened(endpoint, limits, context) as (session, hello):
            facts = mongodb_facts.facts(hello, await session.build(), endpoint.host)
            session.known(facts)
            return Inspection(facts=facts, answers=await session.answers(choose(facts)))

    async def close(self) -> None:
        """Drop the TLS contexts."""
        self._contexts.clear()


@asynccontextmanager
async def _opened(
    endpoint: Endpoint, limits: Limits, context: ssl.SSLContext | None
) -> AsyncGenerator[tuple[Session, dict[str, Any]]]:
    """A logged-in session and the server's greeting; raises InspectionError."""
    wire: Wire | None = None
    try:
        try:
            async with asyncio.timeout(limits.connect_s):
                wire = await _connect(endpoint, limits.connect_s, context)
                session = Session(wire, endpoint, limits)
                hello = await session.greet()
        except TimeoutError as error:
            why = f"{where(endpoint)}: no answer to the log-in within {limits.connect_s:g} s"
            raise InspectionError(Kind.UNREACHABLE, why) from error
        except (*BROKEN, CommandError, TooLargeError) as error:
            found = errors.of_connection(error, where(endpoint))
            if found.kind is Kind.TLS:
                shown = await certificate.shown(endpoint, limits.connect_s)
                found = tls.failed(found.reason, endpoint.tls, endpoint.host, shown)
            raise found from error
        yield session, hello
    finally:
        if wire is not None:
            wire.close()


async def _connect(endpoint: Endpoint, seconds: float, context: ssl.SSLContext | None) -> Wire:
    """A connection to the first address that accepts; TLS verifies the configured name."""
    opened = await network.connect(endpoint, seconds)
    host = endpoint.host if context else None
    try:
        streams = await asyncio.open_connection(sock=opened, ssl=context, server_hostname=host)
    except ConnectionError as error:  # SSLError is not a ConnectionError
        why = "the server closed the connection during the TLS handshake"
        raise tls.failed(why, endpoint.tls, endpoint.host, None) from error
    return Wire(*streams)
