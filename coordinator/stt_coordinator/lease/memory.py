"""The lease in memory: the twin of the adapters, for tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from stt_coordinator.lease.port import Claimant, View
from stt_coordinator.lease.record import LeaseRecord, claimed
from stt_shared import clock


@dataclass(slots=True)
class Held:
    """What all claimants share: the record, and until when its holder keeps it by their clock."""

    record: LeaseRecord | None = None
    until: float = 0.0
    uptime: Callable[[], float] = field(default=clock.uptime)


class MemoryLease:
    """See the port; time is that of `Held`, as that of a database server would be."""

    def __init__(self, held: Held, claimant: Claimant, *, ttl_s: float) -> None:
        self.ttl_s = ttl_s
        self._held = held
        self._claimant = claimant
        self._seen: LeaseRecord | None = None
        self._until = 0.0
        self._is_renewed = False
        self._epoch = 0

    async def inspect(self) -> View:
        """See the port."""
        held = self._held
        if self._seen == held.record and 0 < self._until < held.until:
            self._is_renewed = True
        self._seen, self._until = held.record, held.until
        return View(
            record=held.record,
            is_free=self._is_free(),
            is_held=self._is_held(),
            is_renewed=self._is_renewed,
        )

    def _is_free(self) -> bool:
        folder = self._held.record.folder if self._held.record else ""
        return not self._is_held() or (bool(folder) and folder == self._claimant.folder)

    def _is_held(self) -> bool:
        held = self._held
        if held.record is None or held.record.holder in ("", self._claimant.holder):
            return False
        return held.uptime() <= held.until

    async def take(self, *, above: int = 0, installation: str = "") -> int | None:
        """See the port."""
        held, one = self._held, self._claimant
        if held.record != self._seen or not self._is_free():
            return None
        before = claimed(held.record.epoch) if held.record else 0
        self._epoch = max(before, above) + 1
        held.record = LeaseRecord(
            holder=one.holder,
            name=one.name,
            host=one.host,
            store=one.store,
            folder=one.folder,
            store_schema=one.store_schema,
            installation=installation,
            epoch=self._epoch,
            since=clock.now(),
        )
        held.until = held.uptime() + self.ttl_s
        return self._epoch

    async def renew(self) -> bool:
        """See the port."""
        if not self._is_mine():
            return False
        self._held.until = self._held.uptime() + self.ttl_s
        return True

    async def release(self) -> None:
        """See the port."""
        if self._is_mine() and self._held.record is not None:
            self._held.record = msgspec.structs.replace(self._held.record, holder="")

    def _is_mine(self) -> bool:
        record = self._held.record
        mine = (self._claimant.holder, self._epoch)
        return record is not None and (record.holder, record.epoch) == mine
