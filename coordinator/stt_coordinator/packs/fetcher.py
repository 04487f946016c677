"""The pack that runs are planned with: fetched, verified, put on the bus, and kept."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from stt_coordinator.packs import cache
from stt_coordinator.packs.cache import Kept
from stt_coordinator.packs.sources import Offer, Source
from stt_shared import clock
from stt_shared.bus.port import Bus
from stt_shared.checkfile.catalogue import Catalogue
from stt_shared.errors import ConfigError, SttError
from stt_shared.pack import load, transfer
from stt_shared.pack.accepted_serials import Serials
from stt_shared.pack.trust import Accepted, Policy, Refused, verify
from stt_shared.protocol.control import PackStatus
from stt_shared.telemetry.logs import logger

EXPIRES_SOON = timedelta(days=14)
MAX_FAULTS_NAMED = 3
_BEFORE_ALL = datetime(1, 1, 1, tzinfo=UTC)
_LOG = logger("packs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Supplied:
    """The pack in use and its checks."""

    accepted: Accepted
    catalogue: Catalogue
    kept: Kept

    @property
    def status(self) -> PackStatus:
        """The pack as `stt status` shows it."""
        manifest = self.accepted.pack.manifest
        return PackStatus(
            source=self.kept.place,
            name=manifest.name,
            serial=manifest.serial,
            digest=self.accepted.digest,
            key=self.accepted.key,
            checks=len(self.catalogue.checks),
            expires=manifest.expires if self.accepted.key else None,
            fetched=self.kept.fetched,
        )


class Supply:
    """Fetches packs from `source`; `current` is the last good one, `failure` why not a newer."""

    def __init__(
        self, *, bus: Bus, source: Source, policy: Policy, serials: Serials, folder: Path
    ) -> None:
        self._bus = bus
        self._source = source
        self._policy = policy
        self._serials = serials
        self._folder = folder
        self.current: Supplied | None = None
        self.failure = ""

    @property
    def policy(self) -> Policy:
        """Whose packs are taken."""
        return self._policy

    @property
    def place(self) -> str:
        """Where packs come from, for people."""
        return self._source.place

    @property
    def near(self) -> bool:
        """Whether a fetch costs so little that a run asked for by hand may have one."""
        return self._source.near

    async def begin(self) -> None:
        """Take up the pack that was kept; only if there is none is one fetched."""
        if self.current is None:
            self.current = await asyncio.to_thread(self._kept)
        if self.current is None:
            await self.fetch()
        else:
            await self.put()

    async def fetch(self) -> None:
        """Have the newest pack on the bus; if that fails, the one at hand, and `failure` says why.

        Raises UnreachableError if the bus does not take it.
        """
        place = self._source.place
        try:
            offer = await self._source.offer(self.current.kept.offer if self.current else None)
            supplied = await asyncio.to_thread(self._accept, offer)
        except (SttError, OSError) as error:
            self.failure = f"no newer pack from {place}: {_why(error)}"
            _LOG.error("pack_unavailable", source=place, reason=_why(error))
        else:
            self._tell(supplied)
            self.current, self.failure = supplied, ""
        await self.put()

    async def put(self) -> None:
        """Have the bus hold the pack in use; raises UnreachableError."""
        if self.current is not None:
            await transfer.put(self._bus, self.current.kept.offer.parcel)

    def _accept(self, offer: Offer) -> Supplied:
        now = clock.now()
        last = self._serials.last(self._policy.name)
        verdict = self._judge(offer, now, last)
        if isinstance(verdict, Refused):
            raise ConfigError(str(verdict))
        supplied = Supplied(
            accepted=verdict,
            catalogue=load.load(verdict.pack),
            kept=cache.kept_of(offer, self._source.place, now),
        )
        if not supplied.catalogue.checks:
            faults = tuple(map(str, supplied.catalogue.faults))
            raise ConfigError("no good check in the pack", faults=faults)
        cache.write(self._folder, supplied.kept)
        if verdict.key:
            self._serials.accept(verdict.pack.manifest.name, verdict.pack.manifest.serial)
        return supplied

    def _judge(self, offer: Offer, now: datetime, last_serial: int) -> Accepted | Refused:
        policy = replace(self._policy, allow_unsigned=offer.unsigned)
        parcel = offer.parcel
        return verify(parcel.data, parcel.signature, policy, now=now, last_serial=last_serial)

    def _kept(self) -> Supplied | None:
        kept = cache.read(self._folder, self._source.place)
        if kept is None:
            return None
        # It was good once; that it expired since is told, and workers refuse it.
        verdict = self._judge(kept.offer, _BEFORE_ALL, 0)
        if isinstance(verdict, Refused):
            _LOG.error("cache_rejected", reason=str(verdict))
            return None
        return Supplied(accepted=verdict, catalogue=load.load(verdict.pack), kept=kept)

    def _tell(self, supplied: Supplied) -> None:
        if self.current is None or self.current.accepted.digest != supplied.accepted.digest:
            _LOG.info(
                "pack_fetched",
                pack=supplied.accepted.pack.label,
                source=supplied.kept.place,
                key=supplied.accepted.key or "unsigned",
                checks=len(supplied.catalogue.checks),
            )

    def troubles(self, now: datetime) -> tuple[str, ...]:
        """What is wrong with the supply, in sentences."""
        found = [self.failure] if self.failure else []
        if self.current is None:
            return (*found, "no pack was ever fetched, the checks of this installation are used")
        manifest, faults = self.current.accepted.pack.manifest, self.current.catalogue.faults
        label = f"pack {self.current.accepted.pack.label}"
        expires = clock.to_text(manifest.expires)
        if self.failure:
            found.append(f"{label} of {clock.to_text(self.current.kept.fetched)} stays in use")
        if self.current.accepted.key and now >= manifest.expires:
            found.append(f"{label} expired at {expires}, workers refuse it")
        elif self.current.accepted.key and now >= manifest.expires - EXPIRES_SOON:
            found.append(f"{label} expires at {expires}")
        if faults:
            named = "; ".join(map(str, faults[:MAX_FAULTS_NAMED]))
            more = "; ..." if len(faults) > MAX_FAULTS_NAMED else ""
            found.append(f"left out of {label}: {named}{more}")
        return tuple(found)


def _why(error: SttError | OSError) -> str:
    if isinstance(error, OSError):
        return f"it cannot be kept ({(error.strerror or str(error)).lower()})"
    return error.message.replace("\n", ";")
