"""The rows that a large fleet leaves in a store after a year; the same for the same arguments.

What a store keeps for a year is there for a year, what it keeps for 30 days for 30 days.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from msgspec.structs import replace

from stt_coordinator.domain.model import TargetRecord, WorkerRecord
from stt_shared.checkfile.catalogue import builtin
from stt_shared.checkfile.model import Check
from stt_shared.identity import finding_id, run_id
from stt_shared.protocol.audit import AuditEntry
from stt_shared.protocol.control import CheckInfo
from stt_shared.protocol.enums import (
    Change,
    Family,
    FindingState,
    Interval,
    Kind,
    Severity,
    Way,
)
from stt_shared.protocol.messages import Facts
from stt_shared.protocol.records import Acceptance, Counts, FindingEvent, FindingRecord, RunRecord
from stt_shared.protocol.suppressions import SuppressionRecord

SITES = 20
FULL_DAYS = 30
CHANGES_A_DAY = 600  # half of them opened, half resolved
RUNS_WITH_OUTCOMES = 2  # the newest ones, which a diff compares; 60 MB each
ACCEPTED_EVERY = 30  # one finding of so many is accepted
UNCHECKED_EVERY = 50  # one target of so many could not be reached
EXCEPTIONS = 400
AUDITS = 2_000
SEVERITIES = (Severity.CRITICAL, *[Severity.MAJOR] * 5, *[Severity.TRIVIAL] * 6)
TEXT = "The account can be used from anywhere and has a password that was leaked before. " * 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How large the fleet is, and for how long it was looked at."""

    targets: int = 2_000
    findings: int = 60_000
    days: int = 365


