"""A store with planned jobs, and results to settle in it, for the tests of the coordinator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from stt_coordinator.domain import plan
from stt_coordinator.domain.model import JobRecord, TargetRecord, WorkerRecord
from stt_coordinator.ledger.received import ReceivedResult
from stt_coordinator.ledger.results import RecordedBatch, record_results
from stt_coordinator.ledger.runs import start_run
from stt_coordinator.ledger.sorted_batch import IntakeRules
from stt_coordinator.store.memory.store import MemoryStore
from stt_coordinator.store.port import Ledger, Store
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.control import CheckInfo
from stt_shared.protocol.enums import Family, Interval
from stt_shared.protocol.messages import CheckOutcome, Facts, Result
from stt_shared.protocol.records import RunRecord
from tests.support.coordinator.coordination import NOW, SITE

TIMEOUT = timedelta(minutes=5)
CHECKS = tuple(
    CheckInfo(
        check=name,
        family=Family.MYSQL,
        summary="",
        interval=Interval.STANDARD,
        digest=name,
        enabled=True,
    )
    for name in ("c1", "c2")
)


def minutes(number: float) -> datetime:
    return NOW + timedelta(minutes=number)


def worker_record(name: str, epoch: str = "") -> WorkerRecord:
    """A worker that is known and silent; without an epoch any outbox of its name is its own."""
    return WorkerRecord(
        worker=name,
        site=SITE,
        state="down",
        version="1",
        started=NOW,
        last_heard=NOW,
        targets=0,
        epoch=epoch,
    )


async def planned(
    *targets: str,
    run_id: str = "standard-1",
    store: Store | None = None,
    now: datetime = NOW,
    checks: Sequence[CheckInfo] = CHECKS,
    known: Sequence[CheckInfo] = CHECKS,
) -> Store:
    """A store with a run of `checks` on `targets`, all its jobs pending."""
    made = store or MemoryStore()
    rows = [
        TargetRecord(target=t, family=Family.MYSQL, site=SITE, first_seen=NOW, workers=("w1", "w2"))
        for t in targets
    ]
    run = RunRecord(run_id=run_id, schedule="standard", slot=now, state="running")
    jobs = plan.jobs(run, rows, checks, now=now, result_timeout=TIMEOUT)

    def enter(ledger: Ledger) -> None:
        there = ledger.fleet.targets(targets)
        ledger.fleet.put_targets(row for row in rows if row.target not in there)
        ledger.fleet.put_workers(map(worker_record, ("w1", "w2")))
        ledger.fleet.replace_checks(known)
        following, _ = plan.joined(jobs, ledger.jobs.outstanding(targets))
        start_run(ledger, run, following, now)

    await made.transact(enter)
    return made


def result(
    target: str = "t1",
    *outcomes: CheckOutcome,
    sequence: int = 1,
    run_id: str = "standard-1",
    at: datetime = NOW,
    worker: str = "w1",
    epoch: str = "e1",
    job_id: str = "",
    oldest: int = 0,
) -> Result:
    return Result(
        job_id=job_id or f"{run_id}.{target}",
        run_id=run_id,
        dispatch=1,
        execution=f"1-{sequence}-1",
        target=target,
        family=Family.MYSQL,
        site=SITE,
        worker=worker,
        sequence=sequence,
        epoch=epoch,
        oldest=oldest,
        started=at,
        finished=at + timedelta(seconds=1),
        outcomes=outcomes,
        facts=Facts(flavour="mysql", version=(8, 4), version_text="8.4"),
    )


def taken(one: Result) -> ReceivedResult:
    subject = subjects.result(one.family, one.site, one.target, one.worker)
    return ReceivedResult(result=one, subject=subject, data=codec.encode(one))


def with_nonce(one: Result, jobs: Mapping[str, JobRecord]) -> Result:
    """The result with the nonce of its job's last dispatch, unless it has one."""
    job = jobs.get(one.job_id)
    if one.nonce or job is None or not job.nonces:
        return one
    return msgspec.structs.replace(one, nonce=job.nonces[-1])


async def recorded(
    store: Store,
    *results: Result,
    now: datetime | None = None,
    rules: IntakeRules | None = None,
) -> RecordedBatch:
    """Settle results in one transaction, a minute after the newest began.

    Each has the nonce of its job, unless the test gave it another one.
    """
    at = now or max(one.started for one in results) + timedelta(minutes=1)
    ids = {one.job_id for one in results}
    jobs = await store.read(lambda ledger: ledger.jobs.by_id(ids))
    batch = [taken(with_nonce(one, jobs)) for one in results]
    intake = rules or IntakeRules()
    return await store.transact(lambda ledger: record_results(ledger, batch, at, intake))


async def job_of(store: Store, target: str = "t1", run_id: str = "standard-1") -> JobRecord:
    job_id = f"{run_id}.{target}"
    return (await store.read(lambda ledger: ledger.jobs.by_id([job_id])))[job_id]


async def run_of(store: Store, run_id: str = "standard-1") -> RunRecord:
    run = await store.read(lambda ledger: ledger.runs.get(run_id))
    assert run is not None
    return run


async def target_of(store: Store, target: str = "t1") -> TargetRecord:
    return (await store.read(lambda ledger: ledger.fleet.targets([target])))[target]


async def leaving(store: Store, prefix: str) -> list[str]:
    """The subjects below `stt.v1.<prefix>` of what is in the outbox."""
    rows = await store.read(lambda ledger: ledger.outbox.oldest(10_000))
    begin = f"{subjects.ROOT}.{prefix}"
    return [row.message.subject for row in rows if row.message.subject.startswith(begin)]
