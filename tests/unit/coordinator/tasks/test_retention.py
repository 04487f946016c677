"""Old rows go in small steps between which everybody else is served; what stands is not touched."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

import msgspec
import pytest

from stt_coordinator import service
from stt_coordinator.coordinator import Coordinator, CoordinatorDependencies
from stt_coordinator.domain.model import JobState
from stt_coordinator.store.memory.store import MemoryStore
from stt_coordinator.store.port import Ledger, Store
from stt_coordinator.store.ports.results import RawResult
from stt_coordinator.store.sql.statements import queries
from stt_coordinator.store.sqlite.file.folder import FILE, SCHEMA
from stt_coordinator.store.sqlite.store import open_store
from stt_coordinator.tasks import retention
from stt_coordinator.tasks.retention import BATCH_ROWS, RetentionLimits, prune
from stt_shared import clock, settings
from stt_shared.bus.memory import MemoryBroker
from stt_shared.errors import ConfigError
from stt_shared.protocol.coordinators import StoreHealth
from stt_shared.protocol.enums import Change, Family, FindingState, Severity
from stt_shared.protocol.records import Counts, FindingEvent, FindingRecord, RunRecord
from tests.support.coordinator.coordination import QUICK, catalogue, failed, finding, passed, until
from tests.support.coordinator.ledgers import job_of, planned, recorded, result
from tests.support.coordinator.scheduling import agreed_now

T = TypeVar("T")
LIMITS = RetentionLimits()
OLD = timedelta(days=31)
DAILY = 5  # the number of the migration that counts days
SQL = queries("retention")


class Watched:
    """A store that notes the order in which transactions are done."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.done: list[str] = []

    async def transact(self, work: Callable[[Ledger], T]) -> T:
        found = await self.store.transact(work)
        self.done.append("step")
        return found

    async def read(self, work: Callable[[Ledger], T]) -> T:
        return await self.store.read(work)

    @property
    def identity(self) -> str:
        return self.store.identity

    async def probe_write(self) -> None:
        await self.store.probe_write()

    async def epoch(self) -> int:
        return await self.store.epoch()

    async def installation(self) -> str:
        return await self.store.installation()

    async def begin(self, epoch: int, installation: str = "") -> None:
        await self.store.begin(epoch, installation)

    async def join(self, epoch: int) -> None:
        await self.store.join(epoch)

    async def transact_beside(self, work: Callable[[Ledger], T]) -> T:
        return await self.store.transact_beside(work)

    async def health(self, *, whole: bool = True) -> StoreHealth:
        return await self.store.health(whole=whole)

    async def close(self) -> None:
        await self.store.close()


def much(ledger: Ledger, received: datetime) -> None:
    """Six steps' worth of raw results."""
    ledger.results.add(
        [
            RawResult(
                worker="w0", epoch="e", sequence=n, job_id="j", received=received, data=bytes(512)
            )
            for n in range(1, 6 * BATCH_ROWS + 1)
        ]
    )


async def test_results_are_taken_in_while_much_is_pruned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "PAUSE_S", 0.0)  # even without a pause
    store = await open_store(tmp_path)
    await store.transact(lambda ledger: much(ledger, clock.now() - OLD))
    await planned("t1", store=store)
    watched = Watched(store)

    async def ingest() -> None:
        for sequence in (1, 2, 3):
            before = len(watched.done)
            await recorded(store, result("t1", passed("c1"), passed("c2"), sequence=sequence))
            # The step under way, and one that was asked for before each of the two transactions.
            assert len(watched.done) - before <= 3
            watched.done.append("result")

    await asyncio.gather(prune(watched, LIMITS, agreed_now), ingest())
    assert watched.done.count("step") == 7
    assert watched.done.index("result") < 4
    assert watched.done[-1] == "step"
    assert (await job_of(store)).state is JobState.DONE
    left = await store.read(lambda ledger: list(ledger.results.sequences_after("w0", "e", 0)))
    assert left == []
    await store.close()


async def test_the_last_outcome_of_a_target_outlives_its_run(
    tmp_path: Path,
) -> None:
    store, then = await open_store(tmp_path), clock.now() - OLD
    await planned("t1", store=store, now=then)
    await recorded(store, result("t1", failed("c1", finding()), passed("c2"), at=then))
    await prune(store, LIMITS, agreed_now)

    def counted(ledger: Ledger) -> tuple[object, ...]:
        return (
            list(ledger.jobs.by_id(["standard-1.t1"])),
            [one.state for one in ledger.findings.of_targets(["t1"])],
            sorted(one.check for one in ledger.outcomes.of_targets(["t1"])),
            ledger.fleet.targets(["t1"])["t1"].learned,
            ledger.runs.get("standard-1") is not None,
            [
                row.opened
                for row in ledger.counts.days(then.date())
                if row.severity is Severity.CRITICAL
            ],
        )

    assert await store.read(counted) == ([], [FindingState.OPEN], ["c1", "c2"], True, True, [1])
    await store.close()


