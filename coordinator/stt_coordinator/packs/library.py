"""The checks that runs are planned with: built-in or of a pack, switched by the state."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from stt_coordinator.packs.fetcher import Supply
from stt_shared import clock
from stt_shared.checkfile.catalogue import Catalogue
from stt_shared.errors import ConfigError
from stt_shared.pack.trust import Policy
from stt_shared.protocol.control import CheckInfo, PackStatus
from stt_shared.telemetry.logs import logger

_LOG = logger("library")


class Library:
    """The newest checks that could be fetched: of `supply` if there is one, else of `source`."""

    def __init__(self, source: Callable[[], Catalogue], supply: Supply | None = None) -> None:
        self._source = source
        self._supply = supply
        self._trouble = ""
        self.catalogue = Catalogue(checks={})
        self.pack = ""  # digest of the pack file; empty: built-in

    @property
    def trouble(self) -> tuple[str, ...]:
        """What is wrong with the checks, in sentences."""
        own = (self._trouble,) if self._trouble else ()
        return own + (self._supply.troubles(clock.now()) if self._supply else ())

    @property
    def place(self) -> str:
        """Where packs come from; empty where the checks are those of the installation."""
        return self._supply.place if self._supply else ""

    @property
    def status(self) -> PackStatus | None:
        """The pack in use; None where the checks are those of the installation."""
        supplied = self._supply.current if self._supply else None
        return supplied.status if supplied else None

    @property
    def policy(self) -> Policy | None:
        """Whose packs are taken; None where the checks are those of the installation."""
        return self._supply.policy if self._supply else None

    async def begin(self) -> None:
        """Have checks, without a fetch if there are some from an earlier life."""
        if self._supply is not None:
            await self._supply.begin()
        await self._take()

    async def fetch(self) -> None:
        """Get the checks again; if that fails the ones at hand stay and `trouble` says why.

        Raises UnreachableError if a pack cannot be put on the bus.
        """
        if self._supply is not None:
            await self._supply.fetch()
        await self._take()

    async def look(self) -> None:
        """Get the checks again if they are on this machine; raises UnreachableError."""
        if self._supply is not None and self._supply.near:
            await self.fetch()

    async def _take(self) -> None:
        supplied = self._supply.current if self._supply else None
        if supplied is not None:
            self.catalogue, self.pack = supplied.catalogue, supplied.accepted.digest
            return
        try:
            self.catalogue = await asyncio.to_thread(self._source)
        except ConfigError as error:
            self._trouble = f"the checks cannot be read: {error.message}"
            _LOG.error("checks_rejected", reason=error.message, hint=error.hint)
        else:
            self._trouble = ""

    def checks(self, disabled: tuple[str, ...]) -> tuple[CheckInfo, ...]:
        """Every check; those in `disabled` are switched off."""
        return tuple(
            CheckInfo(
                check=check.name,
                family=check.family,
                summary=check.summary,
                interval=check.interval,
                digest=check.digest,
                enabled=check.name not in disabled,
                category=check.category,
            )
            for check in self.catalogue.checks.values()
        )
