"""Publish events of findings again from the history, a bounded number a second.

Where a replay stands is in the store, so that it goes on after a restart.
"""

from __future__ import annotations

import asyncio

from stt_coordinator.ledger import event_messages
from stt_coordinator.store.port import Ledger, Store
from stt_coordinator.tasks.wakeups import Wakeups

POSITION, END = "replay", "replay-end"  # readers of the history: the next event's, the last's
BATCH = 256  # events of one step
PAUSE_S = 1.0  # between two steps: subscribers and new events are served meanwhile


def request_replay(ledger: Ledger, position: int) -> None:
    """Have the events above `position` published again; extends a replay under way."""
    now_at, end = ledger.history.cursor(POSITION), ledger.history.cursor(END)
    if now_at is not None and end is not None and now_at < end:
        # The earlier of both: a replay under way must not skip what it has not published yet.
        position = min(position, now_at)
    ledger.history.put_cursor(POSITION, position)
    ledger.history.put_cursor(END, ledger.history.last_position())


async def replay(store: Store, wakeups: Wakeups) -> None:
    """Put what is to be published again into the outbox, step by step; raises StoreError."""
    # Read first: each commit of another coordinator wakes this task, with nothing to replay.
    while await store.read(_is_under_way) and await store.transact(_step):
        wakeups.outbox.set()
        await asyncio.sleep(PAUSE_S)


def _is_under_way(ledger: Ledger) -> bool:
    position, end = ledger.history.cursor(POSITION), ledger.history.cursor(END)
    return position is not None and end is not None and position < end


def _step(ledger: Ledger) -> bool:
    """One step; whether another one follows."""
    position, end = ledger.history.cursor(POSITION), ledger.history.cursor(END)
    if position is None or end is None or position >= end:
        return False
    # While the outbox is full it would only grow: the broker takes less than a step a second.
    if len(ledger.outbox.oldest(BATCH)) < BATCH:
        found = [pair for pair in ledger.history.after(position, BATCH) if pair[0] <= end]
        ledger.outbox.add(event_messages.of_finding(event) for _, event in found)
        # With the events, in one transaction: a crash in between would repeat or skip them.
        ledger.history.put_cursor(POSITION, found[-1][0] if found else end)
    return True
