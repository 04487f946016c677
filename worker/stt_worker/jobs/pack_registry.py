"""The packs of checks that this worker trusts: fetched by digest, verified, kept while in use."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from stt_shared import clock
from stt_shared.bus.port import Bus
from stt_shared.checkfile.catalogue import Catalogue
from stt_shared.checkfile.model import Check
from stt_shared.errors import ProtocolError
from stt_shared.pack import transfer
from stt_shared.pack.accepted_serials import Serials
from stt_shared.pack.load import load
from stt_shared.pack.transfer import Parcel
from stt_shared.pack.trust import Accepted, Policy, Reason, Refused, stale, verify
from stt_shared.protocol.enums import Kind, Outcome
from stt_shared.protocol.messages import CheckOutcome, HeldPack, Job
from stt_shared.telemetry.logs import logger
from stt_worker.execution.job import not_run

MAX_HELD = 2  # the current pack and its predecessor, which jobs of an older run may name
REFUSED_FOR_S = 30.0  # a refused pack is not fetched again for each of a thousand jobs
MAX_FAULTS_LOGGED = 20
_LOG = logger("packs")


ScriptFaults = Callable[[Sequence[Check]], Awaitable[Sequence[object]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """An accepted pack and the checks in it."""

    accepted: Accepted
    catalogue: Catalogue

    @property
    def announced(self) -> HeldPack:
        """The pack as heartbeats name it."""
        manifest = self.accepted.pack.manifest
        return HeldPack(
            digest=self.accepted.digest,
            name=manifest.name,
            serial=manifest.serial,
            key=self.accepted.key,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The checks that a job may run, and the outcomes of the checks that it may not run."""

    catalogue: Catalogue
    barred: tuple[CheckOutcome, ...] = ()


