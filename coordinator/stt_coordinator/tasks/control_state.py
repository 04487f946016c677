"""The control state in NATS: whether checks run; written by comparing and swapping."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from stt_coordinator.store.port import Store
from stt_shared.bus.port import Bus
from stt_shared.bus.values import Outgoing, Publication, Receipt, Stored
from stt_shared.errors import ProtocolError, UnreachableError
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.messages import ControlState
from stt_shared.telemetry.logs import logger

ATTEMPTS = 5  # to write, while others write too
STREAM = subjects.kv_stream(subjects.BUCKET_CONTROL)
SUBJECT = subjects.kv(subjects.BUCKET_CONTROL, subjects.KEY_STATE)
NEWER = "newer_major"
_LOG = logger("control_state")


class ControlStateWriter:
    """Reads and writes the control state; `state` is as last read, disabled before."""

    def __init__(self, bus: Bus, store: Store) -> None:
        self._bus = bus
        self._store = store
        self._sequence = 0
        self._remembered: ControlState | None = None
        # Without this lock a state read before a change would replace what the change wrote.
        self._one_at_a_time = asyncio.Lock()
        self.state = ControlState()

    async def refresh(self) -> ControlState:
        """Read it; a lost or unreadable one is written again from the store's copy.

        Raises UnreachableError, StoreError, and ProtocolError if a newer version wrote it.
        """
        async with self._one_at_a_time:
            return await self._refresh()

    async def _refresh(self, *, replace_newer: bool = False) -> ControlState:
        stored = await self._bus.last(STREAM, SUBJECT)
        # A deleted key leaves an empty message, which the next one has to follow.
        self._sequence = stored.sequence if stored else 0
        found = _decode(stored, replace_newer=replace_newer)
        if found is not None:
            self.state = found
        else:
            self.state = ControlState()
            lost = await self._store.read(lambda ledger: ledger.fleet.control_state())
            unreadable = stored is not None and bool(stored.data)
            if unreadable or (lost is not None and lost != self.state):
                await self._restore(lost or ControlState())
        state = self.state
        # The copy from which a bucket that the broker has lost is restored.
        if state != self._remembered:
            await self._store.transact(lambda ledger: ledger.fleet.put_control_state(state))
            self._remembered = state
        return state

    async def _restore(self, state: ControlState) -> None:
        receipt = await self._write(state)
        if receipt.publication is not Publication.STORED:
            reason = receipt.reason
            raise UnreachableError(f"the control state cannot be restored ({reason})")
        _LOG.warning("control_state_restored", enabled=state.enabled)

    async def take_over(self) -> None:
        """Write the state again as it is: what an earlier coordinator still writes is then refused.

        It compares with the sequence that it read, as the fence of another stream would.
        Raises UnreachableError, StoreError and ProtocolError.
        """
        async with self._one_at_a_time:
            stored = await self._bus.last(STREAM, SUBJECT)
            data, sequence = (stored.data, stored.sequence) if stored else (b"", 0)
            message = Outgoing(subject=SUBJECT, data=data, expected_last=sequence)
            (receipt,) = await self._bus.publish([message])
            if receipt.publication is not Publication.STORED:
                raise UnreachableError(f"the control state cannot be taken over ({receipt.reason})")
            await self._refresh()

    async def change(
        self, make: Callable[[ControlState], ControlState], *, replace_newer: bool = False
    ) -> bool:
        """Write what `make` makes of the state; false if that is the state already.

        With `replace_newer` a state that a newer version wrote is replaced by the store's copy.

        Whoever writes meanwhile is not overwritten: `make` is called again with what they wrote.
        Raises UnreachableError if the state cannot be stored.
        """
        async with self._one_at_a_time:
            reason = ""
            # Limited: of many that write at once each round lets one through, and an operator
            # waits.
            for _ in range(ATTEMPTS):
                wanted = make(await self._refresh(replace_newer=replace_newer))
                if wanted == self.state:
                    return False
                receipt = await self._write(wanted)
                if receipt.publication is Publication.STORED:
                    break
                reason = receipt.reason
            else:
                raise UnreachableError(f"the control state cannot be written ({reason})")
        # Workers read the state anyway before each job; this only makes them quick.
        with suppress(UnreachableError):
            await self.nudge()
        return True

    async def _write(self, state: ControlState) -> Receipt:
        data = codec.encode(state)
        message = Outgoing(subject=SUBJECT, data=data, expected_last=self._sequence)
        (receipt,) = await self._bus.publish([message])
        if receipt.publication is Publication.STORED:
            # Only then: with a sequence that the broker did not give every later write would be
            # refused.
            self.state, self._sequence = state, receipt.sequence
        return receipt

    async def nudge(self) -> None:
        """Make workers read the state and announce themselves now; raises UnreachableError."""
        await self._bus.send(subjects.NUDGE, b"")


def _decode(stored: Stored | None, *, replace_newer: bool) -> ControlState | None:
    """The state in `stored`; None if there is none, or none that can be read.

    Raises ProtocolError `newer_major` unless `replace_newer` is set.
    """
    if stored is None or not stored.data:
        return None
    try:
        return codec.decode(ControlState, stored.data)
    except ProtocolError as error:
        # A newer version of STT reads it: only who has to stop everything may replace it.
        if error.code == NEWER and not replace_newer:
            raise
        _LOG.error("control_state_unreadable", code=error.code, reason=error.message)
        return None
