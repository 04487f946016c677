"""A pack of many parts crosses the bus whole, once, or with an error."""

from __future__ import annotations

import pytest

from stt_shared.bus.memory import MemoryBroker
from stt_shared.errors import UnreachableError
from stt_shared.pack import transfer
from stt_shared.pack.transfer import Parcel
from stt_shared.protocol import subjects


async def test_a_pack_of_many_parts_comes_whole_and_is_sent_once() -> None:
    broker = MemoryBroker()
    bus = broker.connect()
    await bus.ensure(subjects.STREAMS, [])
    parcel = Parcel(data=bytes(range(256)) * 5_000, signature="a signature")
    for _ in range(2):
        await transfer.put(bus, parcel)
    assert await transfer.get(bus, parcel.digest) == parcel
    assert broker.streams[subjects.STREAM_PACKS].last == 4, "three parts and a head"
    part = subjects.pack_part(parcel.digest, 1)
    kept = broker.streams[subjects.STREAM_PACKS].messages
    del kept[next(number for number, one in kept.items() if one.subject == part)]
    assert await transfer.get(bus, parcel.digest) is None
    await transfer.put(bus, parcel)
    assert await transfer.get(bus, parcel.digest) == parcel


async def test_a_pack_that_the_bus_does_not_take_is_no_silent_success() -> None:
    broker = MemoryBroker()
    await broker.connect().ensure(subjects.STREAMS, [])
    bus = broker.connect()

    async def nothing_there(stream: str, subject: str) -> None:
        del stream, subject

    bus.last = nothing_there  # type: ignore[method-assign]  # reading works
    broker.down = True
    with pytest.raises(UnreachableError, match="cannot be stored on NATS"):
        await transfer.put(bus, Parcel(data=b"x", signature=None))
