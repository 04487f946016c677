"""The ledger in SQLite: each method is a statement of queries.sql; runs in the store's thread."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime

from stt_coordinator.domain.breakdown import Breakdown
from stt_coordinator.domain.daily import steps
from stt_coordinator.domain.model import JobRow, JobState, Pair, TargetRow, WorkerRow
from stt_coordinator.domain.summary import Tallies
from stt_coordinator.store import rows as columns
from stt_coordinator.store.port import (
    EVERY,
    EventPlace,
    FindingPlace,
    Grouped,
    OutboxRow,
    Place,
    RawResult,
    Rejected,
)
from stt_coordinator.store.rows import listed, packed, text, unpacked
from stt_coordinator.store.sqlite.days import Days
from stt_coordinator.store.sqlite.statements import Statements
from stt_shared import clock
from stt_shared.bus.port import Outgoing
from stt_shared.protocol.audit import AuditEntry
from stt_shared.protocol.control import CheckInfo
from stt_shared.protocol.enums import Family, Kind, Outcome, Severity
from stt_shared.protocol.exceptions import ExceptionRecord
from stt_shared.protocol.findings import FindingsRequest
from stt_shared.protocol.messages import ControlState, PartNotChecked, TargetPart, Watermark
from stt_shared.protocol.records import Counts, FindingEvent, FindingRecord, RunRecord

LAST_CHARACTER = "\U0010ffff"  # sorts behind every text that goes on from a prefix
LAST_POSITION = 2**63 - 1


class _Runs(Statements):
    def run(self, run_id: str) -> RunRecord | None:
        return self._one(RunRecord, "run", run_id=run_id)

    def put_run(self, run: RunRecord) -> None:
        self._each("put_run", [columns.of_run(run)])

    def runs(self, limit: int, before: Place | None = None) -> list[RunRecord]:
        slot, run_id = before or Place(LAST_CHARACTER, "")
        return self._all(RunRecord, "runs", slot=slot, run_id=run_id, limit=limit)

    def running(self) -> list[RunRecord]:
        return self._all(RunRecord, "running")

    def last_run(self) -> RunRecord | None:
        return self._one(RunRecord, "last_run")

    def run_before(self, run: RunRecord) -> RunRecord | None:
        slot = text(run.slot)
        alike = self._one(RunRecord, "run_before", schedule=run.schedule, slot=slot)
        return alike or self._one(RunRecord, "any_run_before", slot=slot)

    def last_slots(self) -> dict[str, datetime]:
        return {schedule: clock.from_text(slot) for schedule, slot in self._run("last_slots")}

    def put_slot(self, schedule: str, slot: datetime) -> None:
        self._run("put_slot", schedule=schedule, slot=text(slot))

    def put_jobs(self, jobs: Iterable[JobRow]) -> None:
        self._each("put_job", map(columns.of_job, jobs))

    def jobs(self, ids: Iterable[str]) -> dict[str, JobRow]:
        return {job.job_id: job for job in self._all(JobRow, "jobs", ids=listed(ids))}

    def followers(self, ids: Iterable[str]) -> list[JobRow]:
        return self._all(JobRow, "followers", ids=listed(ids))

    def outstanding(self, targets: Iterable[str]) -> dict[str, JobRow]:
        return {j.target: j for j in self._all(JobRow, "outstanding", targets=listed(targets))}

    def open_jobs(self, limit: int) -> list[JobRow]:
        return self._all(JobRow, "open_jobs", limit=limit)

    def dispatchable(self, now: datetime, limit: int) -> list[JobRow]:
        return self._all(JobRow, "dispatchable", now=text(now), limit=limit)

    def overdue(self, now: datetime, limit: int) -> list[JobRow]:
        return self._all(JobRow, "overdue", now=text(now), limit=limit)

    def jobs_of_run(self, run_id: str, first_target: str, limit: int) -> list[JobRow]:
        return self._all(
            JobRow, "jobs_of_run", run_id=run_id, first_target=first_target, limit=limit
        )

    def tally_jobs(self, run_id: str) -> dict[JobState, int]:
        return {JobState(state): n for state, n in self._run("tally_jobs", run_id=run_id)}

    def add_results(self, rows: Sequence[RawResult]) -> list[bool]:
        return [
            self._run(
                "add_result",
                worker=one.worker,
                epoch=one.epoch,
                sequence=one.sequence,
                job_id=one.job_id,
                received=text(one.received),
                data=one.data,
            ).rowcount
            == 1
            for one in rows
        ]

    def sequences_after(self, worker: str, epoch: str, sequence: int) -> Iterator[int]:
        found = self._run("sequences_after", worker=worker, epoch=epoch, sequence=sequence)
        return (int(one) for (one,) in found)

    def watermark(self, worker: str, epoch: str) -> int | None:
        found = self._run("watermark", worker=worker, epoch=epoch).fetchone()
        return None if found is None else int(found[0])

    def put_watermarks(self, watermarks: Iterable[Watermark], at: datetime) -> None:
        self._each(
            "put_watermark",
            (
                {"worker": w.worker, "epoch": w.epoch, "sequence": w.sequence, "at": text(at)}
                for w in watermarks
            ),
        )

    def watermarks(self) -> list[Watermark]:
        newest = {
            worker: Watermark(worker=worker, epoch=epoch, sequence=sequence)
            for worker, epoch, sequence in self._run("watermarks")
        }
        return list(newest.values())


class _Findings(Statements):
    def pairs(self, targets: Iterable[str]) -> list[Pair]:
        return self._all(Pair, "pairs", targets=listed(targets))

    def put_pairs(self, pairs: Iterable[Pair]) -> None:
        self._each("put_pair", map(columns.of_pair, pairs))

    def current_pairs(self, after: tuple[str, str], limit: int) -> list[Pair]:
        target, check = after
        return self._all(Pair, "current_pairs", target=target, check_name=check, limit=limit)

    def parts_not_checked(self, targets: Iterable[str], limit: int) -> list[TargetPart]:
        found = self._run("parts_not_checked", targets=listed(targets), limit=limit)
        return [_part(target, part) for target, part in found]

    def parts_of_check(self, check: str, limit: int) -> list[TargetPart]:
        found = self._run("parts_of_check", check_name=check, limit=limit)
        return [_part(target, part) for target, part in found]

    def findings_of(self, targets: Iterable[str]) -> list[FindingRecord]:
        return self._all(FindingRecord, "findings_of", targets=listed(targets))

    def put_findings(self, findings: Iterable[FindingRecord]) -> None:
        self._each("put_finding", map(columns.of_finding, findings))

    def findings_by_id(self, ids: Iterable[str]) -> list[FindingRecord]:
        return self._all(FindingRecord, "findings_by_id", ids=listed(ids))

    def findings_of_check(self, check: str) -> list[FindingRecord]:
        return self._all(FindingRecord, "findings_of_check", check_name=check)

    def find_findings(
        self, query: FindingsRequest, beyond: FindingPlace | None = None
    ) -> tuple[list[FindingRecord], int]:
        which = query.state if query.state in ("open", "accepted") else "any"
        where = _where(query)
        if which == "any":
            where["state"] = query.state
        (total,) = self._run(f"count_{which}", **where).fetchone()
        severity, since, id_ = beyond or FindingPlace(Severity.CRITICAL, "", "")
        page = {
            **where,
            "limit": query.limit,
            "offset": query.offset,
            "place": str(severity),
            "since": since,
            "id": id_,
        }
        return self._all(FindingRecord, f"find_{which}", **page), int(total)

    def group_findings(self, by: str, limit: int, query: FindingsRequest = EVERY) -> list[Grouped]:
        return [
            Grouped(
                name=name,
                findings=findings,
                targets=targets,
                critical=critical,
                major=major,
                trivial=trivial,
            )
            for name, findings, targets, critical, major, trivial in self._run(
                f"group_by_{by}", **_where(query), limit=limit
            )
        ]

    def findings_like(self, prefix: str, limit: int) -> list[FindingRecord]:
        beyond = prefix + LAST_CHARACTER
        return self._all(FindingRecord, "findings_like", prefix=prefix, beyond=beyond, limit=limit)

    def add_events(self, events: Iterable[FindingEvent]) -> None:
        told = list(events)
        self._each(
            "add_event",
            ({"finding": e.after.id, "at": text(e.at), "data": packed(e)} for e in told),
        )
        added = steps(told)
        self._each("add_to_day", map(columns.of_day, added.days()))
        self._each("add_fixes", columns.of_fixes(added))

    def history_of(self, finding: str, limit: int) -> list[FindingEvent]:
        return self._all(FindingEvent, "history_of", finding=finding, limit=limit)

    def events_after(self, position: int, limit: int) -> list[tuple[int, FindingEvent]]:
        found = self._run("events_after", position=position, limit=limit)
        return [(int(at), unpacked(FindingEvent, data)) for at, data in found]

    def last_event(self) -> int:
        return int(self._run("last_event").fetchone()[0])

    def cursor(self, name: str) -> int | None:
        found = self._run("cursor", reader=name).fetchone()
        return None if found is None else int(found[0])

    def put_cursor(self, name: str, position: int) -> None:
        self._run("put_cursor", reader=name, position=position)

    def events_since(
        self, since: datetime, offset: int, limit: int
    ) -> tuple[list[FindingEvent], int]:
        (total,) = self._run("count_since", since=text(since)).fetchone()
        found = self._all(
            FindingEvent, "events_since", since=text(since), offset=offset, limit=limit
        )
        return found, int(total)

    def events_page(
        self, beyond: EventPlace, offset: int, limit: int
    ) -> list[tuple[int, FindingEvent]]:
        at, position = beyond
        found = self._run("events_page", at=text(at), position=position, offset=offset, limit=limit)
        return [(place, unpacked(FindingEvent, data)) for place, data in found]


def _part(target: str, data: str) -> TargetPart:
    return TargetPart(target=target, part=unpacked(PartNotChecked, data.encode()))


class _Exceptions(Statements):
    def exception(self, id_: str) -> ExceptionRecord | None:
        return self._one(ExceptionRecord, "exception", id=id_)

    def exceptions_like(self, prefix: str, limit: int) -> list[ExceptionRecord]:
        beyond = prefix + LAST_CHARACTER
        return self._all(
            ExceptionRecord, "exceptions_like", prefix=prefix, beyond=beyond, limit=limit
        )

    def put_exceptions(self, exceptions: Iterable[ExceptionRecord]) -> None:
        self._each("put_exception", map(columns.of_exception, exceptions))

    def live_exceptions(self, targets: Iterable[str] | None = None) -> list[ExceptionRecord]:
        if targets is None:
            return self._all(ExceptionRecord, "all_live_exceptions")
        among = listed(["", *targets])
        return self._all(ExceptionRecord, "live_exceptions", targets=among)

    def find_exceptions(
        self, state: str, offset: int, limit: int, before: Place | None = None
    ) -> tuple[list[ExceptionRecord], int]:
        which, where = ("_all", {}) if state == "all" else ("", {"outcome": state})
        (total,) = self._run(f"count_exceptions{which}", **where).fetchone()
        created, id_ = before or Place(LAST_CHARACTER, "")
        page = self._all(
            ExceptionRecord,
            f"find_exceptions{which}",
            **where,
            created=created,
            id=id_,
            offset=offset,
            limit=limit,
        )
        return page, int(total)

    def exceptions_due(self, now: datetime, limit: int) -> list[ExceptionRecord]:
        return self._all(ExceptionRecord, "exceptions_due", now=text(now), limit=limit)

    def tally_accepted(self, ids: Iterable[str]) -> dict[str, int]:
        return dict(self._run("tally_accepted_by", ids=listed(ids)).fetchall())

    def next_end(self) -> date | None:
        (found,) = self._run("next_end").fetchone()
        return None if found is None else date.fromisoformat(found)


class _Audit(Statements):
    def add_audit(self, entries: Iterable[AuditEntry]) -> None:
        self._each("add_audit", ({"at": text(e.at), "data": packed(e)} for e in entries))

    def audit(self, before: int | None, limit: int) -> list[tuple[int, AuditEntry]]:
        found = self._run("audit", before=LAST_POSITION if before is None else before, limit=limit)
        return [(position, unpacked(AuditEntry, data)) for position, data in found]


class _Fleet(Statements):
    def targets(self, ids: Iterable[str]) -> dict[str, TargetRow]:
        return {one.target: one for one in self._all(TargetRow, "targets", ids=listed(ids))}

    def all_targets(self) -> list[TargetRow]:
        return self._all(TargetRow, "all_targets")

    def targets_page(self, after: str, limit: int) -> list[TargetRow]:
        return self._all(TargetRow, "targets_page", after=after, limit=limit)

    def put_targets(self, targets: Iterable[TargetRow]) -> None:
        self._each("put_target", map(columns.of_target, targets))

    def unchecked(self, limit: int, after: str = "") -> list[TargetRow]:
        return self._all(TargetRow, "unchecked", limit=limit, after=after)

    def tally_unchecked(self) -> int:
        return int(self._run("tally_unchecked").fetchone()[0])

    def workers(self) -> list[WorkerRow]:
        return self._all(WorkerRow, "workers")

    def put_workers(self, workers: Iterable[WorkerRow]) -> None:
        self._each("put_worker", ({"worker": w.worker, "data": packed(w)} for w in workers))

    def checks(self) -> list[CheckInfo]:
        return self._all(CheckInfo, "checks")

    def replace_checks(self, checks: Iterable[CheckInfo]) -> None:
        self._run("drop_checks")
        self._each(
            "put_check",
            (
                {
                    "check_name": one.check,
                    "family": str(one.family),
                    "enabled": one.enabled,
                    "data": packed(one),
                }
                for one in checks
            ),
        )

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
        )

    def breakdown(self) -> Breakdown:
        return Breakdown(
            findings=[
                (site, Family(family), Severity(severity), n)
                for site, family, severity, n in self._run("break_down_findings")
            ],
            accepted=[
                (site, Family(family), Severity(severity), n)
                for site, family, severity, n in self._run("break_down_accepted")
            ],
            not_checked=[
                (site, Family(family), Kind(kind), n)
                for site, family, kind, n in self._run("break_down_pairs")
            ],
            parts=[
                (site, Family(family), Kind(kind), n)
                for site, family, kind, n in self._run("break_down_parts")
            ],
        )

    def put_counts(self, at: datetime, counts: Counts) -> None:
        hour = text(at.replace(minute=0, second=0, microsecond=0))
        self._run("put_counts", hour=hour, at=text(at), data=packed(counts))
        self._each("put_day_counts", columns.of_day_counts(at, counts))

    def control(self) -> ControlState | None:
        return self._one(ControlState, "control")

    def put_control(self, state: ControlState) -> None:
        self._run("put_control", data=packed(state))

    def counts_before(self, at: datetime) -> Counts | None:
        return self._one(Counts, "counts_before", at=text(at))


class _Leaving(Statements):
    def add_outgoing(self, messages: Iterable[Outgoing]) -> None:
        self._each(
            "add_outgoing",
            ({"subject": m.subject, "message_id": m.message_id, "data": m.data} for m in messages),
        )

    def outgoing(self, limit: int) -> list[OutboxRow]:
        return [
            OutboxRow(
                position=position,
                message=Outgoing(subject=subject, message_id=message_id, data=data),
            )
            for position, subject, message_id, data in self._run("outgoing", limit=limit)
        ]

    def drop_outgoing(self, positions: Iterable[int]) -> None:
        self._run("drop_outgoing", positions=listed(positions))

    def add_rejected(self, rejected: Iterable[Rejected]) -> None:
        self._each(
            "add_rejected",
            (
                {
                    "code": one.code,
                    "reason": one.reason,
                    "subject": one.subject,
                    "at": text(one.at),
                    "data": one.data,
                }
                for one in rejected
            ),
        )

    def tally_rejected(self) -> dict[str, int]:
        return dict(self._run("tally_rejected").fetchall())


def _where(query: FindingsRequest) -> columns.Columns:
    """The filters of a query, but for the state."""
    return {
        "severities": listed(query.severities),
        "families": listed(query.families),
        "sites": listed(query.sites),
        "targets": listed(query.targets),
        "checks": listed(query.checks),
    }


class SqliteLedger(_Runs, _Findings, _Exceptions, _Audit, _Fleet, _Leaving, Days):
    """See the port."""
