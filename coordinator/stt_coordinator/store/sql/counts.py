"""Counts and days in SQL, and the kept counts of targets that they are read from."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import date, datetime

from stt_coordinator.domain.daily import DayRecord, Fixes, day_of
from stt_coordinator.domain.summary import Tallies, TargetTally
from stt_coordinator.store.ports.locks import LockLedger
from stt_coordinator.store.sql.rows import Columns, listed, packed, text
from stt_coordinator.store.sql.statements import Connection, Statements, queries
from stt_shared.protocol.enums import Family, Kind, Outcome, Severity
from stt_shared.protocol.records import Counts


class KeptCounts(Statements):
    """Which targets a transaction changed, and their rows of `kept_counts`.

    Every row is of one target, so ingesters of different targets never wait for each other.
    """

    sql = queries("counts")

    def __init__(self, connection: Connection, locks: LockLedger) -> None:
        super().__init__(connection)
        self._locks = locks
        self._targets: set[str] = set()
        self._is_every_target = False

    def touch(self, targets: Iterable[str]) -> None:
        """Note that the outcomes, findings or the presence of these targets changed."""
        self._targets.update(targets)

    def touch_all(self) -> None:
        """Note that other checks are enabled."""
        self._is_every_target = True

    def recount(self) -> None:
        """Count the noted targets anew; before counts are read, and at the end of a transaction."""
        if self._is_every_target:
            # Before checks are read: what others count with the old ones must be committed.
            self._locks.counts()
            self.touch(name for (name,) in self._run("counted_targets"))
        if self._targets:
            targets = listed(sorted(self._targets))
            for name in ("forget", "keep_outcomes", "keep_findings"):
                self._run(name, targets=targets)
        self._targets.clear()
        self._is_every_target = False


class SqlCounts(Statements):
    """CountLedger in SQL."""

    sql = queries("counts")

    def __init__(self, connection: Connection, kept: KeptCounts) -> None:
        super().__init__(connection)
        self._kept = kept

    def tallies(self) -> Tallies:
        self._kept.recount()
        kept: defaultdict[str, list[tuple[str, Family, str, int]]] = defaultdict(list)
        for state, site, family, detail, number in self._run("tally_kept"):
            kept[state].append((site, Family(family), detail, number))
        gone_findings: Counter[str] = Counter()
        for site, _, _, number in kept["gone"]:
            gone_findings[site] += number
        return Tallies(
            findings=[(site, f, Severity(detail), n) for site, f, detail, n in kept["open"]],
            accepted=[(site, f, Severity(detail), n) for site, f, detail, n in kept["accepted"]],
            outcomes=[
                (site, family, outcome, Kind(detail) if detail else None, n)
                for outcome in Outcome
                for site, family, detail, n in kept[outcome]
            ],
            targets=[
                TargetTally(site, Family(f), bool(learned), n, state, _instant(asked), _instant(to))
                for site, f, state, learned, n, asked, to in self._run("tally_targets")
            ],
            parts=[
                (site, Family(f), Kind(kind), n) for site, f, kind, n in self._run("tally_parts")
            ],
            checks={Family(family): n for family, n in self._run("tally_checks")},
            gone=[(site, Family(family), n) for site, family, n in self._run("tally_gone")],
            gone_findings=list(gone_findings.items()),
        )

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


def _instant(text: str) -> datetime | None:
    # Stores of earlier releases have it as JSON writes it, with fewer decimals.
    return datetime.fromisoformat(text) if text else None


def day_columns(at: datetime, counts: Counts) -> list[Columns]:
    """The columns of the open findings of a day, one row for each severity."""
    day = day_of(at).isoformat()
    return [
        {"day": day, "severity": str(one), "open": getattr(counts, one), "counted": text(at)}
        for one in Severity
    ]
