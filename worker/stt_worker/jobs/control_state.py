"""Whether checks are enabled right now, as the coordinator's control state says."""

from __future__ import annotations

import asyncio

from stt_shared import clock
from stt_shared.bus.port import Bus
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.messages import ControlState

FRESH_S = 30.0  # a state read that long ago is read again
STREAM = subjects.kv_stream(subjects.BUCKET_CONTROL)


class ControlStateReader:
    """The control state, read again when it is old or when `forget` was called."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._state = ControlState()
        self._read_at: float | None = None
        self._reading = asyncio.Lock()

    async def state(self) -> ControlState:
        """The state; disabled if nobody ever wrote one.

        Raises UnreachableError or ProtocolError: without knowing it nothing may be run.
        """
        async with self._reading:
            if self._read_at is None or clock.monotonic() - self._read_at > FRESH_S:
                # Before the reading: a nudge that comes in meanwhile must not be lost.
                self._read_at = clock.monotonic()
                try:
                    self._state = await self._read()
                except BaseException:
                    self._read_at = None
                    raise
            return self._state

    async def _read(self) -> ControlState:
        subject = subjects.kv(subjects.BUCKET_CONTROL, subjects.KEY_STATE)
        stored = await self._bus.last(STREAM, subject)
        if stored is None or not stored.data:
            return ControlState()
        return codec.decode(ControlState, stored.data)

    def forget(self) -> None:
        """Have the state read again before it is used next."""
        self._read_at = None