def test_days_are_never_dropped_before_what_is_kept_in_full() -> None:
    now = clock.now()
    keep = RetentionLimits(full=timedelta(days=400), daily=timedelta(days=30))
    assert keep.before(now).daily == keep.before(now).full == now - timedelta(days=400)


def events() -> list[FindingEvent]:
    """Two findings of which one was fixed, one came back, and one that is accepted."""
    at = clock.now().replace(hour=12) - timedelta(days=3)
    record = FindingRecord(
        id="f_a",
        target="t1",
        family=Family.MYSQL,
        site="eu",
        check="c1",
        state=FindingState.OPEN,
        severity=Severity.MAJOR,
        summary="",
        first_seen=at,
        last_confirmed=at,
        since=at,
    )

    def event(change: Change, hours: float, before: FindingRecord | None = None) -> FindingEvent:
        when = at + timedelta(hours=hours)
        return FindingEvent(change=change, at=when, run_id="r", after=record, before=before)

    return [
        event(Change.OPENED, 0),
        event(Change.RESOLVED, 30.51, record),
        event(Change.REOPENED, 40, record),
        event(Change.CHANGED, 41, record),
    ]


async def test_days_before_the_upgrade_are_filled_from_what_was_stored(tmp_path: Path) -> None:
    """The migration counts as the coordinator does."""
    new, old = tmp_path / "new", tmp_path / "old"
    store = await open_store(new)

    def write(ledger: Ledger) -> None:
        ledger.history.add(events())
        for days, major in ((3, 1), (2, 0), (1, 4)):
            counts = msgspec.structs.replace(Counts(), major=major)
            ledger.counts.put(clock.now() - timedelta(days=days), counts)
        ledger.runs.put(RunRecord(run_id="r", schedule="s", slot=clock.now(), state="finished"))

    await store.transact(write)
    await store.close()
    old.mkdir()
    with closing(sqlite3.connect(old / FILE)) as connection:
        for script in SCHEMA.scripts[: DAILY - 1]:
            connection.executescript(script)
        connection.execute("ATTACH ? AS new", [str(new / FILE)])
        for table in ("counts", "history"):
            connection.execute(f"INSERT INTO {table} SELECT * FROM new.{table}")
        connection.execute(f"PRAGMA user_version = {DAILY - 1}")
        connection.commit()
    store = await open_store(old)
    await store.close()
    assert contents(old) == contents(new)
    assert len(contents(new)["fixes"]) == 1


def contents(directory: Path) -> dict[str, list[tuple[object, ...]]]:
    with closing(sqlite3.connect(directory / FILE)) as connection:
        return {
            table: connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall()
            for table in ("daily", "fixes")
        }


def test_how_long_is_a_setting_with_bounds() -> None:
    environ = {"STT_HISTORY_FULL_DAYS": "7", "STT_HISTORY_DAILY_DAYS": "90"}
    found = settings.load(flags={}, environ=environ, path=None)
    assert service.retention_of(found.history) == RetentionLimits(
        full=timedelta(days=7), daily=timedelta(days=90)
    )
    assert service.retention_of(settings.Settings().history) == RetentionLimits()
    for name in environ:
        with pytest.raises(ConfigError, match=r"history\..* is '5', expected"):
            settings.load(flags={}, environ={name: "5"}, path=None)


async def test_a_coordinator_uses_the_configured_ages() -> None:
    store, stop, ten_days_ago = MemoryStore(), asyncio.Event(), clock.now() - timedelta(days=10)
    await store.transact(lambda ledger: much(ledger, ten_days_ago))
    means = CoordinatorDependencies(
        bus=MemoryBroker().connect(),
        store=store,
        checks=catalogue,
        timing=QUICK,
        retention=RetentionLimits(full=timedelta(days=7)),
    )
    task = asyncio.create_task(Coordinator(means).run(stop))

    async def pruned() -> bool:
        return not await store.read(
            lambda ledger: list(ledger.results.sequences_after("w0", "e", 0))
        )

    try:
        await until(pruned)
    finally:
        stop.set()
        await task
