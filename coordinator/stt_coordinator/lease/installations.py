"""To which installation a store belongs: its coordinators have one NATS, and one lease."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from stt_coordinator.lease.port import Claimant
from stt_coordinator.lease.record import LeaseRecord
from stt_coordinator.store.port import Store
from stt_shared.errors import ConfigError

ID_BYTES = 16


@dataclass(slots=True)
class Installations:
    """The installation of a claimant, which it remembers when NATS has lost its record."""

    claimant: Claimant
    known: str = ""

    def see(self, record: LeaseRecord | None) -> None:
        """Note what the lease says."""
        if record is not None and record.installation:
            self.known = record.installation

    async def of(self, store: Store, *, fenced: int, adopts: bool) -> str:
        """The id to act with; `fenced` is the highest epoch of the fences on NATS.

        Raises ConfigError if the store belongs to an installation with another NATS, unless
        `adopts`; and StoreError.
        """
        known, found = self.known, await store.installation()
        # A file has one user at a time, so that it may move to another NATS.
        is_shared = bool(self.claimant.store_schema)
        if not known and found and (not is_shared or 0 < fenced == await store.epoch()):
            known = found  # only the record of the lease was lost
        known = known or secrets.token_hex(ID_BYTES)
        if found not in ("", known) and is_shared and not adopts:
            raise ConfigError(
                f"the store {self.claimant.store} belongs to an installation with another NATS",
                hint="give each installation a database of its own; if that NATS has lost its data"
                " or is gone: stt coordinator --adopt",
            )
        return known
