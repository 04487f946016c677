"""A fetcher of packs over a source whose offers the test decides."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from stt_coordinator.packs.fetcher import PackFetcher
from stt_coordinator.packs.library import Library
from stt_coordinator.packs.sources import LocalSource, Offer
from stt_shared.bus.memory import MemoryBroker
from stt_shared.checkfile.catalogue import Catalogue
from stt_shared.errors import SttError
from stt_shared.pack import archive
from stt_shared.pack.accepted_serials import Serials
from stt_shared.pack.transfer import Parcel
from stt_shared.pack.trust import Policy
from stt_shared.protocol import subjects
from tests.support.shared import packs

SIGNER, STRANGER = packs.Signer(), packs.Signer()


POLICY = Policy(keys=(SIGNER.key.public,), name="checks")


BUILT_IN = Catalogue(checks={})


def parcel(serial: int = 3, signer: packs.Signer | None = SIGNER, name: str = "checks") -> Parcel:
    data = archive.encode(packs.make(serial=serial, name=name))
    return Parcel(data=data, signature=signer.signature(data) if signer else None)


@dataclass
class FakeSource:
    """Offers what the test sets; remembers which state it was given as known."""

    what: Offer | SttError = field(default_factory=lambda: Offer(parcel=parcel()))
    place: str = "a test"
    is_local: bool = False
    known: list[Offer | None] = field(default_factory=list)

    async def offer(self, known: Offer | None) -> Offer:
        self.known.append(known)
        if isinstance(self.what, SttError):
            raise self.what
        return self.what


@dataclass
class FetcherSite:
    """A fetcher of `source` on a broker in memory; `restart` forgets all but the disk."""

    folder: Path
    source: FakeSource = field(default_factory=FakeSource)
    broker: MemoryBroker = field(default_factory=MemoryBroker)

    async def start(self) -> None:
        await self.broker.connect().ensure(subjects.STREAMS, [])
        self.restart()

    def restart(self) -> None:
        self.fetcher = PackFetcher(
            bus=self.broker.connect(),
            source=self.source,
            policy=POLICY,
            serials=Serials(self.folder),
            folder=self.folder,
        )
        self.library = Library(lambda: BUILT_IN, self.fetcher)

    @property
    def serial(self) -> int:
        status = self.library.status
        return status.serial if status else 0

    @property
    def on_nats(self) -> set[str]:
        kept = self.broker.streams[subjects.STREAM_PACKS].messages.values()
        return {one.subject for one in kept}


def local(path: Path) -> LocalSource:
    return LocalSource(path=path, policy=POLICY)
