"""Databases that checks left out, in every store: counted once, listed, and kept over a restart."""

from __future__ import annotations

from pathlib import Path

import msgspec

from stt_coordinator.domain.model import Pair
from stt_coordinator.domain.summary import Tallies, by_site, counts
from stt_coordinator.store.port import Ledger, Store
from stt_coordinator.store.sqlite.store import open_store
from stt_shared.protocol.enums import Family, Kind
from stt_shared.protocol.messages import PartNotChecked, TargetPart
from tests.support.coordinator.store_rows import check, pair, target

BILLING = PartNotChecked(name="billing", kind=Kind.NO_PRIVILEGE, reason="no CONNECT")
CLOSED = PartNotChecked(name="billing", kind=Kind.CONFIG, reason="closed")
OLD = PartNotChecked(name='o"l\\d [', kind=Kind.QUERY, reason="invalid")


def leaving_out(name: str, check_name: str, *parts: PartNotChecked) -> Pair:
    return msgspec.structs.replace(pair(name, check_name), parts_not_checked=parts)


def two_targets(ledger: Ledger) -> None:
    ledger.fleet.put_targets([target("t1"), target("t2")])
    ledger.fleet.replace_checks([check("c1"), check("c2")])
    ledger.outcomes.put(
        [
            leaving_out("t1", "c1", BILLING, OLD),
            leaving_out("t1", "c2", CLOSED),
            leaving_out("t2", "c1", BILLING),
            leaving_out("t2", "c2"),
        ]
    )


async def listed(store: Store, *targets: str, limit: int = 9) -> list[TargetPart]:
    return await store.read(lambda ledger: ledger.outcomes.parts_not_checked(targets, limit))


async def test_each_database_is_counted_once_however_many_checks_left_it_out(store: Store) -> None:
    await store.transact(two_targets)
    tallies: Tallies = await store.read(lambda ledger: ledger.counts.tallies())
    assert counts(tallies).parts_not_checked == 3
    assert counts(by_site(tallies)["eu"]).parts_not_checked == 3
    assert sorted(tallies.parts) == [
        ("eu", Family.MYSQL, Kind.CONFIG, 1),
        ("eu", Family.MYSQL, Kind.NO_PRIVILEGE, 1),
        ("eu", Family.MYSQL, Kind.QUERY, 1),
    ]


async def test_databases_are_listed_by_target_and_name_with_one_reason(store: Store) -> None:
    await store.transact(two_targets)
    assert await listed(store) == [
        TargetPart(target="t1", part=CLOSED),
        TargetPart(target="t1", part=OLD),
        TargetPart(target="t2", part=BILLING),
    ]
    assert await listed(store, "t2") == [TargetPart(target="t2", part=BILLING)]
    assert len(await listed(store, limit=1)) == 1


async def test_a_later_outcome_without_parts_ends_them(store: Store) -> None:
    await store.transact(two_targets)
    whole = [leaving_out("t1", "c1"), leaving_out("t1", "c2")]
    await store.transact(lambda ledger: ledger.outcomes.put(whole))
    assert await listed(store) == [TargetPart(target="t2", part=BILLING)]


async def test_gone_targets_and_switched_off_checks_have_no_parts(store: Store) -> None:
    await store.transact(two_targets)
    await store.transact(lambda ledger: ledger.fleet.put_targets([target("t2", gone=True)]))
    off = [check("c1", enabled=False), check("c2")]
    await store.transact(lambda ledger: ledger.fleet.replace_checks(off))
    assert await listed(store) == [TargetPart(target="t1", part=CLOSED)]
    tallies = await store.read(lambda ledger: ledger.counts.tallies())
    assert tallies.parts == [("eu", Family.MYSQL, Kind.CONFIG, 1)]


async def test_parts_are_there_after_a_restart(tmp_path: Path) -> None:
    first = await open_store(tmp_path)
    await first.transact(two_targets)
    before = await listed(first)
    pairs = await first.read(lambda ledger: ledger.outcomes.of_targets(["t1"]))
    await first.close()
    second = await open_store(tmp_path)
    try:
        assert await listed(second) == before != []
        assert await second.read(lambda ledger: ledger.outcomes.of_targets(["t1"])) == pairs
    finally:
        await second.close()


async def test_the_parts_of_a_check_are_without_gone_targets_though_it_may_be_disabled(
    store: Store,
) -> None:
    await store.transact(two_targets)
    off = [check("c1", enabled=False), check("c2")]
    await store.transact(lambda ledger: ledger.fleet.replace_checks(off))
    found = await store.read(lambda ledger: ledger.outcomes.parts_of_check("c1", 9))
    assert found == [
        TargetPart(target="t1", part=BILLING),
        TargetPart(target="t1", part=OLD),
        TargetPart(target="t2", part=BILLING),
    ]
    await store.transact(lambda ledger: ledger.fleet.put_targets([target("t2", gone=True)]))
    found = await store.read(lambda ledger: ledger.outcomes.parts_of_check("c1", 9))
    assert [one.target for one in found] == ["t1", "t1"]
