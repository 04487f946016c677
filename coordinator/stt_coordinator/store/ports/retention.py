"""The port of retention: what is old enough to be deleted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from stt_coordinator.domain.time.clocks import ClockRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """The ages of `prune`: what is older than `full`, `daily` or `audit` is deleted.

    full: jobs (by the slot of their run), results, rejected messages, history, hourly counts and
    resolved findings; daily: runs without jobs, days and fixes; audit: the audit trail.
    """

    full: datetime
    daily: datetime
    audit: datetime


class RetentionLedger(Protocol):
    """Deletes what is old, in steps, and keeps what the clocks agreed on."""

    def prune(self, before: Before, limit: int) -> Mapping[str, int]:
        """Delete at most `limit` rows in all; the number by kind.

        Of rejected messages only the newest `results.MAX_REJECTED` stay, however young others are.

        The kinds are jobs, runs, results, rejected, history, counts, findings, daily, fixes, audit.
        Jobs go before their runs. What is current stays however old it is: findings that are not
        resolved, latest outcomes, targets, suppressions, runs in state `running`.
        """
        ...

    def clock(self) -> ClockRecord | None:
        """What was put last, or None."""
        ...

    def put_clock(self, record: ClockRecord) -> None:
        """Replace what the clocks agreed on last."""
        ...

    def ahead_of(self, latest: datetime) -> dict[str, int]:
        """How many rows have an instant > `latest`, by kind; kinds without any are left out.

        The kinds are runs (by their slot), results, rejected, history, counts and audit.
        """
        ...
