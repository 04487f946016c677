"""The term of a holder: how long it may act, and the renewals that prolong it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from stt_coordinator.lease.handover import Handover
from stt_coordinator.lease.port import RENEWALS, SAFETY, Lease, LeaseLostError
from stt_shared import clock
from stt_shared.errors import UnreachableError
from stt_shared.telemetry.logs import logger

_LOG = logger("lease")


class Term:
    """The time in which this process holds the lease; every write asks `require` first."""

    def __init__(
        self,
        epoch: int,
        *,
        begun: float,
        ttl_s: float,
        since: datetime | None = None,
        uptime: Callable[[], float] = clock.uptime,
    ) -> None:
        self.epoch = epoch
        self.since = since or clock.now()
        self.is_lost = False
        self.lost_by = "another coordinator acts"
        self.trouble = ""  # why the last renewal failed
        self.doubted = asyncio.Event()  # set by what suggests that another one holds the lease
        self._ttl_s = ttl_s
        self._uptime = uptime
        self._renewed = begun

    def renewed(self, at: float) -> None:
        """Prolong: a renewal that was sent at `at`, in seconds of uptime, has succeeded."""
        self._renewed, self.trouble = at, ""

    def lose(self, reason: str) -> None:
        """End the term at once, and wake its keeper."""
        self.is_lost = True
        self.lost_by = reason
        self.doubted.set()

    def may_act(self) -> bool:
        """Whether this process may act now."""
        return not self.is_lost and self._age_s() < SAFETY * self._ttl_s

    def require(self) -> None:
        """Raise UnreachableError unless this process may act now."""
        if self.is_lost:
            raise UnreachableError(f"{self.lost_by}: this one stands down")
        if not self.may_act():
            raise UnreachableError(
                f"the lease was not renewed for {self._age_s():.0f} s: this coordinator waits",
                hint="it acts again when NATS answers and no other coordinator has taken over",
            )

    def obstacle(self) -> str:
        """Why this process may not act although it is not known that another one does; or empty."""
        if self.is_lost or self.may_act():
            return ""
        trouble = f" ({self.trouble})" if self.trouble else ""
        return f"the lease was not renewed for {self._age_s():.0f} s{trouble}: it waits"

    def _age_s(self) -> float:
        return self._uptime() - self._renewed


@dataclass(slots=True, kw_only=True)
class Keeper:
    """Renews the lease of a term, and learns that it is lost.

    `mend` restores what refused a message although the lease is still ours.
    """

    lease: Lease
    term: Term
    mend: Callable[[], Awaitable[None]]
    handover: Handover
    is_late: bool = False

    async def keep(self) -> None:
        """Renew until the lease is lost; raises LeaseLostError then, never returns."""
        every_s = self.lease.ttl_s / RENEWALS
        while True:
            is_doubted = await self._wait(every_s)
            # Before a renewal: with the lease of a store that refuses us we would keep others out.
            if self.term.is_lost:
                raise LeaseLostError(self.term.lost_by)
            try:
                await self._renew(is_doubted=is_doubted)
            except UnreachableError as error:
                self._note_late(error)
                # A pace of its own: a broker that refuses at once must not be asked in a loop.
                await asyncio.sleep(every_s / RENEWALS)
            except LeaseLostError:
                # Before anything else runs: the other tasks are cancelled one after the other.
                self.term.is_lost = True
                raise
            else:
                self.is_late = False
                self.handover.forget()

    async def _wait(self, seconds: float) -> bool:
        """Wait for the next renewal; true if something suggests that the lease is lost."""
        if self.is_late:
            return True
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.term.doubted.wait()
        is_doubted = self.term.doubted.is_set()
        self.term.doubted.clear()
        return is_doubted

    async def _renew(self, *, is_doubted: bool) -> None:
        # Before it is sent: others count the silence from when they see it, which is later.
        begun = clock.uptime()
        try:
            # Several calls to a broker that does not answer would last longer than the term.
            async with asyncio.timeout(self.lease.ttl_s / RENEWALS):
                is_ours = await self.lease.renew()
        except TimeoutError as error:
            raise UnreachableError("the lease is not renewed (no answer in time)") from error
        if not is_ours:
            raise LeaseLostError("another coordinator has taken over")
        self.term.renewed(begun)
        if is_doubted:
            await self.mend()

    def _note_late(self, error: UnreachableError) -> None:
        if not self.is_late:
            _LOG.warning("lease_not_renewed", reason=error.message)
        self.is_late, self.term.trouble = True, error.message
        if not self.term.may_act() and self.handover.is_wanted():
            self.term.is_lost = True
            raise LeaseLostError("NATS does not answer, and a standby waits for the store")
