"""The lease as a key in NATS, taken and renewed by compare-and-set.

No time but this machine's uptime is read, and no key expires: a holder is silent if the sequence of
its key does not change while this process looks.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf

import msgspec

from stt_coordinator.lease.port import RENEWALS, Claimant, View
from stt_coordinator.lease.record import LeaseRecord, claimed
from stt_shared import clock
from stt_shared.bus.port import Bus
from stt_shared.bus.values import Outgoing, Publication, Receipt
from stt_shared.errors import ProtocolError, UnreachableError
from stt_shared.protocol import codec, subjects
from stt_shared.telemetry.logs import logger

STREAM = subjects.LEASE.name
SUBJECT = subjects.kv(subjects.BUCKET_LEASE, subjects.KEY_COORDINATOR)
RENEWAL_TRIES = 2  # the second with the sequence of a renewal whose answer got lost
_LOG = logger("lease")


class NatsLease:
    """See the port."""

    def __init__(
        self,
        bus: Bus,
        claimant: Claimant,
        *,
        ttl_s: float,
        uptime: Callable[[], float] = clock.uptime,
    ) -> None:
        self.ttl_s = ttl_s
        self._bus = bus
        self._claimant = claimant
        self._uptime = uptime
        self._sequence = 0
        self._record: LeaseRecord | None = None  # as last read or written
        self._silent_s = 0.0  # of the holder, as far as this process looked
        self._inspected: float | None = None  # None: nothing is known of the time before now
        self._is_renewed = False
        self._highest = 0  # epoch that this process has seen: the broker may lose the key

    async def inspect(self) -> View:
        """See the port."""
        before = self._sequence
        try:
            # Before the bucket is there it cannot be read.
            await self._bus.ensure([subjects.LEASE], ())
            await self._read()
        except UnreachableError:
            self._inspected = None
            # A holder that was silent for long enough stays so: otherwise each attempt to take its
            # lease that fails for want of an answer would cost that time once more.
            if self._silent_s <= self.ttl_s:
                self._silent_s = 0.0
            raise
        self._note_silence(before)
        is_held = self._is_held()
        return View(
            record=self._record,
            is_free=not is_held or self._is_here(),
            is_held=is_held,
            is_renewed=self._is_renewed,
        )

    def _note_silence(self, before: int) -> None:
        """Note what the sequence proves of the holder, which was `before` when it was last read."""
        now = self._uptime()
        since_s = inf if self._inspected is None else now - self._inspected
        self._inspected = now
        # A gap between two readings (no answer, a paused process, an attempt to take the lease that
        # failed slowly) proves nothing of the holder, and counts as far as time without a gap.
        most_s = self.ttl_s / RENEWALS
        if self._sequence != before:
            self._is_renewed = self._is_renewed or (before > 0 and since_s <= most_s)
            self._silent_s = 0.0
        elif since_s < inf:
            self._silent_s += min(since_s, most_s)

    def _is_held(self) -> bool:
        record = self._record
        if record is None or record.holder in ("", self._claimant.holder):
            return False  # ours: it was taken, and the answer got lost
        return self._silent_s <= self.ttl_s

    def _is_here(self) -> bool:
        # Whoever has locked a folder of this machine knows that its former user has let it go.
        folder = self._record.folder if self._record else ""
        return bool(folder) and folder == self._claimant.folder

    async def take(self, *, above: int = 0, installation: str = "") -> int | None:
        """See the port."""
        one, before = self._claimant, self._record or LeaseRecord()
        epoch = max(claimed(before.epoch), above, self._highest) + 1
        record = LeaseRecord(
            holder=one.holder,
            name=one.name,
            host=one.host,
            store=one.store,
            folder=one.folder,
            store_schema=one.store_schema,
            installation=installation,
            epoch=epoch,
            since=clock.now(),
        )
        receipt = await self._write(record)
        if receipt.publication is Publication.FAILED:
            # Whether it was stored is unknown: the next look tells.
            raise UnreachableError(f"the lease cannot be taken ({receipt.reason})")
        self._is_renewed = False
        return epoch if receipt.publication is Publication.STORED else None

    async def renew(self) -> bool:
        """See the port."""
        mine = self._record
        reason = ""
        for _ in range(RENEWAL_TRIES):
            if mine is None or not self._is_mine(self._record, mine):
                return False
            receipt = await self._write(mine)
            if receipt.publication is Publication.STORED:
                return True
            reason = receipt.reason
            # The bucket may be gone with the broker's disk; without it nothing can be read.
            await self._bus.ensure([subjects.LEASE], ())
            await self._read()
        raise UnreachableError(f"the lease is not renewed ({reason})")

    @staticmethod
    def _is_mine(found: LeaseRecord | None, mine: LeaseRecord) -> bool:
        return found is not None and (found.holder, found.epoch) == (mine.holder, mine.epoch)

    async def release(self) -> None:
        """See the port."""
        if self._record is not None and self._record.holder == self._claimant.holder:
            await self._write(msgspec.structs.replace(self._record, holder=""))

    async def _read(self) -> None:
        stored = await self._bus.last(STREAM, SUBJECT)
        self._sequence = stored.sequence if stored is not None else 0
        self._record = None
        if stored is not None and stored.data:
            try:
                self._record = codec.decode(LeaseRecord, stored.data)
            except ProtocolError as error:
                # Anything may be written there by hand; the fences still name the epoch.
                _LOG.error("lease_rejected", reason=error.message)
            else:
                # Kept beside the key: a bucket that is made anew would begin with the first epoch
                # again.
                self._highest = max(self._highest, claimed(self._record.epoch))

    async def _write(self, record: LeaseRecord) -> Receipt:
        message = Outgoing(subject=SUBJECT, data=codec.encode(record), expected_last=self._sequence)
        (receipt,) = await self._bus.publish([message])
        if receipt.publication is Publication.STORED:
            self._sequence, self._record = receipt.sequence, record
            self._highest = max(self._highest, claimed(record.epoch))
        return receipt
