"""A scheduler with its store on a broker, and a clock that the test moves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from stt_coordinator.domain.model import TargetRecord
from stt_coordinator.packs.library import Library
from stt_coordinator.store.memory.store import MemoryStore
from stt_coordinator.store.port import Store
from stt_coordinator.tasks.control_state import ControlStateWriter
from stt_coordinator.tasks.scheduler import Scheduler
from stt_coordinator.tasks.wakeups import Wakeups
from stt_shared import clock
from stt_shared.bus.memory import MemoryBroker
from stt_shared.bus.port import Bus
from stt_shared.protocol import subjects
from stt_shared.protocol.enums import Family
from stt_shared.protocol.messages import ControlState
from stt_shared.protocol.records import RunRecord
from tests.support.coordinator.coordination import QUICK, catalogue

ENABLED = datetime(2026, 11, 23, 16, 30, 12, 345678, tzinfo=UTC)


class Clock:
    """The time, as the test says."""

    def __init__(self) -> None:
        self.at = ENABLED

    def now(self) -> datetime:
        return self.at

    def pass_by(self, **parts: float) -> None:
        self.at += timedelta(**parts)


@dataclass(kw_only=True)
class SchedulerSite:
    """A scheduler with its store, on a broker that others may share."""

    broker: MemoryBroker
    store: Store
    scheduler: Scheduler
    control_state: ControlStateWriter
    clocks: Clocks


class Clocks:
    """Says whether the clocks agree, as the test sets it."""

    def __init__(self) -> None:
        self.agree = True

    async def now(self) -> datetime | None:
        """The instant, None while the clocks disagree."""
        return clock.now() if self.agree else None


async def scheduler_site(
    broker: MemoryBroker | None = None,
    store: Store | None = None,
    *,
    targets: tuple[str, ...] = ("t1", "t2"),
    bus: Callable[[MemoryBroker], Bus] = MemoryBroker.connect,
) -> SchedulerSite:
    shared = broker or MemoryBroker()
    made = store or MemoryStore()
    connection = bus(shared)
    await connection.ensure(subjects.STREAMS, [])
    rows = [
        TargetRecord(target=t, family=Family.MYSQL, site="eu", first_seen=ENABLED) for t in targets
    ]
    await made.transact(lambda ledger: ledger.fleet.put_targets(rows))
    control_state = ControlStateWriter(connection, made)
    clocks = Clocks()
    scheduler = Scheduler(
        bus=connection,
        store=made,
        control_state=control_state,
        library=Library(catalogue),
        wakeups=Wakeups(),
        timing=QUICK,
        agreed_now=clocks.now,
    )
    return SchedulerSite(
        broker=shared,
        store=made,
        scheduler=scheduler,
        control_state=control_state,
        clocks=clocks,
    )


async def agreed_now() -> datetime | None:
    """The instant, as if the clocks always agreed."""
    return clock.now()


async def enable(one: SchedulerSite, *, enabled: bool = True) -> None:
    state = ControlState(enabled=enabled, since=clock.now(), by="test", reason="CHG-1")
    await one.control_state.change(lambda _: state)


async def runs(store: Store) -> dict[str, RunRecord]:
    return {run.run_id: run for run in await store.read(lambda ledger: ledger.runs.newest(999))}
