"""The last good pack on the disk of the coordinator: it is there again after a restart."""

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


class Kept(msgspec.Struct, frozen=True, kw_only=True):
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
        """As its source offered it."""
        return Offer(
            parcel=Parcel(data=self.data, signature=self.signature),
            version=Version(etag=self.etag, modified=self.modified),
            unsigned=self.unsigned,
        )


def kept_of(offer: Offer, place: str, fetched: Instant) -> Kept:
    """What is written of an offer."""
    return Kept(
        place=place,
        fetched=fetched,
        data=offer.parcel.data,
        signature=offer.parcel.signature,
        etag=offer.version.etag,
        modified=offer.version.modified,
        unsigned=offer.unsigned,
    )


def read(folder: Path, place: str) -> Kept | None:
    """What was kept of this place; None if nothing that can be read."""
    path = folder / FILE
    try:
        found = msgspec.msgpack.decode(path.read_bytes(), type=Kept)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as error:
        # It only saves a fetch; whether it is believed its signature tells.
        _LOG.error("cache_unreadable", path=str(path), reason=str(error))
        return None
    return found if found.place == place else None


def write(folder: Path, kept: Kept) -> None:
    """Keep it; raises OSError."""
    write_safely(folder / FILE, msgspec.msgpack.encode(kept))
