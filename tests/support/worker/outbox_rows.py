"""Results and watermarks for the tests of an outbox."""

from __future__ import annotations

from datetime import UTC, datetime

from stt_shared.protocol.enums import Family, Outcome
from stt_shared.protocol.messages import CheckOutcome, Result, Watermark
from stt_worker.outbox.memory import MemoryOutbox
from stt_worker.outbox.port import Outbox
from stt_worker.outbox.sqlite import SqliteOutbox

AT = datetime(2026, 11, 23, 16, 0, tzinfo=UTC)


def result(number: int, *, finished: datetime = AT, reason: str = "") -> Result:
    return Result(
        job_id=f"run.t{number}",
        run_id="run",
        dispatch=1,
        execution=f"1-{number}-1",
        target=f"t{number}",
        family=Family.MYSQL,
        site="default",
        worker="w1",
        sequence=0,
        epoch="",
        started=AT,
        finished=finished,
        outcomes=(CheckOutcome(check="c", outcome=Outcome.PASSED, reason=reason),),
    )


def epoch_of(outbox: Outbox) -> str:
    assert isinstance(outbox, MemoryOutbox | SqliteOutbox)
    return outbox.epoch


def watermark(outbox: Outbox, sequence: int) -> Watermark:
    return Watermark(worker="w1", epoch=epoch_of(outbox), sequence=sequence)
