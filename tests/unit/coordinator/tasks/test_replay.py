"""A replay writes only while there is something to publish again."""

from __future__ import annotations

from stt_coordinator.store.memory.store import Kept
from stt_coordinator.store.port import Ledger
from stt_coordinator.tasks.replay import END, POSITION, replay
from stt_coordinator.tasks.wakeups import Wakeups
from tests.support.coordinator.pair import Link, LinkedStore


async def test_with_nothing_to_replay_no_transaction_keeps_writers_waiting() -> None:
    link = Link()
    store = LinkedStore(Kept(), link)
    await replay(store, Wakeups())
    assert link.written == 0

    def replayed(ledger: Ledger) -> None:
        ledger.history.put_cursor(POSITION, 7)
        ledger.history.put_cursor(END, 7)

    await store.transact(replayed)
    await replay(store, Wakeups())
    assert link.written == 1
