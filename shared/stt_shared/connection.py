"""Connect to the message bus as the settings of NATS describe it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from stt_shared import nats_address
from stt_shared.bus.port import Bus
from stt_shared.settings import NatsSettings

STALLED_S = 60.0  # a turn of the connection's own watch takes less than half of this


class Progress:
    """What the watchdog asks for: a piece of work of the service, and a connection that moves."""

    def __init__(self, work: Callable[[], Awaitable[object]]) -> None:
        self._work = work
        self.bus: Bus | None = None  # set once there is a connection

    async def __call__(self) -> None:
        """Do the work; raises OSError if the client of NATS hangs, and what the work raises."""
        await self._work()
        stalled_s = self.bus.stalled_s() if self.bus is not None else 0.0
        if stalled_s > STALLED_S:
            raise OSError(f"the connection to NATS has hung for {stalled_s:.0f} s")


async def connected(nats: NatsSettings, name: str, *, replicas: int = 0) -> Bus:
    """A connection with the client name `name`; raises UnreachableError with address and reason.

    `replicas` are the copies of each stream that `ensure` makes; 0: as many as possible, up to 3.
    """
    # Importing the client library takes longer than most commands: import it only when needed.
    from stt_shared.bus.jetstream import NatsOptions, connect  # noqa: PLC0415

    # The client would send the log-in of an address percent-encoded: decode it here.
    address = nats_address.parse(nats.url)
    options = NatsOptions(
        servers=address.servers,
        name=name,
        nkey=nats.nkey,
        creds=nats.creds,
        user=address.user or nats.user,
        password=address.password if address.user else nats.password,
        token=address.token,
        ca=nats.ca,
        cert=nats.cert,
        key=nats.key,
        tls_first=nats.tls_first,
        timeout_s=nats.timeout_s,
        inbox_prefix=nats.inbox_prefix,
        js_domain=nats.js_domain,
        replicas=replicas,
    )
    return await connect(options)