class Fleet:
    """The rows of a fleet of a size, as of an instant; the same for the same arguments."""

    def __init__(self, size: Size, now: datetime) -> None:
        self.size = size
        self.now = now
        self.chance = random.Random(1)
        self.checks = tuple(builtin().checks.values())
        self.of_family = {
            family: tuple(one for one in self.checks if one.family is family) for family in Family
        }
        self.targets = tuple(map(self._target, range(size.targets)))
        self.today = now.replace(hour=0, minute=0, second=0, microsecond=0)
        self.runs = self._every_run()
        self.standard = [one for one in self.runs if one.schedule == Interval.STANDARD]

    def _target(self, number: int) -> TargetRecord:
        family = (Family.MYSQL, Family.POSTGRESQL, Family.MYSQL, Family.MONGODB)[number % 4]
        silent = number % UNCHECKED_EVERY == 0
        return TargetRecord(
            target=f"t{number:05}",
            family=family,
            site=f"site-{number % SITES:02}",
            first_seen=self.now - timedelta(days=self.size.days),
            labels={"team": f"team-{number % 40}", "tier": "1"},
            workers=(f"w{number % (2 * SITES):02}",),
            last_started=self.now - timedelta(hours=6),
            learned=not silent,
            last_checked=self.now - timedelta(hours=30 if silent else 6),
            kind=Kind.UNREACHABLE if silent else None,
            reason="cannot connect (connection refused)" if silent else "",
            facts=Facts(flavour=str(family), version=(8, 4, 6), version_text="8.4.6"),
        )

    def workers(self) -> Iterator[WorkerRecord]:
        for number in range(2 * SITES):
            yield WorkerRecord(
                worker=f"w{number:02}",
                site=f"site-{number % SITES:02}",
                state="up",
                version="0.1.0",
                started=self.now - timedelta(days=9),
                last_heard=self.now,
                targets=self.size.targets // (2 * SITES),
                concurrency=8,
            )

    def findings(self) -> Iterator[FindingRecord]:
        """The open ones, old ones first; then the resolved ones that are still kept."""
        resolved = FULL_DAYS * CHANGES_A_DAY // 2
        for number in range(self.size.findings + resolved):
            target = self.targets[number % len(self.targets)]
            checks = self.of_family[target.family]
            turn = number // len(self.targets)
            yield self._finding(number, target, checks[turn % len(checks)])

    def _finding(self, number: int, target: TargetRecord, check: Check) -> FindingRecord:
        is_open = number < self.size.findings
        fraction = number / self.size.findings if is_open else 0.9
        since = self.now - timedelta(days=self.size.days * (1 - fraction), seconds=number % 3_600)
        name = f"'account_{number % 97}'@'%'"
        ended = self.now - timedelta(seconds=(number * 8_641) % (FULL_DAYS * 86_400))
        return FindingRecord(
            id=finding_id(target.target, check.name, f"{name}{number}"),
            target=target.target,
            family=target.family,
            site=target.site,
            check=check.name,
            state=FindingState.OPEN if is_open else FindingState.RESOLVED,
            severity=SEVERITIES[self.chance.randrange(len(SEVERITIES))],
            summary=f"Account {name} without a password",
            first_seen=since,
            last_confirmed=self.now - timedelta(hours=6),
            since=since,
            object=name,
            description=TEXT,
            remediation=f"ALTER USER {name} IDENTIFIED BY RANDOM PASSWORD;",
            evidence=({"user": name, "host": "%", "plugin": "caching_sha2_password"},),
            resolved_at=None if is_open else ended,
            accepted=self._accepted(number) if is_open and not number % ACCEPTED_EVERY else None,
        )

    def _accepted(self, number: int) -> Acceptance:
        until = (self.now + timedelta(days=90)).date()
        return Acceptance(
            exception=f"x_{number % EXCEPTIONS:05}", until=until, by="ann", reason="proxy only"
        )

    def suppressions(self) -> Iterator[SuppressionRecord]:
        for number in range(EXCEPTIONS):
            yield SuppressionRecord(
                id=f"x_{number:05}",
                reason="proxy only, CHG-4411",
                by="ann",
                created=self.now - timedelta(hours=number),
                check=self.checks[number % len(self.checks)].name,
                target=self.targets[number % len(self.targets)].target,
                until=(self.now + timedelta(days=90)).date(),
            )

    def events(self, findings: list[FindingRecord]) -> Iterator[FindingEvent]:
        """CHANGES_A_DAY for as long as they are kept, oldest first."""
        number = FULL_DAYS * CHANGES_A_DAY
        step = timedelta(days=FULL_DAYS) / number
        some = findings[-number:]
        for place, record in enumerate(some):
            is_over = record.state is FindingState.RESOLVED
            before = replace(record, state=FindingState.OPEN, resolved_at=None)
            yield FindingEvent(
                change=Change.RESOLVED if is_over else Change.OPENED,
                at=self.now - timedelta(days=FULL_DAYS) + place * step,
                run_id=self.standard[-1].run_id,
                after=record,
                before=before if is_over else None,
            )

    def _every_run(self) -> list[RunRecord]:
        """Of every schedule, oldest first."""
        hours = {Interval.STANDARD: 24, Interval.RARE: 78, Interval.FREQUENT: 4}
        found = [
            self._run(schedule, self.today - timedelta(hours=every * number))
            for schedule, every in hours.items()
            for number in range(self.size.days * 24 // every)
        ]
        found.sort(key=lambda run: (run.slot, run.schedule))
        return [replace(run, number=number) for number, run in enumerate(found, start=1)]

    def _run(self, schedule: str, slot: datetime) -> RunRecord:
        number = len(self.targets)
        return RunRecord(
            run_id=run_id(schedule, slot),
            schedule=schedule,
            slot=slot,
            state="finished",
            jobs=number,
            done=number,
            started=slot,
            finished=slot + timedelta(minutes=4),
        )

    def audit(self) -> Iterator[AuditEntry]:
        for number in range(AUDITS):
            at = self.now - timedelta(hours=4 * (AUDITS - number))
            yield AuditEntry(at=at, by="ann", way=Way.PAGE, did="accept", what=f"x_{number}")

    def counts(self) -> Iterator[tuple[datetime, Counts]]:
        """Every hour of the days that are kept in full, oldest first; before them once a day."""
        hours = [*range(24 * self.size.days, 24 * FULL_DAYS, -24), *range(24 * FULL_DAYS, 0, -1)]
        for hour in hours:
            there = self.size.findings * (1 - hour / 24 / self.size.days)
            yield (
                self.now - timedelta(hours=hour),
                Counts(
                    critical=int(there / 12),
                    major=int(there * 5 / 12),
                    trivial=int(there / 2),
                    targets=len(self.targets),
                    targets_checked=len(self.targets),
                ),
            )

    def infos(self) -> list[CheckInfo]:
        return [
            CheckInfo(
                check=one.name,
                family=one.family,
                summary=one.summary,
                interval=one.interval,
                digest=one.digest,
                enabled=True,
            )
            for one in self.checks
        ]
