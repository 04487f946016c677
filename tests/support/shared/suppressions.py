"""A suppression, a finding in its scope, and the labels of three targets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from stt_shared.protocol.enums import Family, FindingState, Severity
from stt_shared.protocol.records import FindingRecord
from stt_shared.protocol.suppressions import SuppressionRecord
from stt_shared.suppression.rule import Suppressor

NOW = datetime(2026, 11, 23, 16, 30, tzinfo=UTC)
DAY = timedelta(days=1)
TODAY = NOW.date()
LABELS = {"t1": {"team": "orders", "tier": "1"}, "t2": {"team": "shop"}}


def suppression(**changes: object) -> SuppressionRecord:
    values: dict[str, object] = {
        "id": "x_a",
        "check": "c1",
        "target": "t1",
        "until": TODAY + 30 * DAY,
        "reason": "proxy only",
        "by": "ann",
        "created": NOW,
    }
    return SuppressionRecord(**(values | changes))  # type: ignore[arg-type]


def finding(**changes: object) -> FindingRecord:
    values: dict[str, object] = {
        "id": "f_1",
        "target": "t1",
        "family": Family.MYSQL,
        "site": "eu",
        "check": "c1",
        "state": FindingState.OPEN,
        "severity": Severity.MAJOR,
        "summary": "something",
        "first_seen": NOW,
        "last_confirmed": NOW,
        "since": NOW,
    }
    return FindingRecord(**(values | changes))  # type: ignore[arg-type]


def suppressor_of(*made: SuppressionRecord) -> Suppressor:
    return Suppressor(made, LABELS)
