"""How many results a second one coordinator takes in: real NATS, SQLite FULL, a commit before the ack.

Run: python benchmarks/ingest.py [--jobs 2000] [--outcomes 7] [--rounds 5] [--sync-always]
Beside it, on the same machine in the same minute: the same results through the store alone, which
is what no bus could exceed.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
from datetime import timedelta
from pathlib import Path

from stt_coordinator.domain import plan
from stt_coordinator.domain.model import JobState, TargetRecord
from stt_coordinator.domain.time.timing import Timing
from stt_coordinator.ledger.received import ReceivedResult
from stt_coordinator.ledger.results import record_results
from stt_coordinator.ledger.runs import start_run
from stt_coordinator.ledger.sorted_batch import IntakeRules
from stt_coordinator.local.servers import nats as embedded_nats
from stt_coordinator.store.port import Ledger, Store
from stt_coordinator.store.sqlite.store import open_store
from stt_coordinator.tasks.guards.clock_guard import ClockGuard
from stt_coordinator.tasks.guards.nonce_gate import NonceGate
from stt_coordinator.tasks.ingest import MAX_BATCH, Ingest
from stt_coordinator.tasks.wakeups import Wakeups
from stt_shared import clock
from stt_shared.bus.jetstream import JetStreamBus, NatsOptions, connect
from stt_shared.bus.values import Outgoing, Publication
from stt_shared.identity import job_id
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.control import CheckInfo
from stt_shared.protocol.enums import Family, Interval, Outcome, Severity
from stt_shared.protocol.messages import CheckOutcome, Facts, Finding, Result
from stt_shared.protocol.records import RunRecord
from stt_shared.telemetry import logs

SITE = "bench"
POLL_S = 0.01
FAILED_EVERY = 7  # one outcome of so many is failed, the others passed


def checks(number: int) -> list[CheckInfo]:
    return [
        CheckInfo(
            check=f"check_{index}",
            family=Family.MYSQL,
            summary="",
            interval=Interval.STANDARD,
            digest="0" * 64,
            enabled=True,
        )
        for index in range(number)
    ]


def outcome(check: CheckInfo, number: int) -> CheckOutcome:
    if number % FAILED_EVERY:
        return CheckOutcome(check=check.check, outcome=Outcome.PASSED, digest=check.digest)
    found = Finding(
        key="'app'@'%'",
        object="'app'@'%'",
        severity=Severity.CRITICAL,
        summary="Account without a password",
        description="Anyone who can reach the port can log in.",
        remediation="ALTER USER 'app'@'%' IDENTIFIED BY RANDOM PASSWORD;",
        evidence=({"user": "app", "host": "%"},),
    )
    return CheckOutcome(check=check.check, outcome=Outcome.FAILED, findings=(found,))


def results(run: str, jobs: int, known: list[CheckInfo], prefix: str = "t") -> list[Outgoing]:
    """A result of each of so many targets, whose names begin with `prefix`."""
    now = clock.now()
    made: list[Outgoing] = []
    for number in range(jobs):
        target = f"{prefix}{number:05}"
        result = Result(
            job_id=job_id(run, target),
            run_id=run,
            dispatch=1,
            execution=f"1-{number}-1",
            target=target,
            family=Family.MYSQL,
            site=SITE,
            worker="w1",
            sequence=number + 1,
            epoch=run,
            started=now,
            finished=now,
            outcomes=tuple(outcome(check, index) for index, check in enumerate(known)),
            facts=Facts(flavour="mysql", version=(8, 4, 6), version_text="8.4.6"),
        )
        subject = subjects.result(Family.MYSQL, SITE, target, "w1")
        made.append(
            Outgoing(subject=subject, data=codec.encode(result), message_id=f"{result.job_id}.1")
        )
    return made


async def planned(
    store: Store, run_id: str, jobs: int, known: list[CheckInfo], prefix: str = "t"
) -> None:
    """Plan a run of so many targets, which become known unless they are."""
    now = clock.now()
    targets = [
        TargetRecord(
            target=f"{prefix}{n:05}",
            family=Family.MYSQL,
            site=SITE,
            first_seen=now,
            workers=("w1",),
        )
        for n in range(jobs)
    ]
    run = RunRecord(run_id=run_id, schedule="standard", slot=now, state="running")
    rows = plan.jobs(run, targets, known, now=now, result_timeout=timedelta(minutes=5))

    def enter(ledger: Ledger) -> None:
        ledger.fleet.replace_checks(known)
        there = ledger.fleet.targets(one.target for one in targets)
        ledger.fleet.put_targets(one for one in targets if one.target not in there)
        start_run(ledger, run, rows, now)

    await store.transact(enter)


async def published(bus: JetStreamBus, messages: list[Outgoing]) -> None:
    for first in range(0, len(messages), 1_000):
        receipts = await bus.publish(messages[first : first + 1_000])
        if any(one.publication is not Publication.STORED for one in receipts):
            raise SystemExit("the broker did not store every result")


async def is_done(store: Store, run: str, jobs: int) -> bool:
    tally = await store.read(lambda ledger: ledger.jobs.count_by_state(run))
    return tally.get(JobState.DONE, 0) == jobs


async def through_the_bus(
    bus: JetStreamBus, store: Store, run: str, messages: list[Outgoing]
) -> float:
    """Seconds from the first delivery being asked for to the last result in the store."""
    timing, wakeups = Timing(), Wakeups()
    await published(bus, messages)
    guard = ClockGuard(bus=bus, store=store, wakeups=wakeups)
    ingest = Ingest(
        bus=bus,
        store=store,
        wakeups=wakeups,
        timing=timing,
        nonces=NonceGate(store, guard.now, require=False),
    )
    begun = clock.monotonic()
    task = asyncio.create_task(ingest.run())
    while not await is_done(store, run, len(messages)):  # noqa: ASYNC110  # as a reader would
        await asyncio.sleep(POLL_S)
    seconds = clock.monotonic() - begun
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return seconds


async def through_the_store(store: Store, messages: list[Outgoing]) -> float:
    """Seconds for decoding and storing alone, in batches of the same size."""
    begun = clock.monotonic()
    for first in range(0, len(messages), MAX_BATCH):
        taken = [
            ReceivedResult(
                result=codec.decode(Result, one.data), subject=one.subject, data=one.data
            )
            for one in messages[first : first + MAX_BATCH]
        ]
        now = clock.now()
        await store.transact(
            lambda ledger, taken=taken, now=now: record_results(  # type: ignore[misc]  # bound now
                ledger, taken, now, IntakeRules(nonce_required=False)
            )
        )
    return clock.monotonic() - begun


async def measured(url: str, folder: Path, options: argparse.Namespace) -> None:
    known = checks(options.outcomes)
    bus = await connect(NatsOptions(servers=(url,), name="bench"))
    store = await open_store(folder)
    await bus.ensure(subjects.STREAMS, [subjects.results_consumer(1)])
    rates: dict[str, list[float]] = {"nats + sqlite": [], "sqlite alone": []}
    try:
        for number in range(options.rounds):
            for name, timings in rates.items():
                run = f"{name[:4].strip()}-{number}"
                messages = results(run, options.jobs, known)
                await planned(store, run, options.jobs, known)
                seconds = await (
                    through_the_bus(bus, store, run, messages)
                    if name.startswith("nats")
                    else through_the_store(store, messages)
                )
                timings.append(options.jobs / seconds)
    finally:
        await bus.close()
        await store.close()
    for name, timings in rates.items():
        middle = statistics.median(timings)
        print(
            f"{name:14} {middle:8.0f} results/s {middle * options.outcomes:9.0f} outcomes/s"
            f"   (median of {len(timings)}, {min(timings):.0f} to {max(timings):.0f})"
        )
    ratio = statistics.median(rates["nats + sqlite"]) / statistics.median(rates["sqlite alone"])
    print(f"ratio          {ratio:8.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=2_000)
    parser.add_argument("--outcomes", type=int, default=7)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sync-always", action="store_true")
    options = parser.parse_args()
    logs.configure("error", "json")
    with tempfile.TemporaryDirectory() as folder:
        broker = embedded_nats.start(Path(folder) / "nats", sync_always=options.sync_always)
        try:
            asyncio.run(measured(broker.url, Path(folder) / "store", options))
        finally:
            broker.stop()


if __name__ == "__main__":
    main()
