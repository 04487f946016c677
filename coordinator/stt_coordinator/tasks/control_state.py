"""Whether checks run: the control state in NATS, read again and again and written with care."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from stt_coordinator.store.port import Store
from stt_shared.bus.port import Bus
from stt_shared.bus.values import Outgoing, Publication, Receipt
from stt_shared.errors import UnreachableError
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.messages import ControlState
from stt_shared.telemetry.logs import logger

ATTEMPTS = 5  # to write, while others write too
STREAM = subjects.kv_stream(subjects.BUCKET_CONTROL)
SUBJECT = subjects.kv(subjects.BUCKET_CONTROL, subjects.KEY_STATE)
_LOG = logger("switch")


class ControlStateWriter:
    """The control state as last read; disabled until somebody enabled it."""

    def __init__(self, bus: Bus, store: Store) -> None:
        self._bus = bus
        self._store = store
        self._sequence = 0
        self._remembered: ControlState | None = None
        # Without it an answer read before a change would overwrite what the change wrote.
        self._one_at_a_time = asyncio.Lock()
        self.state = ControlState()

    async def refresh(self) -> ControlState:
        """Read it; one that the broker has lost is written again from the store's copy.

        Raises UnreachableError, StoreError, and ProtocolError if a newer version wrote it.
        """
        async with self._one_at_a_time:
            return await self._refresh()

    async def _refresh(self) -> ControlState:
        stored = await self._bus.last(STREAM, SUBJECT)
        if stored is not None and stored.data:
            self.state, self._sequence = codec.decode(ControlState, stored.data), stored.sequence
        else:
            # A deleted key leaves an empty message, which the next one has to follow.
            self.state, self._sequence = ControlState(), stored.sequence if stored else 0
            await self._restore()
        await self._remember()
        return self.state

    async def _restore(self) -> None:
        lost = await self._store.read(lambda ledger: ledger.fleet.control_state())
        if lost is None or lost == self.state:
            return
        receipt = await self._write(lost)
        if receipt.publication is not Publication.STORED:
            raise UnreachableError(f"the control state cannot be restored ({receipt.reason})")
        _LOG.warning("control_state_restored", enabled=lost.enabled)

    async def _remember(self) -> None:
        state = self.state
        if state != self._remembered:
            await self._store.transact(lambda ledger: ledger.fleet.put_control_state(state))
            self._remembered = state

    async def change(self, what: Callable[[ControlState], ControlState]) -> bool:
        """Write `what` it makes of the state; false if that is the state already.

        Whoever writes meanwhile is not overwritten: `what` is asked again. Raises
        UnreachableError if it cannot be stored.
        """
        async with self._one_at_a_time:
            changed = await self._change(what)
        if changed:
            # Workers read the state anyway before each job; this only makes them quick.
            with suppress(UnreachableError):
                await self.nudge()
        return changed

    async def _change(self, what: Callable[[ControlState], ControlState]) -> bool:
        reason = "others write it all the time"
        for _ in range(ATTEMPTS):
            wanted = what(await self._refresh())
            if wanted == self.state:
                return False
            receipt = await self._write(wanted)
            if receipt.publication is Publication.STORED:
                return True
            reason = receipt.reason
        raise UnreachableError(f"the control state cannot be written ({reason})")

    async def _write(self, state: ControlState) -> Receipt:
        data = codec.encode(state)
        message = Outgoing(subject=SUBJECT, data=data, expected_last=self._sequence)
        (receipt,) = await self._bus.publish([message])
        if receipt.publication is Publication.STORED:
            self.state, self._sequence = state, receipt.sequence
        return receipt

    async def nudge(self) -> None:
        """Have workers read the state and announce themselves now."""
        await self._bus.send(subjects.NUDGE, b"")
