"""Counts and days in SQL, and the kept counts and sums that they are read from."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from itertools import islice

from stt_coordinator.domain.daily import DayRecord, day_of
from stt_coordinator.domain.summary import SiteTally, Tallies, TargetTally
from stt_coordinator.store.ports.locks import LockLedger
from stt_coordinator.store.sql.rows import Columns, listed, packed, text
from stt_coordinator.store.sql.statements import Connection, Statements, queries
from stt_shared.protocol.enums import Family, Kind, Outcome, Severity
from stt_shared.protocol.queries.history import FixTime
from stt_shared.protocol.records import Counts

_OUTCOME_KEY = ("outcome", "site", "family", "kind")
_FINDING_KEY = ("state", "check_name", "site", "family", "severities")
_FINDING_SUMS = ("targets", *map(str, Severity))
COUNTED_AT_ONCE = 500  # targets in a statement
SEVERITY_BITS = {Severity.CRITICAL: 1, Severity.MAJOR: 2, Severity.TRIVIAL: 4}


class KeptCounts(Statements):
    """Which targets a transaction changes, their kept counts, and what the sums change by.

    Every row of `kept_counts` is of one target, so ingesters of different targets never wait for
    each other there. Sums are changed by differences, in rows of a slot: a store that several
    coordinators write gives each its own. Only those of the same slot wait for each other.
    """

    sql = queries("counts")

    def __init__(self, connection: Connection, locks: LockLedger, slot: int = 0) -> None:
        super().__init__(connection)
        self._locks = locks
        self._slot = slot
        self._of_outcomes: set[str] = set()
        self._of_findings: set[str] = set()
        self._is_every_target = False
        self._outcomes: Counter[tuple[str, ...]] = Counter()  # what sums change by
        self._findings: dict[tuple[str | int, ...], list[int]] = {}

    def touch_outcomes(self, targets: Iterable[str]) -> None:
        """Note that outcomes of these targets change."""
        self._of_outcomes.update(targets)

    def touch_findings(self, targets: Iterable[str]) -> None:
        """Note that findings of these targets change; before they do, or sums count them twice."""
        new = set(targets) - self._of_findings
        if new:
            self._sum_findings(new, -1)
            self._of_findings |= new

    def touch_targets(self, targets: Iterable[str]) -> None:
        """Note that these targets are gone from now on, or there again; before they are."""
        changed = set(targets)
        self.touch_outcomes(changed)
        self.touch_findings(changed)

    def touch_all(self) -> None:
        """Note that other checks are enabled."""
        self._is_every_target = True

    def drop_resolved(self, rows: Iterable[tuple[str, str, str, str, str]]) -> None:
        """Note that resolved findings are deleted: target, check, site, family and severity."""
        for target, *place, severity in rows:
            # Those of a touched target are counted when it is counted anew.
            if target not in self._of_findings:
                bit = SEVERITY_BITS[Severity(severity)]
                numbers = [0, *(int(one == bit) for one in SEVERITY_BITS.values())]
                self._add_findings(("resolved", *place, bit), numbers, -1)

    def drop_empty(self) -> None:
        """Delete sums of the slot that are 0, such as those of sites and checks that are gone."""
        for name in ("drop_empty_outcomes", "drop_empty_findings"):
            self._run(name, slot=self._slot)

    def recount(self) -> None:
        """Count the noted targets anew; before counts are read, and at the end of a transaction."""
        outcomes, findings = set(self._of_outcomes), set(self._of_findings)
        if self._is_every_target:
            # Before checks are read: what others count with the old ones must be committed.
            self._locks.counts()
            every = {name for (name,) in self._run("counted_targets")}
            outcomes |= every
            findings |= every
        for targets in _few_at_once(outcomes):
            self._sum_outcomes(targets, -1)
            self._run("forget_outcomes", targets=targets)
            self._run("keep_outcomes", targets=targets)
            self._sum_outcomes(targets, 1)
        for targets in _few_at_once(findings):
            self._run("forget_findings", targets=targets)
            self._run("keep_findings", targets=targets)
        # Not of every target: these sums do not depend on which checks are enabled.
        self._sum_findings(self._of_findings, 1)
        self._of_outcomes.clear()
        self._of_findings.clear()
        self._is_every_target = False
        self._put_sums()

    def _sum_outcomes(self, targets: str, sign: int) -> None:
        for *key, number in self._run("sum_outcomes", targets=targets):
            self._outcomes[tuple(key)] += sign * number

    def _sum_findings(self, targets: Iterable[str], sign: int) -> None:
        for few in _few_at_once(targets):
            for row in self._run("sum_findings", targets=few):
                self._add_findings(row[:5], row[5:], sign)

    def _add_findings(self, key: tuple[str | int, ...], numbers: Sequence[int], sign: int) -> None:
        sums = self._findings.setdefault(key, [0] * len(numbers))
        for place, number in enumerate(numbers):
            sums[place] += sign * number

    def _put_sums(self) -> None:
        """Add the differences; last of all, and sorted: these rows are those of many targets."""
        slot = {"slot": self._slot}
        self._each(
            "add_outcomes",
            (
                {**dict(zip(_OUTCOME_KEY, key, strict=True)), **slot, "number": number}
                for key, number in sorted(self._outcomes.items())
                if number
            ),
        )
        self._each(
            "add_findings",
            (
                {
                    **dict(zip(_FINDING_KEY, key, strict=True)),
                    **slot,
                    **dict(zip(_FINDING_SUMS, numbers, strict=True)),
                }
                for key, numbers in sorted(self._findings.items())
                if any(numbers)
            ),
        )
        self._outcomes.clear()
        self._findings.clear()


class SqlCounts(Statements):
    """CountLedger in SQL."""

    sql = queries("counts")

    def __init__(self, connection: Connection, kept: KeptCounts) -> None:
        super().__init__(connection)
        self._kept = kept

    def tallies(self) -> Tallies:
        self._kept.recount()
        found: defaultdict[str, list[tuple[str, Family, Severity, int]]] = defaultdict(list)
        for state, site, family, *numbers in self._run("tally_findings"):
            found[state] += [
                (site, Family(family), severity, number)
                for severity, number in zip(SEVERITY_BITS, numbers, strict=True)
                if number
            ]
        gone_findings: Counter[str] = Counter()
        for site, _, _, number in found["gone"]:
            gone_findings[site] += number
        return Tallies(
            findings=found["open"],
            accepted=found["accepted"],
            outcomes=[
                (site, Family(family), Outcome(outcome), Kind(kind) if kind else None, number)
                for outcome, site, family, kind, number in self._run("tally_outcomes")
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

    def sites(self, late: datetime) -> list[SiteTally]:
        gone: Counter[str] = Counter()
        for site, _, number in self._run("tally_gone"):
            gone[site] += number
        found = {
            site: SiteTally(site, number, unchecked, behind, _instant(to), gone[site])
            for site, number, unchecked, behind, to in self._run("sites", late=text(late))
        }
        left = {site: SiteTally(site, gone=gone[site]) for site in gone.keys() - found.keys()}
        return [tally for _, tally in sorted({**found, **left}.items())]

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

    def fix_times(self, since: date) -> tuple[FixTime, ...]:
        found = {
            severity: FixTime(
                severity=Severity(severity), fixed=fixed, median_s=60 * half, p90_s=60 * most
            )
            for severity, fixed, half, most in self._run("fix_times", since=since.isoformat())
        }
        return tuple(found.get(one, FixTime(severity=one, fixed=0)) for one in Severity)


def _few_at_once(targets: Iterable[str]) -> Iterator[str]:
    """Lists of the targets, in order, each short enough for one statement.

    Of more findings than its memory has room for PostgreSQL compares each with each target in the
    list: of 20,000 targets a statement would take longer than it may.
    """
    rest = iter(sorted(targets))
    while few := list(islice(rest, COUNTED_AT_ONCE)):
        yield listed(few)


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
