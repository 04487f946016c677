"""A fleet of six databases, and the rows that each state of it leaves in a store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from stt_coordinator.domain.model import Order, Pair, TargetRecord, WorkerRecord
from stt_coordinator.domain.time.schedule import ENABLE
from stt_coordinator.store.port import Ledger
from stt_shared.checkfile.catalogue import builtin
from stt_shared.identity import finding_id, run_id
from stt_shared.protocol.enums import Change, Family, FindingState, Kind, Outcome, Severity
from stt_shared.protocol.messages import ControlState, Facts, Fix
from stt_shared.protocol.records import Counts, FindingEvent, FindingRecord, RunRecord

LABELS = {"team": "orders"}


READ_MORE = (
    "https://wiki.example/databases/security/accounts/without-a-password?from=stt#what-to-do"
)


SITES = {"eu-west": "eu-1", "us-east": "us-1", "dmz": "dmz-1"}


TARGETS = (
    ("orders-mysql-1", Family.MYSQL, "eu-west", "8.4.6"),
    ("orders-mysql-2", Family.MYSQL, "eu-west", "8.4.6"),
    ("billing-pg-1", Family.POSTGRESQL, "eu-west", "17.6"),
    ("ledger-pg-1", Family.POSTGRESQL, "us-east", "16.10"),
    ("sessions-mongo-1", Family.MONGODB, "us-east", "8.0.13"),
    ("reports-mysql-1", Family.MYSQL, "dmz", "8.0.43"),
)


FAILED = (
    ("reports-mysql-1", "mysql_empty_password", Severity.CRITICAL, "'report'@'%' has no password"),
    ("orders-mysql-2", "mysql_empty_password", Severity.CRITICAL, "'etl'@'%' has no password"),
    ("orders-mysql-1", "mysql_anonymous_users", Severity.MAJOR, "anonymous account ''@'localhost'"),
    ("ledger-pg-1", "postgresql_super_role", Severity.MAJOR, "role deploy is a superuser"),
    ("billing-pg-1", "postgresql_super_role", Severity.TRIVIAL, "role dba is a superuser"),
)


# Remediations as data by target; names of a database are what an attacker chooses.
FIXES = {
    "ledger-pg-1": Fix(
        before="Look at its sessions: <img src=x onerror=alert(1)>.",
        query="SELECT pid FROM pg_stat_activity WHERE usename = '</pre><script>alert(1)</script>';",
        file="pg_hba.conf",
        lines="local all deploy reject",
        statement=("ALTER ROLE deploy NOSUPERUSER;", "SELECT pg_reload_conf();"),
        effect="deploy can no longer read the tables of others.",
        persistent="The server stores it.",
        undo=("ALTER ROLE deploy SUPERUSER;",),
    )
}


DAYS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """A state: what is seeded, and what Home and the badge have to say."""

    words: tuple[str, ...]
    badge: str
    enabled: bool | None = True  # None: never set
    targets: int = len(TARGETS)
    ran: timedelta | None = timedelta(hours=1)  # how long ago; None: never
    answered: int = len(TARGETS)  # of the last run
    is_going_on: bool = False
    fails: bool = True
    down: str = ""  # the site whose worker is missing


@dataclass(frozen=True, slots=True, kw_only=True)
class Seed:
    """The rows of a state as of an instant."""

    state: State
    now: datetime

    @property
    def began(self) -> datetime:
        """When the last run did."""
        return self.now - (self.state.ran or timedelta())

    @property
    def run(self) -> str:
        """The id of the last run."""
        schedule = ENABLE if self.state.is_going_on else "standard"
        return run_id(schedule, self.began)

    def write(self, ledger: Ledger) -> None:
        """Everything, in one transaction."""
        state = self.state
        if state.enabled is not None:
            ledger.fleet.put_control_state(self._control(is_on=state.enabled), 1)
        ledger.fleet.put_targets(map(self._target, range(state.targets)))
        if state.targets:
            ledger.fleet.put_workers(self._worker(site, name) for site, name in SITES.items())
        if state.ran is None:
            return
        ledger.runs.put(self._run())
        ledger.outcomes.put(self._pairs())
        if not state.is_going_on:
            for days in range(DAYS, 0, -1):
                ledger.counts.put(self.now - timedelta(days=days), self._counts(days))
        if state.fails:
            found = [self._finding(place) for place in range(len(FAILED))]
            ledger.findings.put(found)
            ledger.history.add(map(self._opened, found))

    def _control(self, *, is_on: bool) -> ControlState:
        reason = "CHG-4400" if is_on else "migration, CHG-4411"
        since = self.began if self.state.is_going_on else self.now - timedelta(hours=3)
        return ControlState(enabled=is_on, since=since, by="ann", reason=reason)

    def _target(self, place: int) -> TargetRecord:
        name, family, site, version = TARGETS[place]
        row = TargetRecord(
            target=name,
            family=family,
            site=site,
            first_seen=self.now - timedelta(days=DAYS),
            workers=(SITES[site],),
            labels=LABELS,
        )
        if self.state.ran is None or (self.state.is_going_on and place >= self.state.answered):
            return row
        learned = place < self.state.answered
        facts = Facts(
            flavour=str(family),
            version=tuple(map(int, version.split("."))),
            version_text=version,
        )
        return TargetRecord(
            target=name,
            family=family,
            site=site,
            first_seen=row.first_seen,
            workers=row.workers,
            labels=LABELS,
            last_started=self.began,
            learned=learned,
            last_checked=self.began if learned else self.began - timedelta(hours=24),
            kind=None if learned else Kind.UNREACHABLE,
            reason="" if learned else "cannot connect (connection refused)",
            facts=facts,
        )

    def _worker(self, site: str, name: str) -> WorkerRecord:
        is_down = site == self.state.down
        return WorkerRecord(
            worker=name,
            site=site,
            state="down" if is_down else "up",
            version="0.1.0",
            started=self.now - timedelta(days=9),
            last_heard=self.now - timedelta(hours=31 if is_down else 0),
            targets=sum(where == site for _, _, where, _ in TARGETS),
            concurrency=8,
            epoch=f"outbox-of-{name}",
        )

    def _run(self) -> RunRecord:
        state = self.state
        return RunRecord(
            run_id=self.run,
            number=1,
            schedule=ENABLE if state.is_going_on else "standard",
            slot=self.began,
            state="running" if state.is_going_on else "finished",
            jobs=state.targets,
            done=state.answered,
            unanswered=0 if state.is_going_on else state.targets - state.answered,
            started=self.began,
            finished=None if state.is_going_on else self.began + timedelta(seconds=47),
            requested_by="ann" if state.is_going_on else "",
        )

    def _pairs(self) -> Iterator[Pair]:
        failed = {(target, check) for target, check, *_ in FAILED} if self.state.fails else set()
        for place, (name, family, site, _) in enumerate(TARGETS):
            if self.state.is_going_on and place >= self.state.answered:
                return
            is_reached = place < self.state.answered
            for check in builtin().checks.values():
                if check.family is not family:
                    continue
                answer = Outcome.FAILED if (name, check.name) in failed else Outcome.PASSED
                yield Pair(
                    target=name,
                    check=check.name,
                    family=family,
                    site=site,
                    outcome=answer if is_reached else Outcome.ERROR,
                    run_id=self.run,
                    started=self.began,
                    finished=self.began,
                    kind=None if is_reached else Kind.UNREACHABLE,
                    order=Order(1, 1),
                    verdict=Order(1, 1) if is_reached else None,
                )

    def _counts(self, days: int) -> Counts:
        if not self.state.fails:
            return Counts(targets=6, targets_checked=6, passed=300)
        return Counts(
            critical=3 + days % 2 - (days < 9),
            major=2 + days // 4 % 5,
            trivial=1 + days // 3,
            targets=6,
            targets_checked=6,
        )

    def _finding(self, place: int) -> FindingRecord:
        target, check, severity, summary = FAILED[place]
        family, site = next((f, s) for name, f, s, _ in TARGETS if name == target)
        since = self.began - timedelta(days=place * 3)
        what = builtin().checks[check]
        return FindingRecord(
            id=finding_id(target, check, summary),
            target=target,
            family=family,
            site=site,
            check=check,
            state=FindingState.OPEN,
            severity=severity,
            summary=summary,
            first_seen=since,
            since=since,
            last_confirmed=self.began,
            description=what.description,
            remediation=f"-- {summary}\nALTER USER IF EXISTS 'report'@'%' ACCOUNT LOCK;",
            fix=FIXES.get(target),
            read_more_url=READ_MORE,
            evidence=({"user": "report", "host": "%", "plugin": "mysql_native_password"},),
        )

    def _opened(self, found: FindingRecord) -> FindingEvent:
        at = found.since or self.now
        return FindingEvent(change=Change.OPENED, at=at, run_id=self.run, after=found)
