"""Targets, workers, checks and the control state in memory."""

from __future__ import annotations

from collections.abc import Iterable

from stt_coordinator.domain.leader_report import LeaderReport
from stt_coordinator.domain.model import TargetPlace, TargetRecord, WorkerRecord
from stt_coordinator.store.memory.tables import Rows
from stt_shared.protocol.control import CheckInfo
from stt_shared.protocol.messages import ControlState


class MemoryFleet(Rows):
    """FleetLedger in memory."""

    def targets(self, names: Iterable[str]) -> dict[str, TargetRecord]:
        return {name: self._t.targets[name] for name in names if name in self._t.targets}

    def all_targets(self) -> list[TargetRecord]:
        return [row for _, row in sorted(self._t.targets.items())]

    def sites(self) -> set[str]:
        return {row.site for row in self._t.targets.values()}

    def places(self) -> list[TargetPlace]:
        there = (row for row in self._t.targets.values() if not row.gone)
        return [TargetPlace(site=row.site, labels=row.labels) for row in there]

    def targets_page(self, after: str, limit: int) -> list[TargetRecord]:
        return [row for row in self.all_targets() if row.target > after][:limit]

    def put_targets(self, targets: Iterable[TargetRecord]) -> None:
        self._t.targets.update((one.target, one) for one in targets)

    def awaiting_run(self) -> list[TargetRecord]:
        return [row for row in self.all_targets() if row.awaits_run and not row.gone]

    def drop_targets(self, names: Iterable[str]) -> None:
        for name in names:
            self._t.targets.pop(name, None)

    def gone(self, limit: int) -> list[TargetRecord]:
        return [row for row in self.all_targets() if row.gone][:limit]

    def _unchecked(self) -> list[TargetRecord]:
        return [row for row in self.all_targets() if row.state == "unchecked"]

    def unchecked(self, limit: int, after: str = "") -> list[TargetRecord]:
        return [row for row in self._unchecked() if row.target > after][:limit]

    def count_unchecked(self) -> int:
        return len(self._unchecked())

    def workers(self) -> list[WorkerRecord]:
        return [row for _, row in sorted(self._t.workers.items())]

    def put_workers(self, workers: Iterable[WorkerRecord]) -> None:
        self._t.workers.update((one.worker, one) for one in workers)

    def drop_workers(self, names: Iterable[str]) -> None:
        for name in names:
            self._t.workers.pop(name, None)

    def checks(self) -> list[CheckInfo]:
        return sorted(self._t.checks.values(), key=lambda one: (one.family, one.check))

    def replace_checks(self, checks: Iterable[CheckInfo], pack: str = "") -> None:
        self._t.checks, self._t.pack = {one.check: one for one in checks}, pack

    def pack(self) -> str:
        return self._t.pack

    def control_state(self) -> ControlState | None:
        return self._t.control

    def control_sequence(self) -> int:
        return self._t.control_sequence

    def put_control_state(self, state: ControlState, sequence: int, replaces: int = -1) -> None:
        before = self._t.control_sequence
        if self._t.control is None or before < sequence or before == replaces:
            self._t.control, self._t.control_sequence = state, sequence

    def leader_report(self) -> LeaderReport:
        return self._t.leader_report

    def put_leader_report(self, report: LeaderReport) -> None:
        self._t.leader_report = report
