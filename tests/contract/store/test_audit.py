"""What every store guarantees of the audit trail."""

from __future__ import annotations

from stt_coordinator.store.port import Store
from stt_shared.protocol.enums import (
    Role,
)
from tests.support.coordinator.store_rows import (
    entry,
)


async def test_who_did_what_is_kept_newest_first_in_pages_that_stay_as_more_is_done(
    store: Store,
) -> None:
    first = [entry(n, role=Role.ADMIN, reason="CHG-1") for n in range(5)]
    await store.transact(lambda ledger: ledger.audit.add(first))
    newest = await store.read(lambda ledger: ledger.audit.newest(None, 2))
    assert [one for _, one in newest] == [first[4], first[3]]
    await store.transact(lambda ledger: ledger.audit.add([entry(9)]))
    rest = await store.read(lambda ledger: ledger.audit.newest(newest[-1][0], 10))
    assert [one.what for _, one in rest] == ["r2", "r1", "r0"]
