"""Store pack files on the bus in parts under their digest, and read them back completely.

A pack that was read is not trusted yet: anyone who can write to the bus may have written it.
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

PART_BYTES = 512 * 1024  # a nats-server accepts messages of 1 MiB by default
MAX_PARTS = -(-MAX_PACK_BYTES // PART_BYTES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """A pack file and the text of its signature, None if unsigned."""

    data: bytes
    signature: str | None

    @property
    def digest(self) -> str:
        """The name of the parcel on the bus."""
        return digest(self.data)


async def put(bus: Bus, parcel: Parcel) -> None:
    """Store `parcel` on the bus unless it is there already.

    Raises UnreachableError if a part is not known to be stored.
    """
    # Read, not remembered: the broker may have lost a part of it.
    if await get(bus, parcel.digest) == parcel:
        return
    name, data = parcel.digest, parcel.data
    parts = [data[at : at + PART_BYTES] for at in range(0, len(data), PART_BYTES)]
    head = PackHead(digest=name, size=len(data), parts=len(parts), signature=parcel.signature or "")
    messages = [
        Outgoing(subject=subjects.pack_part(name, number), data=part)
        for number, part in enumerate(parts)
    ]
    # The head is stored last: a reader that finds the head also finds all parts.
    await _store(bus, messages)
    await _store(bus, [Outgoing(subject=subjects.pack(name), data=codec.encode(head))])


async def _store(bus: Bus, messages: list[Outgoing]) -> None:
    for receipt in await bus.publish(messages):
        if receipt.publication is not Publication.STORED:
            raise UnreachableError(f"the pack cannot be stored on NATS ({receipt.reason})")


async def get(bus: Bus, name: str) -> Parcel | None:
    """The parcel with the digest `name`, None if it is not completely on the bus.

    Raises UnreachableError, and ProtocolError for an invalid head.
    """
    stored = await bus.last(subjects.STREAM_PACKS, subjects.pack(name))
    if stored is None:
        return None
    head = codec.decode(PackHead, stored.data)
    # Before any part is asked for: whoever writes the head chooses the number.
    if not 0 <= head.parts <= MAX_PARTS or len(head.signature) > MAX_TEXT_BYTES:
        raise ProtocolError(
            "malformed",
            f"the head of pack {name[:12]} has {head.parts} parts, the limit is {MAX_PARTS}",
        )
    data = bytearray()
    for number in range(head.parts):
        part = await bus.last(subjects.STREAM_PACKS, subjects.pack_part(name, number))
        if part is None:
            return None
        data += part.data
    return Parcel(data=bytes(data), signature=head.signature or None)
