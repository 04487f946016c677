"""What every store guarantees of the history and its readers."""

from __future__ import annotations

from stt_coordinator.store.port import Store
from stt_coordinator.store.ports.history import EventPlace
from stt_shared.protocol.enums import (
    Change,
)
from stt_shared.protocol.records import FindingEvent
from tests.support.coordinator.store_rows import (
    HOUR,
    NOW,
    finding,
    opened,
)


async def test_history_comes_oldest_first_and_the_newest_of_it_is_kept_when_limited(
    store: Store,
) -> None:
    events = [opened(finding(), NOW + number * HOUR) for number in range(4)]
    await store.transact(lambda ledger: ledger.history.add(events))
    found = await store.read(lambda ledger: ledger.history.of_finding("f_a", 2))
    assert found == events[2:]
    page, total = await store.read(lambda ledger: ledger.history.since(NOW + HOUR, 1, 1))
    assert (page, total) == (events[2:3], 3)


async def test_readers_of_the_history_have_a_place_in_it_that_lasts(store: Store) -> None:
    events = [
        FindingEvent(change=Change.OPENED, at=NOW, run_id="r", after=finding(f"f_{number}"))
        for number in range(3)
    ]
    await store.transact(lambda ledger: ledger.history.add(events))
    assert await store.read(lambda ledger: ledger.history.cursor("reader")) is None
    first, second, last = await store.read(lambda ledger: ledger.history.after(0, 10))
    assert [one.after.id for _, one in (first, second, last)] == ["f_0", "f_1", "f_2"]
    assert last[0] == await store.read(lambda ledger: ledger.history.last_position())
    await store.transact(lambda ledger: ledger.history.put_cursor("reader", second[0]))
    assert await store.read(lambda ledger: ledger.history.cursor("reader")) == second[0]
    assert await store.read(lambda ledger: ledger.history.after(second[0], 10)) == [last]
    assert await store.read(lambda ledger: ledger.history.after(0, 1)) == [first]


async def test_pages_of_events_go_on_after_an_instant_and_a_position_in_it(store: Store) -> None:
    late, *early = [
        opened(finding(f"f_{number}"), at) for number, at in enumerate((NOW + HOUR, NOW, NOW))
    ]
    await store.transact(lambda ledger: ledger.history.add([late, *early]))
    before_all = EventPlace(NOW, -1)
    whole = await store.read(lambda ledger: ledger.history.page(before_all, 0, 9))
    assert [event for _, event in whole] == [*early, late]
    beyond = EventPlace(NOW, whole[0][0])
    rest = await store.read(lambda ledger: ledger.history.page(beyond, 0, 9))
    assert rest == whole[1:]
    assert await store.read(lambda ledger: ledger.history.page(beyond, 1, 1)) == whole[2:]
