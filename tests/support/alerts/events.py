"""Events of findings in a store, for the channels of alerts."""

from __future__ import annotations

from typing import Any

import msgspec

from stt_coordinator.store.port import Store
from stt_shared.protocol.enums import Change, Severity
from stt_shared.protocol.records import FindingEvent, FindingRecord
from tests.support.coordinator.coordination import NOW
from tests.support.coordinator.fleet import finding

SECRET = "not-a-real-secret"


def record(
    id_: str = "f_1", severity: Severity = Severity.CRITICAL, **changes: Any
) -> FindingRecord:
    return msgspec.structs.replace(finding(id_, "t1", "eu", severity), **changes)


def event(
    change: Change = Change.OPENED,
    after: FindingRecord | None = None,
    before: FindingRecord | None = None,
) -> FindingEvent:
    return FindingEvent(change=change, at=NOW, run_id="r", after=after or record(), before=before)


async def add(store: Store, *ids: str) -> None:
    events = [event(after=record(id_)) for id_ in ids]
    await store.transact(lambda ledger: ledger.history.add(events))
