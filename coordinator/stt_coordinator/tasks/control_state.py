"""The control state in NATS: whether checks run; written by comparing and swapping."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from stt_coordinator.store.port import Ledger, Store, StoreError
from stt_shared.bus.port import Bus
from stt_shared.bus.values import Outgoing, Publication, Receipt, Stored
from stt_shared.errors import ProtocolError, UnreachableError
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.messages import ControlState
from stt_shared.telemetry.logs import logger

ATTEMPTS = 5  # to write, while others write too
COPY_S = 2.0  # for the store to take or give the copy while somebody waits for an answer
STREAM = subjects.kv_stream(subjects.BUCKET_CONTROL)
SUBJECT = subjects.kv(subjects.BUCKET_CONTROL, subjects.KEY_STATE)
NEWER = "newer_major"
_LOG = logger("control_state")


class ControlStateWriter:
    """Reads and writes the control state; `state` is as last read, disabled before.

    `is_shared`: other coordinators on the same store change it, too.
    """

    def __init__(self, bus: Bus, store: Store, *, is_shared: bool = False) -> None:
        self._bus = bus
        self._store = store
        self._is_shared = is_shared
        self._sequence = 0  # that the broker gave `state`
        # Without this lock a state read before a change would replace what the change wrote.
        self._one_at_a_time = asyncio.Lock()
        self.state = ControlState()

    async def refresh(self) -> ControlState:
        """Read it; a lost or unreadable one is written again from the store's copy.

        Raises UnreachableError, StoreError, and ProtocolError if a newer version wrote it.
        """
        async with self._one_at_a_time:
            await self._read()
            await self._keep()
            return self.state

    async def answers(self) -> None:
        """Raise UnreachableError unless the broker answers with the stored message."""
        await self._bus.last(STREAM, SUBJECT)

    async def recall(self) -> None:
        """See what another coordinator has changed before this request came.

        Whoever changed it put the copy into the store before it answered. While the store does not
        answer the state stays as it was read last.
        """
        if self._is_shared:
            with suppress(StoreError, TimeoutError):
                async with asyncio.timeout(COPY_S):
                    await self._store.read(self.newest)

    def newest(self, ledger: Ledger) -> ControlState:
        """The state as of this transaction: the copy of the store, if that is newer."""
        found, sequence = ledger.fleet.control_state(), ledger.fleet.control_sequence()
        if found is not None and sequence > self._sequence:
            self.state, self._sequence = found, sequence
        return self.state

    async def _read(self, *, replace_newer: bool = False) -> int:
        """Read it; returns the sequence that the next message has to follow."""
        stored = await self._bus.last(STREAM, SUBJECT)
        # A deleted key leaves an empty message, which the next one has to follow.
        sequence = stored.sequence if stored else 0
        found = _decode(stored, replace_newer=replace_newer)
        if found is not None:
            self.state, self._sequence = found, sequence
            return sequence
        lost, last = await self._store.read(_copy)
        self.state, self._sequence = ControlState(), sequence
        unreadable = stored is not None and bool(stored.data)
        if unreadable or (lost is not None and lost != self.state):
            await self._restore(lost or ControlState(), sequence, last)
        return self._sequence

    async def _keep(self) -> None:
        """Keep the copy from which a bucket that the broker has lost is restored.

        Compared each time: what was written meanwhile by whoever read an older state is mended.
        """
        mine, sequence = self.state, self._sequence
        kept, last = await self._store.read(_copy)
        if (mine == kept and sequence == last) or (not sequence and kept is None):
            return
        if sequence >= last:
            await self._store.transact(
                lambda ledger: ledger.fleet.put_control_state(mine, sequence)
            )
            return
        # Either this was read from a replica that is behind, or the broker counts anew. It takes
        # the same state again only if nothing followed: then the copy is of a lost bucket.
        receipt = await self._write(mine, sequence)
        if receipt.publication is Publication.STORED:
            newest = receipt.sequence
            await self._store.transact(
                lambda ledger: ledger.fleet.put_control_state(mine, newest, replaces=last)
            )
        elif kept is not None:
            self.state, self._sequence = kept, last

    async def _restore(self, state: ControlState, sequence: int, last: int) -> None:
        receipt = await self._write(state, sequence)
        if receipt.publication is not Publication.STORED:
            reason = receipt.reason
            raise UnreachableError(f"the control state cannot be restored ({reason})")
        _LOG.warning("control_state_restored", enabled=state.enabled)
        # At once: the copy of a lost bucket has a higher sequence than the changes that follow, and
        # would count as newer than they. Without the store it is done by the next `_keep`.
        with suppress(StoreError, TimeoutError):
            async with asyncio.timeout(COPY_S):
                await self._store.transact(
                    lambda ledger: ledger.fleet.put_control_state(
                        state, receipt.sequence, replaces=last
                    )
                )

    async def take_over(self) -> None:
        """Write the state again as it is: what an earlier coordinator still writes is then refused.

        It compares with the sequence that it read, as the fence of another stream would. One of a
        newer version stays as it is: the checks do not run, and whoever disables them is answered.
        Raises UnreachableError and StoreError.
        """
        async with self._one_at_a_time:
            stored = await self._bus.last(STREAM, SUBJECT)
            data, sequence = (stored.data, stored.sequence) if stored else (b"", 0)
            message = Outgoing(subject=SUBJECT, data=data, expected_last=sequence)
            (receipt,) = await self._bus.publish([message])
            if receipt.publication is not Publication.STORED:
                raise UnreachableError(f"the control state cannot be taken over ({receipt.reason})")
            try:
                await self._read()
                await self._keep()
            except ProtocolError as error:
                # Not raised: one such message would keep every coordinator from its start. Each
                # look at the state raises it again, and the status says so.
                _LOG.error("control_state_unreadable", code=error.code, reason=error.message)

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
            for attempt in range(ATTEMPTS):
                sequence = await self._read(replace_newer=replace_newer)
                if not attempt:  # a replica of the broker may be behind
                    await self.recall()
                    sequence = max(sequence, self._sequence)
                wanted = make(self.state)
                if wanted == self.state:
                    return False
                receipt = await self._write(wanted, sequence)
                if receipt.publication is Publication.STORED:
                    break
                reason = receipt.reason
            else:
                raise UnreachableError(f"the control state cannot be written ({reason})")
            # Before the answer: the next request may come to another coordinator, which reads it.
            # Not for long: whoever stops the checks must not wait for a store that hangs.
            with suppress(StoreError, UnreachableError, TimeoutError):
                async with asyncio.timeout(COPY_S):
                    await self._keep()
        # Workers read the state anyway before each job; this only makes them quick.
        with suppress(UnreachableError):
            await self.nudge()
        return True

    async def _write(self, state: ControlState, sequence: int) -> Receipt:
        """Write it behind the message `sequence`; whoever else wrote meanwhile wins."""
        data = codec.encode(state)
        message = Outgoing(subject=SUBJECT, data=data, expected_last=sequence)
        (receipt,) = await self._bus.publish([message])
        if receipt.publication is Publication.STORED:
            # Only then: with a sequence that the broker did not give every later write would be
            # refused.
            self.state, self._sequence = state, receipt.sequence
        return receipt

    async def nudge(self) -> None:
        """Make workers read the state and announce themselves now; raises UnreachableError."""
        await self._bus.send(subjects.NUDGE, b"")


def _copy(ledger: Ledger) -> tuple[ControlState | None, int]:
    return ledger.fleet.control_state(), ledger.fleet.control_sequence()


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
