"""Jobs of a run with random outcomes, and random suppressions of every scope."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import timedelta

from stt_coordinator.domain.model import JobRecord, JobState
from stt_shared.identity import finding_id
from stt_shared.protocol.enums import Kind, Outcome, Severity
from stt_shared.protocol.messages import CheckOutcome, Finding, PartNotChecked
from stt_shared.protocol.suppressions import SuppressionRecord
from tests.support.coordinator.store_rows import NOW, job, suppression

SITES = ("eu", "us")
CHECKS = ("c1", "c2", "c3", "c4")
KEYS = ("a", "b", "c")
LABELS: tuple[dict[str, str], ...] = ({"tier": "1"}, {"tier": "2", "team": "x"}, {})
ENDS = (
    (Outcome.PASSED, None),
    (Outcome.FAILED, None),
    (Outcome.ERROR, Kind.UNREACHABLE),
    (Outcome.SKIPPED, Kind.NOT_APPLICABLE),
    (Outcome.SKIPPED, Kind.UNDECIDED),
)


def answered(dice: random.Random, name: str, run_id: str = "standard-1") -> JobRecord:
    """A job with outcomes, some with several findings of one key; or without any."""
    outcomes = tuple(_outcome(dice, check) for check in CHECKS if dice.random() < 0.8)
    return job(
        name, run_id, state=JobState.DONE, site=dice.choice(SITES), outcomes=outcomes, started=NOW
    )


def _outcome(dice: random.Random, check: str) -> CheckOutcome:
    end, kind = dice.choice(ENDS)
    findings = tuple(
        Finding(key=dice.choice(KEYS), severity=dice.choice(list(Severity)), summary="something")
        for _ in range(dice.randrange(4) if end is Outcome.FAILED else 0)
    )
    parts = tuple(
        PartNotChecked(name=name, kind=Kind.UNREACHABLE, reason="away")
        for name in ("db1", "db2")
        if dice.random() < 0.2
    )
    return CheckOutcome(
        check=check, outcome=end, kind=kind, findings=findings, parts_not_checked=parts
    )


def suppressions(
    dice: random.Random, targets: Sequence[str], number: int
) -> list[SuppressionRecord]:
    """Of every scope, live and revoked ones, of some targets several."""
    return [_suppression(dice, f"x_{place}", targets) for place in range(number)]


def _suppression(dice: random.Random, id_: str, targets: Sequence[str]) -> SuppressionRecord:
    check, target = dice.choice(CHECKS), dice.choice(targets)
    id_of_one = finding_id(target, check, dice.choice(KEYS))
    site, label = dice.choice(SITES), dice.choice(["tier=1", "tier=2", "team=x"])
    scope: dict[str, object] = dice.choice(
        [
            {"finding": id_of_one, "target": target},
            {"target": target},
            {"target": "", "site": site},
            {"target": "", "label": label},
            {"target": "", "site": site, "severity": dice.choice(list(Severity))},
        ]
    )
    revoked = NOW if dice.random() < 0.2 else None
    created = NOW + timedelta(seconds=dice.randrange(9))
    return suppression(id_, check=check, created=created, revoked=revoked, **scope)
