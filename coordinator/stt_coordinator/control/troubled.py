"""Answer requests for the status while nobody leads because NATS does not let this one lead."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial

from stt_coordinator.lease.election import INSPECTIONS, Election
from stt_coordinator.lease.fence import STATUS
from stt_coordinator.lease.port import ANSWERS_AFTER_S
from stt_coordinator.store.port import StoreError
from stt_shared.bus.values import NoReplyError, Request, RequestError
from stt_shared.errors import UnreachableError
from stt_shared.lifecycle import background_loop, cancelled
from stt_shared.protocol.control import NO_LEADER, NO_STORE
from stt_shared.telemetry.logs import log_crash

GROUP = "standby"  # not that of a leader: both get the request, and the leader answers at once


@asynccontextmanager
async def answering_while_troubled(election: Election) -> AsyncGenerator[None]:
    """Do so while the block lasts."""
    task = background_loop(partial(answer_while_troubled, election), "standby-answers", log_crash)
    try:
        yield
    finally:
        await cancelled([task])


async def answer_while_troubled(election: Election) -> None:
    """Answer `status` with the trouble of `election` while it has one, until cancelled.

    Without that nobody answers where nobody can lead, as while the disk of NATS is full, and
    commands advise to start a coordinator.
    """
    pause_s = election.lease.ttl_s / INSPECTIONS

    async def status(_: Request) -> bytes:
        # The first answer counts: one of a leader must not come second.
        await asyncio.sleep(ANSWERS_AFTER_S)
        if not is_troubled(election):
            raise NoReplyError
        code = NO_STORE if isinstance(election.trouble, StoreError) else NO_LEADER
        raise RequestError(code, f"{election.claimant.name}, {election.sentence()}")

    while True:
        if is_troubled(election):
            try:
                async with election.bus.serve({STATUS: status}, group=GROUP):
                    while is_troubled(election):  # noqa: ASYNC110  # it changes with each attempt
                        await asyncio.sleep(pause_s)
            except UnreachableError:
                pass  # without NATS nobody asks
        await asyncio.sleep(pause_s)


def is_troubled(election: Election) -> bool:
    """Whether the last attempt to lead failed, and this coordinator is not active either."""
    is_active = election.joiner is not None and election.joiner.is_active
    return election.trouble is not None and not is_active
