"""Counts and days in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime

from stt_coordinator.domain.breakdown import Breakdown
from stt_coordinator.domain.coverage import enabled_checks, never_run
from stt_coordinator.domain.daily import DayRecord, Fixes, day_of
from stt_coordinator.domain.summary import Tallies
from stt_coordinator.store.memory import current
from stt_coordinator.store.memory.tables import Rows
from stt_shared.protocol.enums import Family, Kind, Severity
from stt_shared.protocol.records import Counts


class MemoryCounts(Rows):
    """CountLedger in memory."""

    def tallies(self) -> Tallies:
        accepted = Counter(one.site for one in current.findings(self._t, accepted=True))
        findings = Counter((one.site, one.severity) for one in current.findings(self._t))
        pairs = Counter((one.site, one.outcome, one.kind) for one in current.outcomes(self._t))
        there = (one for one in self._t.targets.values() if not one.gone)
        targets = Counter((one.site, one.family, one.learned) for one in there)
        parts = Counter(one.site for one, _ in current.parts(self._t).values())
        return Tallies(
            findings=[(*key, n) for key, n in findings.items()],
            accepted=list(accepted.items()),
            pairs=[(*key, n) for key, n in pairs.items()],
            targets=[(*key, n) for key, n in targets.items()],
            parts=list(parts.items()),
            checks=enabled_checks(self._t.checks.values()),
            gone=[(*key, n) for key, n in self._gone().items()],
            gone_findings=list(Counter(f.site for f in current.gone_findings(self._t)).items()),
        )

    def _gone(self) -> Counter[tuple[str, Family]]:
        return Counter((one.site, one.family) for one in self._t.targets.values() if one.gone)

    def _missing(self) -> Iterator[tuple[str, Family, Kind, int]]:
        there = (one for one in self._t.targets.values() if not one.gone)
        present = Counter((one.site, one.family) for one in there)
        run = Counter((one.site, one.family) for one in current.outcomes(self._t))
        checks = enabled_checks(self._t.checks.values())
        wanted = [(key, key[1], n) for key, n in present.items()]
        for (site, family), number in never_run(wanted, checks, run).items():
            yield site, family, Kind.NOT_RUN, number
        for (site, family), number in self._gone().items():
            yield site, family, Kind.GONE, number * checks.get(family, 0)

    def breakdown(self) -> Breakdown:
        accepted = current.findings(self._t, accepted=True)
        by_severity = Counter((f.site, f.family, f.severity) for f in current.findings(self._t))
        accepted_by_severity = Counter((f.site, f.family, f.severity) for f in accepted)
        not_checked = Counter(
            (one.site, one.family, one.kind)
            for one in current.outcomes(self._t)
            if one.kind is not None and one.kind is not Kind.NOT_APPLICABLE
        )
        parts = Counter(
            (one.site, one.family, part.kind) for one, part in current.parts(self._t).values()
        )
        return Breakdown(
            findings=[(*key, n) for key, n in by_severity.items()],
            accepted=[(*key, n) for key, n in accepted_by_severity.items()],
            not_checked=[*((*key, n) for key, n in not_checked.items()), *self._missing()],
            parts=[(*key, n) for key, n in parts.items()],
        )

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

    def fixes(self, since: date) -> list[Fixes]:
        found: Counter[tuple[Severity, int]] = Counter()
        for (day, severity, minutes), number in self._t.fixes.items():
            found[severity, minutes] += number * (day >= since)
        return [
            Fixes(severity=severity, minutes=minutes, number=number)
            for (severity, minutes), number in sorted(found.items())
            if number
        ]
