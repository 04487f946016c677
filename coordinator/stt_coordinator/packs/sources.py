"""The sources of packs: a pack file, a folder, or an https address."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from stt_coordinator.packs.https import UNKNOWN, Body, Client, FetchError, Version
from stt_shared import clock
from stt_shared.errors import ConfigError
from stt_shared.pack import archive, build, files
from stt_shared.pack.archive import MAX_PACK_BYTES
from stt_shared.pack.manifest import PackError
from stt_shared.pack.minisign import MAX_TEXT_BYTES
from stt_shared.pack.transfer import Parcel
from stt_shared.pack.trust import Policy, Refused, verify
from stt_shared.telemetry.logs import logger

HTTPS = "https://"
_LOG = logger("packs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A pack as its source has it; `unsigned`: a plain folder, which has no signature."""

    parcel: Parcel
    version: Version = UNKNOWN
    unsigned: bool = False


class Source(Protocol):
    """A place that packs come from."""

    @property
    def place(self) -> str:
        """The path or address, for people."""
        ...

    @property
    def is_local(self) -> bool:
        """Whether a fetch is cheap enough for every run that is requested by hand."""
        ...

    async def offer(self, known: Offer | None) -> Offer:
        """The current pack; `known` is the one before. Raises FetchError or ConfigError."""
        ...


def source_of(setting: str, policy: Policy) -> Source:
    """The source that `pack.source` names; `policy` chooses among the packs of a folder."""
    if setting.lower().startswith(HTTPS):
        return HttpsSource(url=setting)
    path = Path(setting).expanduser()
    return LocalSource(path=path, policy=policy)


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalSource:
    """A pack file with its signature beside it, a folder of such, or a folder of checks."""

    path: Path
    policy: Policy

    @property
    def place(self) -> str:
        """The path or address, for people."""
        return str(self.path)

    @property
    def is_local(self) -> bool:
        """Yes: authors of checks want to run what is on the disk now."""
        return True

    async def offer(self, known: Offer | None) -> Offer:
        """The current pack; raises ConfigError."""
        del known
        return await asyncio.to_thread(self._offer)

    def _offer(self) -> Offer:
        if not self.path.is_dir():
            return Offer(parcel=_parcel(self.path))
        found = [_parcel(file) for file in sorted(self.path.glob(f"*{files.SUFFIX}"))]
        if found:
            # Without a trusted pack the last one is offered: its rejection is reported.
            return Offer(parcel=max(found, key=self._serial))
        pack = build.of_folder(self.path, self.policy.name)
        try:
            data = archive.encode(pack)
        except PackError as error:
            raise ConfigError(f"{self.path} cannot be packed ({error})") from error
        return Offer(parcel=Parcel(data=data, signature=None), unsigned=True)

    def _serial(self, parcel: Parcel) -> int:
        verdict = verify(parcel.data, parcel.signature, self.policy, now=clock.now(), last_serial=0)
        if isinstance(verdict, Refused):
            _LOG.warning("pack_skipped", folder=self.place, reason=str(verdict))
            return -1
        return verdict.pack.manifest.serial


def _parcel(path: Path) -> Parcel:
    return Parcel(data=files.read_pack_file(path), signature=files.read_signature(path))


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpsSource:
    """A pack file at an address, its signature at the same address with `.minisig` behind it."""

    url: str
    client: Client = field(default_factory=Client)

    @property
    def place(self) -> str:
        """The path or address, for people."""
        return self.url

    @property
    def is_local(self) -> bool:
        """No: an address may answer slowly."""
        return False

    async def offer(self, known: Offer | None) -> Offer:
        """The current pack; an unchanged file is not sent again. Raises FetchError."""
        version = known.version if known else None
        body = await self.client.get(self.url, MAX_PACK_BYTES, version)
        # Always whole: a pack may be signed anew without a change of its bytes.
        signed = await self.client.get(self.url + files.SIGNATURE_SUFFIX, MAX_TEXT_BYTES)
        if body is None and known is not None:
            body = Body(data=known.parcel.data, version=known.version)
        if signed is None or body is None:
            raise FetchError(f"{self.url} answers 304 to a request without conditions")
        parcel = Parcel(data=body.data, signature=signed.data.decode(errors="replace"))
        return Offer(parcel=parcel, version=body.version)
