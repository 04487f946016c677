"""The port of counts: what is current, what was remembered of each hour, and what of each day."""

from __future__ import annotations

from datetime import date, datetime
from typing import Protocol

from stt_coordinator.domain.daily import DayRecord
from stt_coordinator.domain.summary import SiteTally, Tallies
from stt_shared.protocol.queries.history import FixTime
from stt_shared.protocol.records import Counts


class CountLedger(Protocol):
    """Numbers of findings, outcomes and targets; days are days in UTC.

    Current, open and accepted mean the same as in FindingLedger and OutcomeLedger.
    """

    def tallies(self) -> Tallies:
        """What summaries, status and metrics are made of; rows in no particular order."""
        ...

    def sites(self, late: datetime) -> list[SiteTally]:
        """Every site that has a target, by name.

        A target is late if it is in state `checked` and its `last_started` is earlier than `late`.
        """
        ...

    def put(self, at: datetime, counts: Counts) -> None:
        """Remember the counts of the hour of `at`, replacing those of the same hour.

        They are also the open findings of that day: what is put last stands.
        """
        ...

    def before(self, at: datetime) -> Counts | None:
        """The newest remembered counts at or before `at`."""
        ...

    def days(self, since: date) -> list[DayRecord]:
        """Days from `since` on with anything put or added, by day, then severity.

        `opened` and `resolved` are the sums of `domain.daily.steps` of the events of that day.
        """
        ...

    def last_counted_day(self, before: date) -> date | None:
        """The newest day before `before` for which counts were put."""
        ...

    def fix_times(self, since: date) -> tuple[FixTime, ...]:
        """How long findings that were resolved from the day `since` on were open: `domain.daily`.

        One for each severity, in their order.
        """
        ...
