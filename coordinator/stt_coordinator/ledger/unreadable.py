"""Record messages that are not results, with the positions that they claim."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from stt_coordinator.ledger.watermarks import KnownOutboxes, move_watermarks
from stt_coordinator.store.port import Ledger
from stt_coordinator.store.ports.results import RawResult, Rejected


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadableResult:
    """A message that is not a result, and the position that it claims, if it has any."""

    row: Rejected
    position: RawResult | None = None


def record_unreadable(
    ledger: Ledger, found: Sequence[UnreadableResult], now: datetime, stranger_positions: int = 0
) -> int:
    """Keep messages that are not results, and count the positions that they claim as received.

    Without the positions the worker's outbox would never empty: its watermark stops at a gap. Of
    outboxes that the store does not know, `stranger_positions` may count; returns how many did.
    """
    known = KnownOutboxes.of(ledger)
    stated = [one.position for one in found if one.position is not None]
    ours = [one for one in stated if (one.worker, one.epoch) in known]
    strange = [one for one in stated if (one.worker, one.epoch) not in known]
    strange = strange[:stranger_positions]
    ledger.results.add(
        sorted((*ours, *strange), key=lambda row: (row.worker, row.epoch, row.sequence))
    )
    ledger.results.add_rejected(one.row for one in found)
    move_watermarks(ledger, {(one.worker, one.epoch) for one in ours}, now)
    return len(strange)
