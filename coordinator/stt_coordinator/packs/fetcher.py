"""The pack that runs are planned with: fetched, verified, put on the bus, and cached."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from stt_coordinator.packs import cache
from stt_coordinator.packs.cache import CachedPack
from stt_coordinator.packs.sources import Offer, Source
from stt_shared import clock
from stt_shared.bus.port import Bus
from stt_shared.checkfile.catalogue import Catalogue
from stt_shared.errors import ConfigError, SttError
from stt_shared.pack import load, transfer
from stt_shared.pack.accepted_serials import Serials
from stt_shared.pack.trust import Accepted, Policy, Refused, verify
from stt_shared.protocol.control import PackStatus
from stt_shared.report.readable import first_names
from stt_shared.telemetry.logs import logger

EXPIRES_SOON = timedelta(days=14)
MAX_FAULTS_NAMED = 3
_BEFORE_ALL = datetime(1, 1, 1, tzinfo=UTC)
_LOG = logger("packs")


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedPack:
    """The pack in use and its checks."""

    accepted: Accepted
    catalogue: Catalogue
    cached: CachedPack

    @property
    def status(self) -> PackStatus:
        """The pack as `stt status` shows it."""
        manifest = self.accepted.pack.manifest
        return PackStatus(
            source=self.cached.place,
            name=manifest.name,
            serial=manifest.serial,
            digest=self.accepted.digest,
            key=self.accepted.key,
            checks=len(self.catalogue.checks),
            expires=manifest.expires if self.accepted.key else None,
            fetched=self.cached.fetched,
        )


class PackFetcher:
    """Fetches packs from `source`; `current` is the last good pack, `failure` the last error."""

    def __init__(
        self, *, bus: Bus, source: Source, policy: Policy, serials: Serials, folder: Path
    ) -> None:
        self._bus = bus
        self._source = source
        self._policy = policy
        self._serials = serials
        self._folder = folder
        self.current: FetchedPack | None = None
        self.failure = ""

    @property
    def policy(self) -> Policy:
        """The trust policy for packs."""
        return self._policy

    @property
    def place(self) -> str:
        """Where packs come from, for people."""
        return self._source.place

    @property
    def is_local(self) -> bool:
        """Whether a fetch is cheap enough for every run that is requested by hand."""
        return self._source.is_local

    async def begin(self) -> None:
        """Load the cached pack; fetch one only if there is none. Raises UnreachableError."""
        if self.current is None:
            self.current = await asyncio.to_thread(self._cached_pack)
        if self.current is None:
            await self.fetch()
        else:
            await self.put()

    async def fetch(self) -> None:
        """Put the newest pack on the bus; after a failed fetch the current one stays there.

        Raises UnreachableError if the bus does not take it.
        """
        place = self._source.place
        try:
            offer = await self._source.offer(self.current.cached.offer if self.current else None)
            fetched = await asyncio.to_thread(self._accept, offer)
        except (SttError, OSError) as error:
            self.failure = f"no newer pack from {place}: {_why(error)}"
            _LOG.error("pack_unavailable", source=place, reason=_why(error))
        else:
            if self.current is None or self.current.accepted.digest != fetched.accepted.digest:
                _LOG.info(
                    "pack_fetched",
                    pack=fetched.accepted.pack.label,
                    source=place,
                    key=fetched.accepted.key or "unsigned",
                    checks=len(fetched.catalogue.checks),
                )
            # After the cache is written: what is in use has to be there after a restart.
            self.current, self.failure = fetched, ""
        await self.put()

    async def put(self) -> None:
        """Put the pack in use on the bus; raises UnreachableError."""
        if self.current is not None:
            await transfer.put(self._bus, self.current.cached.offer.parcel)

    def _accept(self, offer: Offer) -> FetchedPack:
        now = clock.now()
        last = self._serials.last(self._policy.name)
        verdict = self._verify(offer, now, last)
        if isinstance(verdict, Refused):
            raise ConfigError(str(verdict))
        fetched = FetchedPack(
            accepted=verdict,
            catalogue=load.load(verdict.pack),
            cached=cache.cached_pack(offer, self._source.place, now),
        )
        if not fetched.catalogue.checks:
            faults = tuple(map(str, fetched.catalogue.faults))
            raise ConfigError("no good check in the pack", faults=faults)
        # The cache first: with the serial accepted and no pack on disk, a restart could not
        # use the same pack again from a source that is gone.
        cache.write(self._folder, fetched.cached)
        if verdict.key:
            self._serials.accept(verdict.pack.manifest.name, verdict.pack.manifest.serial)
        return fetched

    def _verify(self, offer: Offer, now: datetime, last_serial: int) -> Accepted | Refused:
        policy = replace(self._policy, allow_unsigned=offer.unsigned)
        parcel = offer.parcel
        return verify(parcel.data, parcel.signature, policy, now=now, last_serial=last_serial)

    def _cached_pack(self) -> FetchedPack | None:
        cached = cache.read(self._folder, self._source.place)
        if cached is None:
            return None
        # It was verified once, so expiry is no reason to drop it: `troubles` reports that, and
        # workers refuse it. Verified as of now, a restart would silently change the checks.
        verdict = self._verify(cached.offer, _BEFORE_ALL, 0)
        if isinstance(verdict, Refused):
            _LOG.error("cache_rejected", reason=str(verdict))
            return None
        return FetchedPack(accepted=verdict, catalogue=load.load(verdict.pack), cached=cached)

    def troubles(self, now: datetime) -> tuple[str, ...]:
        """Problems of the pack in use and of the last fetch, as sentences."""
        found = [self.failure] if self.failure else []
        if self.current is None:
            return (*found, "no pack has been fetched yet: the built-in checks are used")
        manifest, faults = self.current.accepted.pack.manifest, self.current.catalogue.faults
        label = f"pack {self.current.accepted.pack.label}"
        expires = clock.to_text(manifest.expires)
        if self.failure:
            found.append(f"{label} of {clock.to_text(self.current.cached.fetched)} stays in use")
        if self.current.accepted.key and now >= manifest.expires:
            found.append(f"{label} expired at {expires}, workers refuse it")
        elif self.current.accepted.key and now >= manifest.expires - EXPIRES_SOON:
            found.append(f"{label} expires at {expires}")
        if faults:
            named = first_names([*map(str, faults)], MAX_FAULTS_NAMED, separator="; ")
            found.append(f"left out of {label}: {named}")
        return tuple(found)


def _why(error: SttError | OSError) -> str:
    if isinstance(error, OSError):
        return f"it cannot be cached ({(error.strerror or str(error)).lower()})"
    return error.message.replace("\n", ";")
