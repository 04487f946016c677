"""The lease of an installation: which coordinator acts, and in which epoch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from stt_coordinator.lease.record import LeaseRecord
from stt_shared.errors import SttError

# After which the status says that nobody leads: a leader, if there is one, has answered by then.
ANSWERS_AFTER_S = 1.0
RENEWALS = 3  # in the time after which a silent holder loses the lease
SAFETY = 0.75  # part of that time in which a holder acts without a renewal


class LeaseLostError(SttError):
    """Another coordinator holds the lease, or took it meanwhile: this one must not act any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimant:
    """A coordinator that wants to act."""

    holder: str  # random, of this process
    name: str
    host: str
    store: str  # random id that the store got when it was made
    folder: str = ""  # identity of the lock of its state folder on this machine; empty: unknown
    store_schema: int = 0  # number that this program has for a store that others share; 0: a file


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """The lease as last read: the record, or None if there never was one."""

    record: LeaseRecord | None = None
    is_free: bool = False  # a claimant may try to take it now
    is_held: bool = False  # its holder is not silent: who is in the same folder knows it is gone
    is_renewed: bool = False  # it was seen to be renewed, so that its holder lives


class Lease(Protocol):
    """One lease as one claimant sees it. Every method raises UnreachableError without an answer."""

    ttl_s: float  # a holder that is silent for longer loses the lease

    async def inspect(self) -> View:
        """Read the lease; free if it was released, or its holder was silent for `ttl_s`.

        Time in which the lease could not be read is not silence of its holder.
        """
        ...

    async def take(self, *, above: int = 0, installation: str = "") -> int | None:
        """Take the lease as it was last read; None if another claimant was faster.

        Returns the epoch: higher than every earlier one of this lease, and than `above`. The record
        says of which `installation` it is.
        """
        ...

    async def renew(self) -> bool:
        """Report that the holder is alive; false if it is no longer the holder.

        Raises UnreachableError if it is not known; a later call may still succeed.
        """
        ...

    async def release(self) -> None:
        """Give the lease up, so that another claimant need not wait; without effect if lost."""
        ...
