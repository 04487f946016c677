"""Counts and days in SQL."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime

from stt_coordinator.domain.breakdown import Breakdown
from stt_coordinator.domain.coverage import never_run
from stt_coordinator.domain.daily import DayRecord, Fixes, day_of
from stt_coordinator.domain.summary import Tallies
from stt_coordinator.store.sql.rows import Columns, packed, text
from stt_coordinator.store.sql.statements import Statements, queries
from stt_shared.protocol.enums import Family, Kind, Outcome, Severity
from stt_shared.protocol.records import Counts


class SqlCounts(Statements):
    """CountLedger in SQL."""

    sql = queries("counts")

    def tallies(self) -> Tallies:
        return Tallies(
            findings=[
                (site, Severity(severity), n) for site, severity, n in self._run("tally_findings")
            ],
            accepted=self._run("tally_accepted").fetchall(),
            pairs=[
                (site, Outcome(outcome), Kind(kind) if kind else None, n)
                for site, outcome, kind, n in self._run("tally_pairs")
            ],
            targets=[
                (site, Family(family), bool(learned), n)
                for site, family, learned, n in self._run("tally_targets")
            ],
            parts=self._run("tally_parts").fetchall(),
            checks=self._checks(),
            gone=self._gone(),
            gone_findings=self._run("tally_gone_findings").fetchall(),
        )

    def _checks(self) -> dict[Family, int]:
        return {Family(family): n for family, n in self._run("tally_checks")}

    def _gone(self) -> list[tuple[str, Family, int]]:
        return [(site, Family(family), n) for site, family, n in self._run("tally_gone")]

    def _missing(self) -> Iterator[tuple[str, Family, Kind, int]]:
        checks = self._checks()
        present = [(site, Family(f), n) for site, f, _, n in self._run("tally_targets")]
        by_site = dict[str, int](self._run("tally_run").fetchall())
        # First by site, from an index: by family it takes seconds, and mostly nothing is missing.
        if never_run(present, checks, by_site):
            run = {(site, Family(f)): n for site, f, n in self._run("tally_run_by_family")}
            wanted = [((site, family), family, n) for site, family, n in present]
            for (site, family), number in never_run(wanted, checks, run).items():
                yield site, family, Kind.NOT_RUN, number
        for site, family, number in self._gone():
            yield site, family, Kind.GONE, number * checks.get(family, 0)

    def breakdown(self) -> Breakdown:
        return Breakdown(
            findings=self._by_severity("break_down_findings"),
            accepted=self._by_severity("break_down_accepted"),
            not_checked=[*self._by_kind("break_down_pairs"), *self._missing()],
            parts=self._by_kind("break_down_parts"),
        )

    def _by_severity(self, name: str) -> list[tuple[str, Family, Severity, int]]:
        found = self._run(name)
        return [
            (site, Family(family), Severity(severity), n) for site, family, severity, n in found
        ]

    def _by_kind(self, name: str) -> list[tuple[str, Family, Kind, int]]:
        return [(site, Family(family), Kind(kind), n) for site, family, kind, n in self._run(name)]

    def put(self, at: datetime, counts: Counts) -> None:
        hour = text(at.replace(minute=0, second=0, microsecond=0))
        self._run("put", hour=hour, at=text(at), data=packed(counts))
        self._each("put_day", day_columns(at, counts))

    def before(self, at: datetime) -> Counts | None:
        return self._one(Counts, "before", at=text(at))

    def days(self, since: date) -> list[DayRecord]:
        return [
            DayRecord(
                day=date.fromisoformat(day),
                severity=Severity(severity),
                open=there,
                opened=opened,
                resolved=resolved,
            )
            for day, severity, there, opened, resolved in self._run("days", since=since.isoformat())
        ]

    def last_counted_day(self, before: date) -> date | None:
        found = self._run("last_counted_day", before=before.isoformat()).fetchone()
        return None if found is None else date.fromisoformat(found[0])

    def fixes(self, since: date) -> list[Fixes]:
        return [
            Fixes(severity=Severity(severity), minutes=minutes, number=number)
            for severity, minutes, number in self._run("fixes", since=since.isoformat())
        ]


def day_columns(at: datetime, counts: Counts) -> list[Columns]:
    """The columns of the open findings of a day, one row for each severity."""
    day = day_of(at).isoformat()
    return [
        {"day": day, "severity": str(one), "open": getattr(counts, one), "counted": text(at)}
        for one in Severity
    ]
