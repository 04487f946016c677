"""The checks that runs are planned with: built-in or of a pack, switched by the state."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from stt_coordinator.packs.fetcher import PackFetcher
from stt_shared import clock
from stt_shared.checkfile.catalogue import Catalogue
from stt_shared.errors import ConfigError
from stt_shared.pack.trust import Policy
from stt_shared.protocol.control import CheckInfo, PackStatus
from stt_shared.telemetry.logs import logger

_LOG = logger("library")


class Library:
    """The checks of the newest pack of `fetcher`; without a fetcher those of `source`."""

    def __init__(self, source: Callable[[], Catalogue], fetcher: PackFetcher | None = None) -> None:
        self._source = source
        self._fetcher = fetcher
        self._failure = ""  # of the last reading of `source`
        self.catalogue = Catalogue(checks={})
        self.pack = ""  # digest of the pack file; empty: built-in

    @property
    def troubles(self) -> tuple[str, ...]:
        """Problems of the checks, as sentences."""
        own = (self._failure,) if self._failure else ()
        return own + (self._fetcher.troubles(clock.now()) if self._fetcher else ())

    @property
    def place(self) -> str:
        """The source of packs; empty where the checks are built in."""
        return self._fetcher.place if self._fetcher else ""

    @property
    def status(self) -> PackStatus | None:
        """The pack in use; None where the checks are built in."""
        fetched = self._fetcher.current if self._fetcher else None
        return fetched.status if fetched else None

    @property
    def policy(self) -> Policy | None:
        """The trust policy for packs; None where the checks are built in."""
        return self._fetcher.policy if self._fetcher else None

    async def begin(self) -> None:
        """Load the cached pack; fetch one only if there is none. Raises UnreachableError."""
        if self._fetcher is not None:
            await self._fetcher.begin()
        await self._load()

    async def fetch(self) -> None:
        """Get the checks again; after a failure the current ones stay; `troubles` has the reason.

        Raises UnreachableError if a pack cannot be put on the bus.
        """
        if self._fetcher is not None:
            await self._fetcher.fetch()
        await self._load()

    async def refresh_if_local(self) -> None:
        """Fetch the pack again if its source is on this machine; raises UnreachableError."""
        if self._fetcher is not None and self._fetcher.is_local:
            await self.fetch()

    async def _load(self) -> None:
        fetched = self._fetcher.current if self._fetcher else None
        if fetched is not None:
            self.catalogue, self.pack = fetched.catalogue, fetched.accepted.digest
            return
        try:
            self.catalogue = await asyncio.to_thread(self._source)
        except ConfigError as error:
            self._failure = f"the checks cannot be read: {error.message}"
            _LOG.error("checks_rejected", reason=error.message, hint=error.hint)
        else:
            self._failure = ""

    def checks(self, disabled: tuple[str, ...]) -> tuple[CheckInfo, ...]:
        """Every check; those in `disabled` are not enabled."""
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


def built_in_of(library: Library) -> str:
    """The digest of the built-in checks in use; empty if the checks are of a pack."""
    return "" if library.pack else library.catalogue.pack
