"""Counts and days in memory."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime

from stt_coordinator.domain.coverage import enabled_checks
from stt_coordinator.domain.daily import DayRecord, Fixes, day_of, fix_times
from stt_coordinator.domain.model import TargetRecord
from stt_coordinator.domain.summary import SiteTally, Tallies, TargetTally
from stt_coordinator.store.memory.tables import (
    Rows,
    current_findings,
    current_outcomes,
    gone_findings,
    parts_not_checked,
)
from stt_shared.protocol.enums import Family, Severity
from stt_shared.protocol.queries.history import FixTime
from stt_shared.protocol.records import Counts


class MemoryCounts(Rows):
    """CountLedger in memory."""

    def tallies(self) -> Tallies:
        accepted = current_findings(self._t, accepted=True)
        findings = Counter((f.site, f.family, f.severity) for f in current_findings(self._t))
        accepted_findings = Counter((f.site, f.family, f.severity) for f in accepted)
        outcomes = Counter(
            (one.site, one.family, one.outcome, one.kind) for one in current_outcomes(self._t)
        )
        parts = Counter(
            (one.site, one.family, part.kind) for one, part in parts_not_checked(self._t).values()
        )
        gone = Counter((one.site, one.family) for one in self._t.targets.values() if one.gone)
        return Tallies(
            findings=[(*key, n) for key, n in findings.items()],
            accepted=[(*key, n) for key, n in accepted_findings.items()],
            outcomes=[(*key, n) for key, n in outcomes.items()],
            targets=list(self._targets()),
            parts=[(*key, n) for key, n in parts.items()],
            checks=enabled_checks(self._t.checks.values()),
            gone=[(*key, n) for key, n in gone.items()],
            gone_findings=list(Counter(f.site for f in gone_findings(self._t)).items()),
        )

    def _targets(self) -> Iterator[TargetTally]:
        groups: defaultdict[tuple[str, Family, bool, str], list[TargetRecord]] = defaultdict(list)
        for row in self._t.targets.values():
            if not row.gone:
                groups[row.site, row.family, row.learned, row.state].append(row)
        for (site, family, learned, state), rows in groups.items():
            asked = [row.last_started for row in rows if row.last_started is not None]
            to = [row.last_checked for row in rows if row.last_checked is not None]
            newest = max(asked, default=None), max(to, default=None)
            yield TargetTally(site, family, learned, len(rows), state, *newest)

    def sites(self, late: datetime) -> list[SiteTally]:
        groups: defaultdict[str, list[TargetRecord]] = defaultdict(list)
        for row in self._t.targets.values():
            groups[row.site].append(row)
        return [_site(site, rows, late) for site, rows in sorted(groups.items())]

    def put(self, at: datetime, counts: Counts) -> None:
        self._t.counts[at.replace(minute=0, second=0, microsecond=0)] = (at, counts)
        day = day_of(at)
        for severity in Severity:
            known = self._t.daily.get((day, severity), DayRecord(day=day, severity=severity))
            self._t.daily[day, severity] = replace(known, open=getattr(counts, severity))

    def before(self, at: datetime) -> Counts | None:
        old = [entry for entry in self._t.counts.values() if entry[0] <= at]
        return max(old, key=lambda entry: entry[0])[1] if old else None

    def days(self, since: date) -> list[DayRecord]:
        return [row for (day, _), row in sorted(self._t.daily.items()) if day >= since]

    def last_counted_day(self, before: date) -> date | None:
        counted = (row.day for row in self._t.daily.values() if row.open is not None)
        return max((day for day in counted if day < before), default=None)

    def fix_times(self, since: date) -> tuple[FixTime, ...]:
        return fix_times(
            Fixes(severity=severity, minutes=minutes, number=number)
            for (day, severity, minutes), number in self._t.fixes.items()
            if day >= since
        )


def _site(site: str, rows: list[TargetRecord], late: datetime) -> SiteTally:
    there = [row for row in rows if not row.gone]
    asked = (row.last_started for row in there if row.state == "checked")
    return SiteTally(
        site=site,
        targets=len(there),
        unchecked=sum(row.state != "checked" for row in there),
        late=sum(at is not None and at < late for at in asked),
        checked=max((row.last_checked for row in there if row.last_checked), default=None),
        gone=len(rows) - len(there),
    )
