"""The port of the fleet: targets, workers, known checks, and the control state."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from stt_coordinator.domain.leader_report import LeaderReport
from stt_coordinator.domain.model import TargetPlace, TargetRecord, WorkerRecord
from stt_shared.protocol.control import CheckInfo
from stt_shared.protocol.messages import ControlState


class FleetLedger(Protocol):
    """Targets, workers and checks by their names; unchecked means `TargetRecord.state`."""

    def targets(self, names: Iterable[str]) -> dict[str, TargetRecord]:
        """The targets of these names that are known, by name."""
        ...

    def all_targets(self) -> list[TargetRecord]:
        """Every target, gone ones too, by name."""
        ...

    def sites(self) -> set[str]:
        """Every site that has a target, gone ones too."""
        ...

    def places(self) -> list[TargetPlace]:
        """Site and labels of every present target, in no particular order."""
        ...

    def targets_page(self, after: str, limit: int) -> list[TargetRecord]:
        """Targets with a name > `after`, gone ones too, by name."""
        ...

    def put_targets(self, targets: Iterable[TargetRecord]) -> None:
        """Insert or replace."""
        ...

    def awaiting_run(self) -> list[TargetRecord]:
        """Present targets with `awaits_run`, by name."""
        ...

    def drop_targets(self, names: Iterable[str]) -> None:
        """Delete the targets of these names."""
        ...

    def gone(self, limit: int) -> list[TargetRecord]:
        """Targets that are gone, by name."""
        ...

    def unchecked(self, limit: int, after: str = "") -> list[TargetRecord]:
        """Targets in state `unchecked` with a name > `after`, by name."""
        ...

    def count_unchecked(self) -> int:
        """The number of targets in state `unchecked`."""
        ...

    def workers(self) -> list[WorkerRecord]:
        """Every worker, by name."""
        ...

    def put_workers(self, workers: Iterable[WorkerRecord]) -> None:
        """Insert or replace."""
        ...

    def drop_workers(self, names: Iterable[str]) -> None:
        """Delete the workers of these names; targets keep what they name."""
        ...

    def checks(self) -> list[CheckInfo]:
        """Every known check, by family and name."""
        ...

    def replace_checks(self, checks: Iterable[CheckInfo], pack: str = "") -> None:
        """Make these the known checks: all others are deleted.

        `pack` is the digest of the pack that they are of; empty: built-in checks.
        """
        ...

    def pack(self) -> str:
        """The digest of the pack that the known checks are of; empty: built-in ones, or none."""
        ...

    def control_state(self) -> ControlState | None:
        """The control state as last put; None: never."""
        ...

    def control_sequence(self) -> int:
        """The number that the broker gave the control state that was put; 0: none was put."""
        ...

    def put_control_state(self, state: ControlState, sequence: int, replaces: int = -1) -> None:
        """Remember the control state, because the broker must not have the only copy.

        Without effect if one with the same or a higher `sequence` was put: whoever read the state
        earlier must not replace a newer one. `replaces` is the sequence of one that is replaced in
        spite of that, since the broker has lost it and counts anew.
        """
        ...

    def leader_report(self) -> LeaderReport:
        """What the leader put last; the defaults if it never did."""
        ...

    def put_leader_report(self, report: LeaderReport) -> None:
        """Replace the report of the leader, which the other coordinators show."""
        ...
