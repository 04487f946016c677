"""Whether checks run: the control state in NATS, read again and again and written with care."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from stt_shared.bus.port import Bus, Outgoing, Publication
from stt_shared.errors import UnreachableError
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.messages import ControlState

ATTEMPTS = 5  # to write, while others write too
STREAM = f"KV_{subjects.BUCKET_CONTROL}"
SUBJECT = subjects.kv(subjects.BUCKET_CONTROL, subjects.KEY_STATE)


class Switch:
    """The control state as last read; disabled until somebody enabled it."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._sequence = 0
        self.state = ControlState()

    async def refresh(self) -> ControlState:
        """Read it; raises UnreachableError, and ProtocolError if a newer version wrote it."""
        stored = await self._bus.last(STREAM, SUBJECT)
        if stored is None:
            self._sequence, self.state = 0, ControlState()
        else:
            self.state = codec.decode(ControlState, stored.data)
            self._sequence = stored.sequence
        return self.state

    async def change(self, what: Callable[[ControlState], ControlState]) -> bool:
        """Write `what` it makes of the state; false if that is the state already.

        Whoever writes meanwhile is not overwritten: `what` is asked again. Raises
        UnreachableError if it cannot be stored.
        """
        reason = "others write it all the time"
        for _ in range(ATTEMPTS):
            wanted = what(await self.refresh())
            if wanted == self.state:
                return False
            message = Outgoing(
                subject=SUBJECT, data=codec.encode(wanted), expected_last=self._sequence
            )
            (receipt,) = await self._bus.publish([message])
            if receipt.publication is Publication.STORED:
                self.state, self._sequence = wanted, receipt.sequence
                await self._nudge()
                return True
            reason = receipt.reason
        raise UnreachableError(f"the control state cannot be written ({reason})")

    async def _nudge(self) -> None:
        # Workers read the state anyway before each job; this only makes them quick.
        with suppress(UnreachableError):
            await self.nudge()

    async def nudge(self) -> None:
        """Have workers read the state and announce themselves now."""
        await self._bus.send(subjects.NUDGE, b"")
