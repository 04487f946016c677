"""The composition root of the bus: from the settings of NATS to a connected bus."""

from __future__ import annotations

from stt_shared import nats_address
from stt_shared.bus.port import Bus
from stt_shared.settings import NatsSettings


async def connected(nats: NatsSettings, name: str, *, replicas: int = 0) -> Bus:
    """A connection under `name`; raises UnreachableError that says where and why not.

    `replicas` are the copies of each stream that `ensure` makes; 0: as many as possible, up to 3.
    """
    # The client library costs more to import than most commands take: only when it is needed.
    from stt_shared.bus.jetstream import NatsOptions, connect  # noqa: PLC0415

    # The client sends the log-in of an address as it is written there: percent-encoded.
    address = nats_address.parse(nats.url)
    options = NatsOptions(
        servers=address.servers,
        name=name,
        creds=nats.creds,
        user=address.user or nats.user,
        password=address.password if address.user else nats.password,
        token=address.token,
        ca=nats.ca,
        cert=nats.cert,
        key=nats.key,
        timeout_s=nats.timeout_s,
        replicas=replicas,
    )
    return await connect(options)
