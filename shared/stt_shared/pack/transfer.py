"""Pack files on the bus: put there in parts under their digest, and got back whole or not at all.

What is got is not yet believed: whoever wrote to the bus may have written anything.
"""

from __future__ import annotations

from dataclasses import dataclass

from stt_shared.bus.port import Bus
from stt_shared.bus.values import Outgoing, Publication
from stt_shared.errors import ProtocolError, UnreachableError
from stt_shared.identity import digest
from stt_shared.pack.archive import MAX_PACK_BYTES
from stt_shared.pack.minisign import MAX_TEXT_BYTES
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.messages import PackHead

PART_BYTES = 512 * 1024  # a nats-server takes messages of 1 MiB by default
MAX_PARTS = -(-MAX_PACK_BYTES // PART_BYTES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """A pack file and the text of its signature, None if there is none."""

    data: bytes
    signature: str | None

    @property
    def digest(self) -> str:
        """What the parcel is called on the bus."""
        return digest(self.data)


async def put(bus: Bus, parcel: Parcel) -> None:
    """Have the bus hold `parcel`; what is there already is not sent again.

    Raises UnreachableError if that is not known.
    """
    if await get(bus, parcel.digest) == parcel:
        return
    name, data = parcel.digest, parcel.data
    parts = [data[at : at + PART_BYTES] for at in range(0, len(data), PART_BYTES)]
    head = PackHead(digest=name, size=len(data), parts=len(parts), signature=parcel.signature or "")
    messages = [
        Outgoing(subject=subjects.pack_part(name, number), data=part)
        for number, part in enumerate(parts)
    ]
    # The head comes last: who sees it finds all the parts.
    await _store(bus, messages)
    await _store(bus, [Outgoing(subject=subjects.pack(name), data=codec.encode(head))])


async def _store(bus: Bus, messages: list[Outgoing]) -> None:
    for receipt in await bus.publish(messages):
        if receipt.publication is not Publication.STORED:
            raise UnreachableError(f"the pack cannot be put on NATS ({receipt.reason})")


async def get(bus: Bus, name: str) -> Parcel | None:
    """The parcel of digest `name` as it lies on the bus, None if it is not there whole.

    Raises UnreachableError, and ProtocolError for a head that is none or says the impossible.
    """
    stored = await bus.last(subjects.STREAM_PACKS, subjects.pack(name))
    if stored is None:
        return None
    head = codec.decode(PackHead, stored.data)
    if not 0 <= head.parts <= MAX_PARTS or len(head.signature) > MAX_TEXT_BYTES:
        raise ProtocolError("malformed", f"the head of pack {name[:12]} says {head.parts} parts")
    data = bytearray()
    for number in range(head.parts):
        part = await bus.last(subjects.STREAM_PACKS, subjects.pack_part(name, number))
        if part is None:
            return None
        data += part.data
    return Parcel(data=bytes(data), signature=head.signature or None)
