"""MongoDB through pymongo's asynchronous client: one server, one connection, one look."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import replace
from typing import Any

from stt_shared import clock
from stt_shared.protocol.words import Kind
from stt_worker.databases import certificate, mongodb_facts, tls
from stt_worker.databases.mongodb_client import connected
from stt_worker.databases.mongodb_session import Session
from stt_worker.databases.network import where
from stt_worker.databases.port import Choose, Endpoint, Limits, Look, LookError


class MongodbDatabase:
    """The driver of the family; keeps TLS contexts between looks, nothing else."""

    def __init__(self) -> None:
        self._contexts = tls.Contexts()

    async def look(self, endpoint: Endpoint, choose: Choose, limits: Limits) -> Look:
        """As the port says; an arbiter, which knows no users, is looked at without log-in."""
        started = clock.monotonic()
        found = await self._look(endpoint, choose, limits, anonymous=False)
        if found is None:
            left = max(limits.connect_s - (clock.monotonic() - started), 0.0)
            shorter = replace(limits, connect_s=left)
            found = await self._look(endpoint, choose, shorter, anonymous=True)
        if found is None:
            raise LookError(Kind.AUTH, f"{where(endpoint)} is an arbiter that asks for a log-in")
        return found

    async def close(self) -> None:
        """Forget the TLS contexts."""
        self._contexts.clear()

    async def _look(
        self, endpoint: Endpoint, choose: Choose, limits: Limits, *, anonymous: bool
    ) -> Look | None:
        """None: it is an arbiter, try again without credentials."""
        context = await self._context(endpoint)
        async with connected(endpoint, limits, context, anonymous=anonymous) as (client, contact):
            session = Session(client, contact, endpoint, limits)
            try:
                hello = await session.hello()
            except LookError as error:
                if error.kind is Kind.TLS:
                    found = await certificate.shown(endpoint, limits.connect_s)
                    raise tls.failed(error.reason, endpoint.tls, endpoint.host, found) from error
                if error.kind is Kind.AUTH and session.is_arbiter:
                    return None
                raise
            return await _examine(session, hello, endpoint, choose)

    async def _context(self, endpoint: Endpoint) -> ssl.SSLContext | None:
        if endpoint.socket or endpoint.tls.mode == tls.OFF:
            return None
        known = self._contexts.known(endpoint.tls)
        return known or await asyncio.to_thread(self._contexts.make, endpoint.tls)


async def _examine(
    session: Session, hello: dict[str, Any], endpoint: Endpoint, choose: Choose
) -> Look:
    facts = mongodb_facts.facts(hello, await session.build(), endpoint.host)
    questions = dict.fromkeys(choose(facts))
    return Look(facts=facts, answers={one: await session.answer(one) for one in questions})
