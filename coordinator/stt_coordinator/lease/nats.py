"""The lease as a key in NATS, taken and renewed by compare-and-set.

No time but this machine's uptime is read, and no key expires: a holder is silent if the sequence of
its key does not change while this process looks.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from stt_coordinator.lease.port import RENEWALS, Claimant, View
from stt_coordinator.lease.record import LeaseRecord
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
        self._unchanged_since: float | None = None
        self._inspected = 0.0
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
            self._unchanged_since = None
            raise
        now = self._uptime()
        # A gap between two readings (no answer, a paused process) proves nothing of the holder.
        has_gap = now - self._inspected > self.ttl_s / RENEWALS
        is_same = self._sequence == before
        if not is_same and before and not has_gap:
            self._is_renewed = True
        if not is_same or has_gap or self._unchanged_since is None:
            self._unchanged_since = now
        self._inspected = now
        is_held = self._is_held(now - self._unchanged_since)
        return View(
            record=self._record,
            is_free=not is_held or self._is_here(),
            is_held=is_held,
            is_renewed=self._is_renewed,
        )

    def _is_held(self, silent_s: float) -> bool:
        record = self._record
        if record is None or record.holder in ("", self._claimant.holder):
            return False  # ours: it was taken, and the answer got lost
        return silent_s <= self.ttl_s

    def _is_here(self) -> bool:
        # Whoever has locked a folder of this machine knows that its former user has let it go.
        folder = self._record.folder if self._record else ""
        return bool(folder) and folder == self._claimant.folder

    async def take(self, *, above: int = 0, installation: str = "") -> int | None:
        """See the port."""
        one, before = self._claimant, self._record or LeaseRecord()
        epoch = max(before.epoch, above, self._highest) + 1
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
                self._highest = max(self._highest, self._record.epoch)

    async def _write(self, record: LeaseRecord) -> Receipt:
        message = Outgoing(subject=SUBJECT, data=codec.encode(record), expected_last=self._sequence)
        (receipt,) = await self._bus.publish([message])
        if receipt.publication is Publication.STORED:
            self._sequence, self._record = receipt.sequence, record
            self._highest = max(self._highest, record.epoch)
        return receipt
