"""What every store guarantees of suppressions."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import msgspec

from stt_coordinator.store.port import Store
from stt_shared.protocol.enums import (
    Severity,
)
from tests.support.coordinator.store_rows import (
    HOUR,
    NOW,
    suppression,
)


async def test_exceptions_are_kept_replaced_and_listed_newest_first(store: Store) -> None:
    first, second = suppression("x_a"), suppression("x_b", created=NOW + HOUR)
    over = suppression("x_c", created=NOW - HOUR, ended=NOW)
    taken_back = msgspec.structs.replace(second, revoked=NOW, revoked_by="bob")
    await store.transact(lambda ledger: ledger.suppressions.put([first, second, over]))
    await store.transact(lambda ledger: ledger.suppressions.put([taken_back]))

    def ids(state: str, offset: int = 0, limit: int = 9) -> list[str]:
        found, total = pages[state, offset, limit]
        assert total >= len(found)
        return [one.id for one in found]

    pages = {
        key: await store.read(lambda ledger, key=key: ledger.suppressions.page(*key))  # type: ignore[misc]
        for key in (
            ("all", 0, 9),
            ("all", 1, 1),
            ("live", 0, 9),
            ("ended", 0, 9),
            ("revoked", 0, 9),
        )
    }
    assert ids("all") == ["x_b", "x_a", "x_c"]
    assert ids("all", 1, 1) == ["x_a"]
    assert (ids("live"), ids("ended"), ids("revoked")) == (["x_a"], ["x_c"], ["x_b"])
    assert await store.read(lambda ledger: ledger.suppressions.get("x_b")) == taken_back
    assert await store.read(lambda ledger: ledger.suppressions.get("x_z")) is None
    like = await store.read(lambda ledger: ledger.suppressions.with_prefix("x_", 2))
    assert [one.id for one in like] == ["x_a", "x_b"]
    assert await store.read(lambda ledger: ledger.suppressions.with_prefix("x_b", 2)) == [
        taken_back
    ]


async def test_live_exceptions_are_those_that_may_concern_a_target(store: Store) -> None:
    everywhere = suppression("x_site", target="", site="eu")
    mine, other = suppression("x_t1"), suppression("x_t2", target="t2")
    over = suppression("x_over", ended=NOW)
    await store.transact(lambda ledger: ledger.suppressions.put([everywhere, mine, other, over]))
    assert await store.read(lambda ledger: ledger.suppressions.live(["t1", "t9"])) == [
        everywhere,
        mine,
    ]
    everything = await store.read(lambda ledger: ledger.suppressions.live())
    assert [one.id for one in everything] == ["x_site", "x_t1", "x_t2"]


async def test_exceptions_are_due_for_their_reminder_and_then_for_their_end(store: Store) -> None:
    end = datetime(2027, 1, 1, tzinfo=UTC)
    fresh, reminded = suppression("x_a"), suppression("x_b", reminded=NOW)
    for_ever = suppression("x_c", until=None, severity=Severity.TRIVIAL)
    soon = suppression("x_d", until=date(2026, 11, 24), severity=Severity.TRIVIAL)
    assert await store.read(lambda ledger: ledger.suppressions.next_end()) is None
    await store.transact(lambda ledger: ledger.suppressions.put([fresh, reminded, for_ever, soon]))

    async def due(at: datetime) -> list[str]:
        found = await store.read(lambda ledger: ledger.suppressions.due(at, 9))
        return [one.id for one in found]

    assert await due(NOW) == []
    assert await due(end - timedelta(days=7)) == ["x_d", "x_a"]
    assert await due(end) == ["x_d", "x_a", "x_b"]
    assert await store.read(lambda ledger: ledger.suppressions.next_end()) == date(2026, 12, 31)
