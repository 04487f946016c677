"""What every store guarantees of the outbox."""

from __future__ import annotations

from stt_coordinator.store.port import Store
from stt_shared.bus.values import Outgoing


async def test_outgoing_messages_keep_their_order_until_they_are_dropped(store: Store) -> None:
    messages = [Outgoing(subject="s", data=b"\xff", message_id=f"m{n}") for n in range(3)]
    await store.transact(lambda ledger: ledger.outbox.add(messages))
    rows = await store.read(lambda ledger: ledger.outbox.oldest(2))
    assert [row.message for row in rows] == messages[:2]
    await store.transact(lambda ledger: ledger.outbox.drop([rows[0].position]))
    await store.transact(lambda ledger: ledger.outbox.add(messages[:1]))
    left = await store.read(lambda ledger: ledger.outbox.oldest(9))
    assert [row.message.message_id for row in left] == ["m1", "m2", "m0"]


async def test_positions_of_the_outbox_are_never_given_twice(store: Store) -> None:
    message = Outgoing(subject="s", data=b"", message_id="m")
    await store.transact(lambda ledger: ledger.outbox.add([message]))
    (first,) = await store.read(lambda ledger: ledger.outbox.oldest(9))
    await store.transact(lambda ledger: ledger.outbox.drop([first.position, 999]))
    await store.transact(lambda ledger: ledger.outbox.add([message]))
    (second,) = await store.read(lambda ledger: ledger.outbox.oldest(9))
    assert second.position > first.position
