"""Find results that repeat a recorded execution in another message: somebody sends them again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from stt_coordinator.domain.intake.admission import execution_of
from stt_coordinator.domain.model import JobRecord
from stt_coordinator.ledger.received import ReceivedResult
from stt_coordinator.store.port import Ledger


def replays(
    ledger: Ledger, valid: Sequence[ReceivedResult], jobs: Mapping[str, JobRecord], now: datetime
) -> list[ReceivedResult]:
    """Those of `valid` whose execution is recorded, here or in this batch, from another message.

    An outbox sends a result again as it is, at its position: such a one is known, and no replay.
    """
    first: dict[tuple[str, str], bytes] = {}
    doubtful: list[ReceivedResult] = []
    for one in valid:
        key = one.result.job_id, execution_of(one.result)
        before = first.setdefault(key, one.data)
        if key[1] in jobs[key[0]].executions or before != one.data:
            doubtful.append(one)
    if not doubtful:  # as in nearly every batch: no statement is spent
        return []
    news = ledger.results.are_new([one.raw(now) for one in doubtful])
    return [one for one, is_new in zip(doubtful, news, strict=True) if is_new]
