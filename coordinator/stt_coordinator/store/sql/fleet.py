"""Targets, workers, checks and the control state in SQL."""

from __future__ import annotations

from collections.abc import Iterable

from stt_coordinator.domain.leader_report import LeaderReport
from stt_coordinator.domain.model import TargetPlace, TargetRecord, WorkerRecord
from stt_coordinator.store.sql.counts import KeptCounts
from stt_coordinator.store.sql.rows import Columns, listed, packed, text
from stt_coordinator.store.sql.statements import Connection, Statements, queries
from stt_shared.protocol.control import CheckInfo
from stt_shared.protocol.messages import ControlState


class SqlFleet(Statements):
    """FleetLedger in SQL."""

    sql = queries("fleet")

    def __init__(self, connection: Connection, kept: KeptCounts) -> None:
        super().__init__(connection)
        self._kept = kept

    def targets(self, names: Iterable[str]) -> dict[str, TargetRecord]:
        return {one.target: one for one in self._all(TargetRecord, "targets", ids=listed(names))}

    def all_targets(self) -> list[TargetRecord]:
        return self._all(TargetRecord, "all_targets")

    def sites(self) -> set[str]:
        return {site for (site,) in self._run("sites")}

    def places(self) -> list[TargetPlace]:
        return self._all(TargetPlace, "places")

    def targets_page(self, after: str, limit: int) -> list[TargetRecord]:
        return self._all(TargetRecord, "targets_page", after=after, limit=limit)

    def put_targets(self, targets: Iterable[TargetRecord]) -> None:
        rows = list(targets)
        names = listed(row.target for row in rows)
        known = {target: bool(gone) for target, gone in self._run("which_are_gone", ids=names)}
        # Before they are written. Of one that was known nothing else that is counted changes.
        self._kept.touch_targets(row.target for row in rows if known.get(row.target) != row.gone)
        self._each("put_target", map(target_columns, rows))

    def awaiting_run(self) -> list[TargetRecord]:
        return self._all(TargetRecord, "awaiting_run")

    def drop_targets(self, names: Iterable[str]) -> None:
        left = list(names)
        self._kept.touch_targets(left)
        self._run("drop_targets", ids=listed(left))

    def gone(self, limit: int) -> list[TargetRecord]:
        return self._all(TargetRecord, "gone", limit=limit)

    def unchecked(self, limit: int, after: str = "") -> list[TargetRecord]:
        return self._all(TargetRecord, "unchecked", limit=limit, after=after)

    def count_unchecked(self) -> int:
        return self._number("count_unchecked")

    def workers(self) -> list[WorkerRecord]:
        return self._all(WorkerRecord, "workers")

    def put_workers(self, workers: Iterable[WorkerRecord]) -> None:
        self._each("put_worker", ({"worker": w.worker, "data": packed(w)} for w in workers))

    def drop_workers(self, names: Iterable[str]) -> None:
        self._each("drop_worker", ({"worker": name} for name in names))

    def checks(self) -> list[CheckInfo]:
        return self._all(CheckInfo, "checks")

    def replace_checks(self, checks: Iterable[CheckInfo], pack: str = "") -> None:
        before = self._run("enabled_checks").fetchall()
        # Deleted first: a check that is no more known must not count as current.
        self._run("drop_checks")
        self._each("put_check", map(check_columns, checks))
        self._run("put_pack", pack=pack)
        # Counting every target takes seconds in a large fleet, and mostly the checks are the same.
        if self._run("enabled_checks").fetchall() != before:
            self._kept.touch_all()

    def pack(self) -> str:
        found = self._run("pack").fetchone()
        return "" if found is None else str(found[0])

    def control_state(self) -> ControlState | None:
        return self._one(ControlState, "control_state")

    def control_sequence(self) -> int:
        found = self._run("control_sequence").fetchone()
        return 0 if found is None else int(found[0])

    def put_control_state(self, state: ControlState, sequence: int, replaces: int = -1) -> None:
        data = packed(state)
        self._run("put_control_state", data=data, sequence=sequence, replaces=replaces)

    def leader_report(self) -> LeaderReport:
        return self._one(LeaderReport, "leader_report") or LeaderReport()

    def put_leader_report(self, report: LeaderReport) -> None:
        self._run("put_leader_report", data=packed(report))


def target_columns(target: TargetRecord) -> Columns:
    """The columns of a target."""
    return {
        "target": target.target,
        "family": str(target.family),
        "site": target.site,
        "gone": target.gone,
        "awaits_run": target.awaits_run,
        "learned": target.learned,
        "state": target.state,
        "last_started": text(target.last_started),
        "last_checked": text(target.last_checked),
        "data": packed(target),
    }


def check_columns(check: CheckInfo) -> Columns:
    """The columns of a check."""
    return {
        "check_name": check.check,
        "family": str(check.family),
        "enabled": check.enabled,
        "data": packed(check),
    }
