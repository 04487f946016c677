"""A thief with the key of an account, and all that is heard in the account of the coordinator."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

from nats.aio.client import Client
from nats.aio.msg import Msg

from tests.support.cli.accounts_site import COORDINATOR, Site
from tests.support.shared.nats_client import one_connection

WAIT_S = 0.5
OF_THE_SERVER = ("_R_.", "$JS.EVENT.")  # names for one answer, and notes of what was asked
EFFECTS = (  # what a redirected answer must never reach, in the account of STT
    "stt.v1.control.disable",
    "stt.v1.control.enable",
    "$KV.stt_control.state",
    "$KV.stt_watermark.w2",
    "$KV.stt_lease.coordinator",
    "stt.v1.tick.standard.x",
    "stt.v1.event.finding.opened.critical.postgresql.eu.books",
    "stt.v1.summary.all",
    "stt.v1.job.postgresql.eu.books",
    "stt.v1.announce.us.w2",
    "stt.v1.result.postgresql.us.shop.w2",
    "$JS.API.STREAM.PURGE.STT_RESULTS",
    "$JS.API.STREAM.DELETE.STT_JOBS",
    "$JS.API.CONSUMER.DELETE.STT_JOBS.w_us_postgresql",
    "_INBOX.operator.x",
)
Heard = list[tuple[str, dict[str, str]]]


@asynccontextmanager
async def raw(site: Site, who: str, errors: list[str] | None = None) -> AsyncGenerator[Client]:
    """A connection without any of our code, as `who`."""

    async def note(error: Exception) -> None:
        if errors is not None:
            errors.append(str(error))

    kind = "nkeys_seed" if site.form == "conf" else "user_credentials"
    login = {kind: str(site.secret(who))}
    async with one_connection(site.server.url, error_cb=note, **login) as client:
        yield client


@asynccontextmanager
async def heard_by(client: Client, *patterns: str) -> AsyncGenerator[Heard]:
    """Subject and headers of every message that `client` hears while the block runs.

    The subject is the one that it arrived at: a message of a stream keeps the one that it had.
    """
    heard: Heard = []

    def hears(pattern: str) -> Callable[[Msg], Awaitable[None]]:
        async def hear(message: Msg) -> None:
            is_open = pattern.endswith(">")
            heard.append((message.subject if is_open else pattern, message.headers or {}))

        return hear

    for pattern in patterns or (">",):
        await client.subscribe(pattern, cb=hears(pattern))
    await client.flush()
    await asyncio.sleep(WAIT_S)
    yield heard
    await asyncio.sleep(WAIT_S)


@asynccontextmanager
async def overheard(site: Site, *patterns: str) -> AsyncGenerator[Heard]:
    """Every message in the account of STT while the block runs, but for those of `$SYS`."""
    async with raw(site, COORDINATOR) as owner, heard_by(owner, *patterns) as heard:
        yield heard


def of_clients(heard: Heard) -> list[str]:
    """The subjects that clients chose."""
    return [subject for subject, _ in heard if not subject.startswith(OF_THE_SERVER)]
