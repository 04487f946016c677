"""The standbys, from the messages that the acting coordinator receives."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from stt_shared import clock
from stt_shared.bus.port import Bus
from stt_shared.errors import ProtocolError, UnreachableError
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.coordinators import Standby
from stt_shared.telemetry.logs import logger

MAX_STANDBYS = 16  # anybody on this bus may send such messages
MAX_CHARACTERS = 200  # of a name, a host or an obstacle
AGAIN_S = 1.0
_LOG = logger("lease")


@dataclass(slots=True)
class Standbys:
    """Keeps what was heard within the last `silent_s` seconds."""

    bus: Bus
    silent_s: float
    _heard: dict[tuple[str, str], tuple[float, Standby]] = field(
        default_factory=dict[tuple[str, str], tuple[float, Standby]]
    )

    async def listen(self) -> None:
        """Hear until cancelled."""
        while True:
            try:
                async with self.bus.listen(subjects.STANDBYS) as messages:
                    async for message in messages:
                        self.hear(message.data)
            except UnreachableError as error:
                _LOG.debug("standbys_missed", reason=error.message)
            await asyncio.sleep(AGAIN_S)

    def hear(self, data: bytes) -> None:
        """Keep one message; what cannot be read, or is too long, is dropped."""
        try:
            one = codec.decode(Standby, data)
        except ProtocolError:
            return
        key = (one.name, one.host)
        is_long = max(map(len, (one.name, one.host, one.obstacle))) > MAX_CHARACTERS
        # Limits: anybody on this bus may send such messages, with as many names as they like.
        if is_long or (len(self._heard) >= MAX_STANDBYS and key not in self._heard):
            return
        self._heard[key] = clock.uptime(), one

    def present(self) -> tuple[Standby, ...]:
        """Those that were heard lately, by name."""
        oldest = clock.uptime() - self.silent_s
        self._heard = {key: pair for key, pair in self._heard.items() if pair[0] > oldest}
        return tuple(one for _, (_, one) in sorted(self._heard.items()))