class PackRegistry:
    """Chooses the checks of each job from the pack it names and from `own`, the built-in checks.

    `changed` is called when `held` or `refusal` changes. `script_faults` returns the errors in
    the scripts of an accepted pack; they are logged once, and such a check ends as an error.
    """

    def __init__(
        self,
        bus: Bus,
        own: Catalogue,
        policy: Policy,
        serials: Serials,
        *,
        script_faults: ScriptFaults | None = None,
    ) -> None:
        self._bus = bus
        self._own = own
        self._policy = policy
        self._serials = serials
        self._script_faults = script_faults
        self._held: dict[str, Held] = {}
        self._refused: dict[str, tuple[float, Refused]] = {}
        self._fetching = asyncio.Lock()
        self.refusal = ""
        self.changed: Callable[[], None] = lambda: None

    @property
    def held(self) -> tuple[HeldPack, ...]:
        """The accepted packs, oldest first."""
        return tuple(held.announced for held in self._held.values())

    @property
    def allow_unsigned(self) -> bool:
        """Whether unsigned packs are accepted."""
        return self._policy.allow_unsigned

    async def choose(self, job: Job, now: datetime) -> Choice:
        """The checks that `job` may run.

        Raises UnreachableError, and OSError if the serial of a new pack cannot be written.
        """
        if not job.pack:
            return Choice(catalogue=self._own)
        # One job at a time: a thousand jobs that name a new pack must fetch it once.
        async with self._fetching:
            found = self._known(job.pack, now)
            if found is None:
                found = await self._fetch(job.pack, now)
            self._note(job.pack, found)
        if isinstance(found, Held):
            pack = found.catalogue
            # The built-in checks of the job that the pack lacks run as well.
            extra = {
                check.name: check
                for ref in job.checks
                if pack.get(ref.check, ref.digest) is None
                and (check := self._own.get(ref.check, ref.digest)) is not None
            }
            checks = {**pack.checks, **extra}
            return Choice(catalogue=replace(pack, checks=checks) if extra else pack)
        own = {ref for ref in job.checks if self._own.get(ref.check, ref.digest) is not None}
        others = [ref for ref in job.checks if ref not in own]
        # Without its pack a job still runs its built-in checks; only the others are barred.
        if found is not None:
            barred = not_run(others, Outcome.SKIPPED, Kind.UNTRUSTED_PACK, found.sentence)
        else:
            why = f"the pack {job.pack[:12]} of the job is not on NATS"
            barred = not_run(others, Outcome.ERROR, Kind.UNKNOWN_CHECK, why)
        return Choice(catalogue=self._own, barred=barred)

    def _known(self, digest: str, now: datetime) -> Held | Refused | None:
        """What is known of a pack without fetching it; a held pack may have become stale."""
        if held := self._held.get(digest):
            pack = held.accepted.pack
            last = self._serials.last(pack.manifest.name)
            if not held.accepted.key:
                return held
            return stale(pack, self._policy, now=now, last_serial=last) or held
        since, refused = self._refused.get(digest, (0.0, None))
        return refused if refused and clock.monotonic() - since < REFUSED_FOR_S else None

    async def _fetch(self, digest: str, now: datetime) -> Held | Refused | None:
        try:
            parcel = await transfer.get(self._bus, digest)
        except ProtocolError as error:
            return Refused(reason=Reason.MALFORMED, detail=error.message)
        if parcel is None:
            return None
        found = await asyncio.to_thread(self._verify, digest, parcel, now)
        if isinstance(found, Held) and self._script_faults is not None:
            faults = await self._script_faults(tuple(found.catalogue.checks.values()))
            for fault in faults[:MAX_FAULTS_LOGGED]:
                _LOG.error("script_rejected", pack=found.accepted.pack.label, fault=str(fault))
        return found

    def _verify(self, digest: str, parcel: Parcel, now: datetime) -> Held | Refused:
        if parcel.digest != digest:
            detail = f"the pack is {parcel.digest[:12]}, the job asks for {digest[:12]}"
            return Refused(reason=Reason.TAMPERED, detail=detail)
        last = self._serials.last(self._policy.name)
        verdict = verify(parcel.data, parcel.signature, self._policy, now=now, last_serial=last)
        if isinstance(verdict, Refused):
            return verdict
        # Before any of its checks runs: else a crash would let an older pack be accepted after it.
        if verdict.key:
            self._serials.accept(verdict.pack.manifest.name, verdict.pack.manifest.serial)
        catalogue = load(verdict.pack)
        if not catalogue.releases:
            catalogue = replace(catalogue, releases=self._own.releases)
        return Held(accepted=verdict, catalogue=catalogue)

    def _note(self, digest: str, found: Held | Refused | None) -> None:
        """Hold an accepted pack, remember a refused one, and report a change."""
        before = self.refusal, self.held
        if isinstance(found, Held):
            if digest not in self._held:
                accepted, checks = found.accepted, len(found.catalogue.checks)
                pack, digest, key = accepted.pack.label, accepted.digest, accepted.key
                if key:
                    _LOG.info("pack_accepted", pack=pack, digest=digest, key=key, checks=checks)
                else:
                    _LOG.warning("unsigned_pack_accepted", pack=pack, digest=digest, checks=checks)
                for fault in found.catalogue.faults[:MAX_FAULTS_LOGGED]:
                    _LOG.error("check_rejected", pack=pack, fault=str(fault))
                # The newest last: a run that began with the pack before still finds it.
                self._held = dict([*self._held.items(), (digest, found)][-MAX_HELD:])
            self.refusal = ""
        elif found is not None:
            if str(found) != self.refusal:
                _LOG.error("pack_rejected", pack=digest, reason=str(found))
            # Also one that was held: it may have expired since, and must not run again.
            self._held.pop(digest, None)
            since, known = self._refused.get(digest, (0.0, None))
            self._refused = {digest: (since if known is found else clock.monotonic(), found)}
            self.refusal = str(found)
        if before != (self.refusal, self.held):
            self.changed()
