"""A registry of workers that hears what a test announces."""

from __future__ import annotations

from datetime import timedelta

import pytest

from stt_coordinator.domain.intake.ceilings import Ceilings
from stt_coordinator.domain.model import TargetRecord
from stt_coordinator.store.memory.store import MemoryStore
from stt_coordinator.store.port import Store
from stt_coordinator.tasks.wakeups import Wakeups
from stt_coordinator.tasks.worker_registry import WorkerRegistry
from stt_shared import clock
from stt_shared.bus.memory import MemoryBroker
from stt_shared.bus.values import LiveMessage
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.enums import Family
from stt_shared.protocol.messages import AnnouncedTarget, Announcement
from tests.support.coordinator.coordination import NOW, QUICK


class Site:
    """A registry with a clock that the test moves."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, ceilings: Ceilings | None = None) -> None:
        self.at = NOW
        monkeypatch.setattr(clock, "now", lambda: self.at)
        monkeypatch.setattr(clock, "monotonic", self.seconds)
        self.store: Store = MemoryStore()
        self._ceilings = ceilings
        self.restart()

    def restart(self) -> None:
        """Go on with a registry that has nothing but the store."""
        broker = MemoryBroker()
        broker.ensure(subjects.STREAMS, [])
        self.registry = WorkerRegistry(
            bus=broker.connect(),
            store=self.store,
            wakeups=Wakeups(),
            timing=QUICK,
            ceilings=self._ceilings,
        )

    def seconds(self) -> float:
        return (self.at - NOW).total_seconds()

    async def announce(
        self,
        worker: str,
        *targets: str,
        epoch: str = "",
        site: str = "eu",
        leaving: bool = False,
    ) -> None:
        self.hear(worker, *targets, epoch=epoch, site=site, leaving=leaving)
        await self.registry.record()

    def hear(
        self,
        worker: str,
        *targets: str,
        epoch: str = "",
        site: str = "eu",
        leaving: bool = False,
    ) -> None:
        announcement = Announcement(
            worker=worker,
            site=site,
            version="1",
            started=NOW,
            at=self.at,
            targets=tuple(AnnouncedTarget(target=t, family=Family.MYSQL) for t in targets),
            pack="",
            leaving=leaving,
            epoch=epoch,
        )
        subject = subjects.announce(site, worker)
        self.registry.hear(LiveMessage(subject=subject, data=codec.encode(announcement)))

    def kept(self) -> dict[str, int]:
        """How many names each table of the registry has, those of its parts included."""
        one = self.registry
        parts = (one, one._budgets, one._listened, one._shown)  # the test's point
        named = {
            f"{type(part).__name__}.{name}": getattr(part, name)
            for part in parts
            for name in getattr(part, "__slots__", None) or vars(part)
        }
        tables = (dict, set, frozenset)
        return {name: len(one) for name, one in named.items() if isinstance(one, tables)}

    async def later(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)
        await self.registry.record()

    async def workers(self) -> dict[str, str]:
        rows = await self.store.read(lambda ledger: ledger.fleet.workers())
        return {row.worker: row.state for row in rows}

    async def targets(self) -> dict[str, TargetRecord]:
        rows = await self.store.read(lambda ledger: ledger.fleet.all_targets())
        return {row.target: row for row in rows if not row.gone}
