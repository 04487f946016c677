"""What every store guarantees of results, watermarks and rejected messages."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import replace
from datetime import datetime, timedelta

from stt_coordinator.store.port import Ledger, Store
from stt_coordinator.store.ports.results import MAX_REJECTED, RawResult, Rejected
from stt_shared.protocol.messages import Watermark
from tests.support.coordinator.store_rows import (
    HOUR,
    NOW,
    raw,
)


async def test_result_of_one_outbox_position_is_kept_once(store: Store) -> None:
    rows = [raw(1), raw(2), raw(4), raw(1)]
    assert await store.transact(lambda ledger: ledger.results.add(rows)) == [True] * 3 + [False]
    again = [raw(2), raw(2, "e2"), raw(3)]
    assert await store.transact(lambda ledger: ledger.results.add(again)) == [False, True, True]
    held = await store.read(lambda ledger: list(ledger.results.sequences_after("w1", "e1", 1)))
    assert held == [2, 3, 4]


async def test_another_content_at_a_known_position_is_new_and_a_refused_one_replaces_nothing(
    store: Store,
) -> None:
    def add(ledger: Ledger, row: RawResult) -> list[bool]:
        asked = ledger.results.are_new([row, row])
        added = ledger.results.add([row, row])
        assert asked == added  # and asking wrote nothing
        return added[:1]

    def added(row: RawResult) -> Awaitable[list[bool]]:
        return store.transact(lambda ledger: add(ledger, row))

    forged, genuine = raw(1, content="f", is_refused=True), raw(1, content="g")
    assert await added(forged) == [True]
    assert await added(forged) == [False]
    assert await added(genuine) == [True]
    assert await added(genuine) == [False]
    assert await added(forged) == [True]
    # The refused one did not take the place of what was recorded.
    assert await added(genuine) == [False]


async def test_row_of_an_earlier_release_equals_every_content(store: Store) -> None:
    await store.transact(lambda ledger: ledger.results.add([raw(1)]))
    again = raw(1, content="g")
    assert await store.transact(lambda ledger: ledger.results.add([again])) == [False]


async def test_a_new_store_was_never_without_nonces(store: Store) -> None:
    assert await store.read(lambda ledger: ledger.results.nonces_optional_since()) is None


async def test_announced_outboxes_come_before_all_others_of_their_worker(store: Store) -> None:
    def write(ledger: Ledger) -> None:
        for number in range(20):
            mark = Watermark(worker="w1", epoch=f"e{number:02}", sequence=number)
            ledger.results.put_watermarks([mark], NOW + number * HOUR)

    await store.transact(write)
    announced = {("w1", "e03"), ("w1", "e00"), ("w2", "e10"), ("w1", "unknown")}
    (mark,) = await store.read(lambda ledger: ledger.results.watermarks(announced))
    epochs = [mark.epoch, *(one.epoch for one in mark.others)]
    assert epochs == ["e03", "e00", *(f"e{number}" for number in range(19, 12, -1))]
    every = await store.read(lambda ledger: ledger.results.outboxes())
    assert every == {("w1", f"e{number:02}") for number in range(20)}


async def test_watermark_of_the_newest_epoch_stands_for_its_worker(store: Store) -> None:
    def mark(epoch: str, sequence: int, at: datetime, worker: str = "w1") -> None:
        marks.append((Watermark(worker=worker, epoch=epoch, sequence=sequence), at))

    marks: list[tuple[Watermark, datetime]] = []
    mark("e2", 9, NOW)
    mark("e1", 5, NOW + HOUR)
    # Put at the same instant: the greater epoch stands, in whatever order they were put.
    mark("e9", 1, NOW, "w2")
    mark("e8", 3, NOW, "w2")

    def write(ledger: Ledger) -> None:
        for one, at in marks:
            ledger.results.put_watermarks([one], at)

    await store.transact(write)
    assert await store.read(lambda ledger: ledger.results.watermark("w1", "e2")) == 9
    assert await store.read(lambda ledger: ledger.results.watermark("w1", "e3")) is None
    found = await store.read(lambda ledger: ledger.results.watermarks())
    assert [(one.worker, one.epoch, one.sequence) for one in found] == [
        ("w1", "e1", 5),
        ("w2", "e9", 1),
    ]
    # An old worker reads the newest, a new one its own: none hides the other.
    assert [found[0].of(epoch) for epoch in ("e1", "e2", "e3")] == [5, 9, None]
    assert [found[1].of(epoch) for epoch in ("e8", "e9")] == [3, 1]


async def test_refused_messages_are_tallied_by_their_code(store: Store) -> None:
    one = Rejected(code="malformed", reason="r", subject="s", at=NOW, data=b"\xff")
    await store.transact(lambda ledger: ledger.results.add_rejected([one, one]))
    later = replace(one, code="no_nonce", at=NOW + timedelta(seconds=1))
    await store.transact(lambda ledger: ledger.results.add_rejected([later]))
    kept = await store.read(lambda ledger: ledger.results.count_rejected())
    assert kept == {"malformed": 2, "no_nonce": 1}
    since = await store.read(lambda ledger: ledger.results.count_rejected(later.at))
    assert since == {"no_nonce": 1}


async def test_a_flood_of_rejected_messages_keeps_the_newest_of_them(store: Store) -> None:
    old = Rejected(code="old", reason="", subject="", at=NOW, data=b"x")
    new = replace(old, code="new")
    await store.transact(lambda ledger: ledger.results.add_rejected([old] * 10))
    await store.transact(lambda ledger: ledger.results.add_rejected([new] * (MAX_REJECTED - 3)))
    kept = await store.read(lambda ledger: ledger.results.count_rejected())
    assert kept == {"new": MAX_REJECTED - 3, "old": 3}


async def test_a_lower_watermark_replaces_a_higher_one(store: Store) -> None:
    for sequence in (9, 4):
        mark = Watermark(worker="w1", epoch="e1", sequence=sequence)
        await store.transact(lambda ledger, mark=mark: ledger.results.put_watermarks([mark], NOW))  # type: ignore[misc]  # bound now
    assert await store.read(lambda ledger: ledger.results.watermark("w1", "e1")) == 4
