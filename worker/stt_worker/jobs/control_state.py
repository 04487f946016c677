"""Reads the coordinator's control state, which says whether checks are enabled."""

from __future__ import annotations

import asyncio

from stt_shared import clock
from stt_shared.bus.port import Bus
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.messages import ControlState

FRESH_S = 30.0  # an older state is read again
STREAM = subjects.kv_stream(subjects.BUCKET_CONTROL)


class ControlStateReader:
    """The control state, cached for FRESH_S seconds or until `forget` is called."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._state = ControlState()
        self._read_at: float | None = None
        self._reading = asyncio.Lock()

    async def state(self) -> ControlState:
        """The control state; checks are disabled if none was ever written.

        Raises UnreachableError or ProtocolError; no job may run without the state.
        """
        # One at a time: of a burst of jobs the first reads the state, the others take what it read.
        async with self._reading:
            if self._read_at is None or clock.monotonic() - self._read_at > FRESH_S:
                # Set before the read: set after it, a `forget` during the read would be lost.
                self._read_at = clock.monotonic()
                subject = subjects.kv(subjects.BUCKET_CONTROL, subjects.KEY_STATE)
                try:
                    stored = await self._bus.last(STREAM, subject)
                    found = stored is not None and stored.data
                    self._state = codec.decode(ControlState, found) if found else ControlState()
                except BaseException:
                    # Not cached after an error: a job must not run on a state of unknown age.
                    self._read_at = None
                    raise
            return self._state

    def forget(self) -> None:
        """Drop the cached state; the next call of `state` reads it again."""
        self._read_at = None
