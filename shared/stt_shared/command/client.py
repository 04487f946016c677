"""Connects a command to the coordinator, from the settings."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from stt_shared.bus.port import Bus
from stt_shared.command.control import Control
from stt_shared.command.options import Connection, load_settings
from stt_shared.connection import connected
from stt_shared.errors import UnreachableError
from stt_shared.redaction import hide_addresses
from stt_shared.settings import NatsSettings, default_config_path


async def open_bus(nats: NatsSettings) -> Bus:
    """A connection to NATS; raises UnreachableError that names the address and the reason."""
    return await connected(nats, "stt-cli")


def unreachable_hint() -> str:
    """The hint that names the ways to set the address of NATS."""
    return (
        "set the address with --nats-url, STT_NATS_URL or in a file:"
        f"  {default_config_path()}, [nats] url"
    )


@asynccontextmanager
async def coordinator(connection: Connection | None) -> AsyncGenerator[Control]:
    """The coordinator that the settings name; disconnects at the end.

    Raises ConfigError for bad settings, UnreachableError if NATS cannot be reached.
    """
    nats = load_settings(connection or Connection()).nats
    try:
        bus = await open_bus(nats)
    except UnreachableError as error:
        raise UnreachableError(error.message, hint=error.hint or unreachable_hint()) from error
    try:
        yield Control(bus=bus, url=hide_addresses(nats.url), timeout=nats.timeout_s)
    finally:
        await bus.close()
