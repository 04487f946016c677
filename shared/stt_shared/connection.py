"""The composition root of the bus: from the settings of NATS to a connected bus."""

from __future__ import annotations

from stt_shared.bus.port import Bus
from stt_shared.settings import NatsSettings


async def connected(nats: NatsSettings, name: str, *, replicas: int = 0) -> Bus:
    """A connection under `name`; raises UnreachableError that says where and why not.

    `replicas` are the copies of each stream that `ensure` makes; 0: as many as possible, up to 3.
    """
    # The client library costs more to import than most commands take: only when it is needed.
    from stt_shared.bus.jetstream import NatsOptions, connect  # noqa: PLC0415

    options = NatsOptions(
        servers=tuple(part.strip() for part in nats.url.split(",")),
        name=name,
        creds=nats.creds,
        user=nats.user,
        password=nats.password,
        ca=nats.ca,
        cert=nats.cert,
        key=nats.key,
        timeout_s=nats.timeout_s,
        replicas=replicas,
    )
    return await connect(options)
