"""The composition root of the commands that talk to a coordinator: settings, then NATS."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from stt_shared.bus.port import Bus
from stt_shared.cli.control import Control
from stt_shared.cli.options import Connection, load_settings
from stt_shared.errors import UnreachableError
from stt_shared.settings import NatsSettings, default_config_path


async def open_bus(nats: NatsSettings) -> Bus:
    """A connection to NATS; raises UnreachableError that names the address and the reason."""
    # The client library costs more to import than most commands take: only when it is needed.
    from stt_shared.bus.jetstream import NatsOptions, connect  # noqa: PLC0415

    options = NatsOptions(
        servers=tuple(part.strip() for part in nats.url.split(",")),
        name="stt-cli",
        creds=nats.creds,
        user=nats.user,
        password=nats.password,
        ca=nats.ca,
        cert=nats.cert,
        key=nats.key,
        timeout_s=nats.timeout_s,
    )
    return await connect(options)


def unreachable_hint() -> str:
    """How the address of NATS is set."""
    return (
        "set the address with --nats-url, STT_NATS_URL or in a file:"
        f"  {default_config_path()}, [nats] url"
    )


@asynccontextmanager
async def coordinator(connection: Connection | None) -> AsyncGenerator[Control]:
    """The coordinator as the settings reach it; disconnects at the end."""
    nats = load_settings(connection or Connection()).nats
    try:
        bus = await open_bus(nats)
    except UnreachableError as error:
        raise UnreachableError(error.message, hint=error.hint or unreachable_hint()) from error
    try:
        yield Control(bus=bus, url=nats.url, timeout=nats.timeout_s)
    finally:
        await bus.close()
