"""The last good pack on the disk of the coordinator, for the time after a restart."""

from __future__ import annotations

from pathlib import Path

import msgspec

from stt_coordinator.packs.https import Version
from stt_coordinator.packs.sources import Offer
from stt_shared.pack.accepted_serials import write_safely
from stt_shared.pack.transfer import Parcel
from stt_shared.protocol.messages import Instant
from stt_shared.telemetry.logs import logger

FILE = "pack.kept"
_LOG = logger("packs")


class CachedPack(msgspec.Struct, frozen=True, kw_only=True):
    """A pack with its signature, where it came from and when."""

    place: str
    fetched: Instant
    data: bytes
    signature: str | None
    etag: str = ""
    modified: str = ""
    unsigned: bool = False

    @property
    def offer(self) -> Offer:
        """The offer of its source."""
        return Offer(
            parcel=Parcel(data=self.data, signature=self.signature),
            version=Version(etag=self.etag, modified=self.modified),
            unsigned=self.unsigned,
        )


def cached_pack(offer: Offer, place: str, fetched: Instant) -> CachedPack:
    """The entry that is written for an offer."""
    return CachedPack(
        place=place,
        fetched=fetched,
        data=offer.parcel.data,
        signature=offer.parcel.signature,
        etag=offer.version.etag,
        modified=offer.version.modified,
        unsigned=offer.unsigned,
    )


def read(folder: Path, place: str) -> CachedPack | None:
    """The cached pack of this source; None if there is none, or it cannot be read."""
    path = folder / FILE
    try:
        found = msgspec.msgpack.decode(path.read_bytes(), type=CachedPack)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as error:
        # The cache only saves a fetch: whatever is read is verified like a fetched pack.
        _LOG.error("cache_unreadable", path=str(path), reason=str(error))
        return None
    # Of this source alone: a new setting must not run with the pack of the old one.
    return found if found.place == place else None


def write(folder: Path, cached: CachedPack) -> None:
    """Replace the cached pack atomically; raises OSError."""
    write_safely(folder / FILE, msgspec.msgpack.encode(cached))
