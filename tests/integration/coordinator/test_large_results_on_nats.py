"""A result that no message of a nats-server has room for arrives, and its outbox empties."""

from __future__ import annotations

from pathlib import Path

from stt_coordinator.local.servers import nats as embedded_nats
from stt_coordinator.store.sqlite.store import open_store
from stt_shared.protocol.enums import Kind, Outcome
from stt_shared.protocol.messages import CheckOutcome, Job
from tests.support.coordinator.coordination import at_work, enable, finished, running, status, until
from tests.support.coordinator.keeping import empty, keeping
from tests.support.coordinator.on_nats import connected

MAX_PAYLOAD = 4_096


def long_reasons(job: Job) -> list[CheckOutcome]:
    """The first outcome has room, the second one alone exceeds the limit of the server."""
    return [
        CheckOutcome(
            check=ref.check,
            outcome=Outcome.ERROR,
            kind=Kind.UNREACHABLE,
            reason="x" * (MAX_PAYLOAD if number else 100),
        )
        for number, ref in enumerate(job.checks)
    ]


async def test_checks_without_room_count_as_not_checked_with_the_sizes_and_the_outbox_empties(
    tmp_path: Path,
) -> None:
    server = embedded_nats.start(tmp_path / "nats", extra=f"max_payload: {MAX_PAYLOAD}")
    store = await open_store(tmp_path / "store")
    try:
        async with (
            connected(server) as ours,
            connected(server) as theirs,
            running(ours, store),
            keeping(theirs, tmp_path / "outbox") as worker,
            at_work(worker),
        ):
            worker.answer = long_reasons

            async def announced() -> bool:
                return (await status(ours)).summary.counts.targets == len(worker.targets)

            await until(announced)
            run = await finished(ours, (await enable(ours)).run_id)
            await empty(worker)
            jobs = await store.read(lambda ledger: ledger.jobs.of_run(run.run_id, "", 9))
    finally:
        await store.close()
        server.stop()
    assert (run.done, run.unanswered) == (2, 0)
    for job in jobs:
        first, second = job.outcomes
        assert (first.kind, first.reason) == (Kind.UNREACHABLE, "x" * 100)
        assert (second.outcome, second.kind) == (Outcome.ERROR, Kind.TOO_LARGE)
        assert second.reason.endswith(f"bytes exceeds the limit of {MAX_PAYLOAD} bytes of NATS")
