"""A store that coordinators share belongs to the installation of one NATS."""

from __future__ import annotations

import pytest

from stt_coordinator.lease.installations import Installations
from stt_coordinator.lease.port import Claimant
from stt_coordinator.lease.record import LeaseRecord
from stt_coordinator.store.memory.store import MemoryStore
from stt_shared.errors import ConfigError

SHARED = Claimant(holder="a1", name="a", host="one", store="s", store_schema=18)
OF_A_FILE = Claimant(holder="a1", name="a", host="one", store="s")


async def store_of(installation: str, epoch: int = 3) -> MemoryStore:
    store = MemoryStore()
    await store.begin(epoch, installation)
    return store


async def test_the_first_one_to_act_gives_the_installation_its_id() -> None:
    ours = Installations(SHARED)
    made = await ours.of(MemoryStore(), fenced=0, adopts=False)
    assert len(made) == 32
    assert made != await Installations(SHARED).of(MemoryStore(), fenced=0, adopts=False)


@pytest.mark.parametrize("record", [LeaseRecord(installation="theirs"), None])
async def test_a_store_of_another_installation_is_refused_unless_it_is_adopted(
    record: LeaseRecord | None,
) -> None:
    ours, store = Installations(SHARED), await store_of("ours")
    ours.see(record)
    with pytest.raises(ConfigError, match="an installation with another NATS") as refused:
        await ours.of(store, fenced=0, adopts=False)
    assert "--adopt" in refused.value.hint
    adopted = await ours.of(store, fenced=0, adopts=True)
    assert adopted not in ("", "ours")


async def test_an_installation_keeps_its_id_when_nats_has_lost_its_record() -> None:
    store = await store_of("ours", epoch=3)
    running = Installations(SHARED)
    running.see(LeaseRecord(installation="ours"))
    running.see(None)  # all disks of NATS are gone, and this process saw it before
    assert await running.of(store, fenced=0, adopts=False) == "ours"
    # One that was just started: the streams have the fences of the epoch in the store.
    assert await Installations(SHARED).of(store, fenced=3, adopts=False) == "ours"


async def test_a_file_may_be_moved_to_another_nats() -> None:
    assert await Installations(OF_A_FILE).of(await store_of("ours"), fenced=0, adopts=False)
