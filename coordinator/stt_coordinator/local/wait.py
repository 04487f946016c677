"""Waits for the control service of a local installation."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from stt_shared import clock
from stt_shared.command.client import open_bus
from stt_shared.command.control import Control, RefusedError, find_run
from stt_shared.errors import UnreachableError
from stt_shared.protocol.control import Empty, StatusReply, Verb
from stt_shared.protocol.records import RunRecord
from stt_shared.redaction import hide_addresses
from stt_shared.settings import NatsSettings

POLL_S = 0.1  # between two requests
TIMEOUT_S = 60.0  # how long the coordinator may take to answer, and the worker to announce


@asynccontextmanager
async def control_of(url: str) -> AsyncGenerator[Control]:
    """The control service on the NATS at `url`; ignores the settings of the user."""
    nats = NatsSettings(url=url)
    bus = await open_bus(nats)
    try:
        yield Control(bus=bus, url=hide_addresses(nats.url), timeout=nats.timeout_s)
    finally:
        await bus.close()


async def wait_for(
    control: Control, holds: Callable[[StatusReply], bool], what: str
) -> StatusReply:
    """The first status for which `holds` returns True.

    Raises UnreachableError, which names `what`, if that takes longer than TIMEOUT_S.
    """
    deadline = clock.monotonic() + TIMEOUT_S
    while True:
        late = clock.monotonic() > deadline
        try:
            status = await control.ask(Verb.STATUS, Empty(), StatusReply)
            if holds(status):
                return status
        except UnreachableError:
            if late:
                raise
        if late:
            raise UnreachableError(f"{what} within {TIMEOUT_S:g} s")
        await asyncio.sleep(POLL_S)


async def begun(control: Control, run_id: str) -> RunRecord:
    """The run that `enable` promised, once the scheduler has recorded it.

    Raises RefusedError if that takes longer than TIMEOUT_S.
    """
    deadline = clock.monotonic() + TIMEOUT_S
    while True:
        try:
            return await find_run(control, run_id)
        except RefusedError:
            if clock.monotonic() > deadline:
                raise
        await asyncio.sleep(POLL_S)


def answers(_status: StatusReply) -> bool:
    """True for every status: the coordinator answers."""
    return True


def has_worker(status: StatusReply) -> bool:
    """Whether a worker has announced itself."""
    return any(worker.state == "up" for worker in status.workers)


def knows(targets: int) -> Callable[[StatusReply], bool]:
    """A condition: at least `targets` targets have been announced."""
    return lambda status: status.summary.counts.targets >= targets
