"""The store's in-process twin: the same answers from dictionaries, gone with the process."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import TypeVar

import msgspec

from stt_coordinator.domain.breakdown import Breakdown
from stt_coordinator.domain.daily import DayRow, Fixes, steps
from stt_coordinator.domain.model import OUTSTANDING, JobRow, JobState, Pair, TargetRow, WorkerRow
from stt_coordinator.domain.summary import Tallies
from stt_coordinator.domain.suppression import due_of
from stt_coordinator.store.memory import days as memory_days
from stt_coordinator.store.memory.parts import Parts, Rows
from stt_coordinator.store.memory.tables import Tables
from stt_coordinator.store.port import (
    EVERY,
    Before,
    EventPlace,
    FindingPlace,
    Grouped,
    Ledger,
    OutboxRow,
    Place,
    RawResult,
    Rejected,
)
from stt_coordinator.store.rows import outcome_of, place_of, text
from stt_shared import clock
from stt_shared.bus.port import Outgoing
from stt_shared.protocol.audit import AuditEntry
from stt_shared.protocol.control import CheckInfo
from stt_shared.protocol.enums import FindingState, Kind, Severity
from stt_shared.protocol.exceptions import ExceptionRecord
from stt_shared.protocol.findings import FindingsRequest
from stt_shared.protocol.health import StoreHealth
from stt_shared.protocol.messages import ControlState, Watermark
from stt_shared.protocol.records import Counts, FindingEvent, FindingRecord, RunRecord

T = TypeVar("T")


class MemoryStore:
    """A store that is gone with the process; see the port."""

    def __init__(self) -> None:
        self._tables = Tables()

    async def transact(self, work: Callable[[Ledger], T]) -> T:
        """See the port."""
        tables = self._tables.copy()
        found = work(MemoryLedger(tables))
        self._tables = tables
        return found

    async def read(self, work: Callable[[Ledger], T]) -> T:
        """See the port."""
        return work(MemoryLedger(self._tables))

    async def health(self) -> StoreHealth:
        """See the port."""
        return StoreHealth(sound=True, looked=clock.now())

    async def close(self) -> None:
        """See the port."""


class _Runs(Rows):
    def run(self, run_id: str) -> RunRecord | None:
        return self._t.runs.get(run_id)

    def put_run(self, run: RunRecord) -> None:
        self._t.runs[run.run_id] = run

    def runs(self, limit: int, before: Place | None = None) -> list[RunRecord]:
        found = sorted(self._t.runs.values(), key=lambda r: (r.slot, r.run_id), reverse=True)
        return [r for r in found if before is None or (text(r.slot), r.run_id) < before][:limit]

    def running(self) -> list[RunRecord]:
        return [run for run in reversed(self.runs(len(self._t.runs))) if run.state == "running"]

    def last_run(self) -> RunRecord | None:
        newest = self.runs(len(self._t.runs))
        return next((run for run in newest if run.state != "skipped"), None)

    def run_before(self, run: RunRecord) -> RunRecord | None:
        earlier = [one for one in self.runs(len(self._t.runs)) if one.slot < run.slot]
        finished = [one for one in earlier if one.state == "finished"]
        alike = (one for one in finished if one.schedule == run.schedule)
        return next(alike, finished[0] if finished else None)

    def last_slots(self) -> dict[str, datetime]:
        return dict(self._t.slots)

    def put_slot(self, schedule: str, slot: datetime) -> None:
        self._t.slots[schedule] = max(slot, self._t.slots.get(schedule, slot))

    def put_jobs(self, jobs: Iterable[JobRow]) -> None:
        self._t.jobs.update((job.job_id, job) for job in jobs)

    def jobs(self, ids: Iterable[str]) -> dict[str, JobRow]:
        return {id_: self._t.jobs[id_] for id_ in ids if id_ in self._t.jobs}

    def _outstanding(self) -> list[JobRow]:
        return [job for job in self._t.jobs.values() if job.state in OUTSTANDING]

    def followers(self, ids: Iterable[str]) -> list[JobRow]:
        wanted = set(ids) - {""}
        return [job for job in self._outstanding() if job.follows in wanted]

    def outstanding(self, targets: Iterable[str]) -> dict[str, JobRow]:
        wanted = set(targets)
        return {job.target: job for job in self._leading() if job.target in wanted}

    def _leading(self) -> list[JobRow]:
        return [job for job in self._outstanding() if not job.follows]

    def open_jobs(self, limit: int) -> list[JobRow]:
        return self._leading()[:limit]

    def dispatchable(self, now: datetime, limit: int) -> list[JobRow]:
        first: dict[str, JobRow] = {}
        for job in self._leading():
            first.setdefault(job.target, job)
        ready = (j for j in first.values() if j.state is JobState.PENDING and j.not_before <= now)
        return list(ready)[:limit]

    def overdue(self, now: datetime, limit: int) -> list[JobRow]:
        late = [job for job in self._leading() if job.deadline <= now]
        return sorted(late, key=lambda job: job.deadline)[:limit]

    def jobs_of_run(self, run_id: str, first_target: str, limit: int) -> list[JobRow]:
        mine = (j for j in self._t.jobs.values() if j.run_id == run_id and j.target >= first_target)
        return sorted(mine, key=lambda job: job.target)[:limit]

    def tally_jobs(self, run_id: str) -> dict[JobState, int]:
        return dict(Counter(job.state for job in self._t.jobs.values() if job.run_id == run_id))

    def add_results(self, rows: Sequence[RawResult]) -> list[bool]:
        new: list[bool] = []
        for row in rows:
            key = (row.worker, row.epoch, row.sequence)
            new.append(key not in self._t.results)
            self._t.results.setdefault(key, row)
        return new

    def sequences_after(self, worker: str, epoch: str, sequence: int) -> Iterator[int]:
        held = (key[2] for key in self._t.results if key[:2] == (worker, epoch))
        return iter(sorted(one for one in held if one > sequence))

    def watermark(self, worker: str, epoch: str) -> int | None:
        found = self._t.watermarks.get((worker, epoch))
        return None if found is None else found[1]

    def put_watermarks(self, watermarks: Iterable[Watermark], at: datetime) -> None:
        for one in watermarks:
            self._t.watermarks[one.worker, one.epoch] = (at, one.sequence)

    def watermarks(self) -> list[Watermark]:
        oldest_first = sorted(self._t.watermarks.items(), key=lambda item: (item[0][0], item[1][0]))
        newest = {
            worker: Watermark(worker=worker, epoch=epoch, sequence=sequence)
            for (worker, epoch), (_, sequence) in oldest_first
        }
        return list(newest.values())


class _Findings(Parts):
    def _current_findings(self, *, accepted: bool = False) -> list[FindingRecord]:
        return [
            one
            for one in self._t.findings.values()
            if one.state is not FindingState.RESOLVED
            and (one.accepted is not None) is accepted
            and self.is_current(one.target, one.check)
        ]

    def pairs(self, targets: Iterable[str]) -> list[Pair]:
        wanted = set(targets)
        return [pair for pair in self._t.pairs.values() if pair.target in wanted]

    def put_pairs(self, pairs: Iterable[Pair]) -> None:
        self._t.pairs.update(((pair.target, pair.check), pair) for pair in pairs)

    def current_pairs(self, after: tuple[str, str], limit: int) -> list[Pair]:
        beyond = (one for one in self.current() if (one.target, one.check) > after)
        return sorted(beyond, key=lambda one: (one.target, one.check))[:limit]

    def findings_of(self, targets: Iterable[str]) -> list[FindingRecord]:
        wanted = set(targets)
        return [one for one in self._t.findings.values() if one.target in wanted]

    def put_findings(self, findings: Iterable[FindingRecord]) -> None:
        self._t.findings.update((one.id, one) for one in findings)

    def findings_by_id(self, ids: Iterable[str]) -> list[FindingRecord]:
        return [self._t.findings[id_] for id_ in ids if id_ in self._t.findings]

    def findings_of_check(self, check: str) -> list[FindingRecord]:
        found = (one for _, one in sorted(self._t.findings.items()) if one.check == check)
        return [one for one in found if one.state is not FindingState.RESOLVED]

    def find_findings(
        self, query: FindingsRequest, beyond: FindingPlace | None = None
    ) -> tuple[list[FindingRecord], int]:
        everything = self._t.findings.values()
        is_current = query.state in ("open", "accepted")
        wants = query.state == "accepted"
        among = self._current_findings(accepted=wants) if is_current else everything
        found = [one for one in among if _answers(query, one)]
        found.sort(key=_place)
        rest = [one for one in found if beyond is None or _place(one) > _key(beyond)]
        return rest[query.offset : query.offset + query.limit], len(found)

    def group_findings(self, by: str, limit: int, query: FindingsRequest = EVERY) -> list[Grouped]:
        groups: dict[str, list[FindingRecord]] = {}
        wanted = msgspec.structs.replace(query, state="open")
        for one in (one for one in self._current_findings() if _answers(wanted, one)):
            groups.setdefault(str(getattr(one, by)), []).append(one)
        found = [
            Grouped(
                name=name,
                findings=len(rows),
                targets=len({row.target for row in rows}),
                critical=sum(row.severity is Severity.CRITICAL for row in rows),
                major=sum(row.severity is Severity.MAJOR for row in rows),
                trivial=sum(row.severity is Severity.TRIVIAL for row in rows),
            )
            for name, rows in groups.items()
        ]
        return sorted(found, key=lambda g: (-g.critical, -g.major, -g.trivial, g.name))[:limit]

    def findings_like(self, prefix: str, limit: int) -> list[FindingRecord]:
        ids = sorted(id_ for id_ in self._t.findings if id_.startswith(prefix))
        return [self._t.findings[id_] for id_ in ids[:limit]]

    def add_events(self, events: Iterable[FindingEvent]) -> None:
        told = list(events)
        self._t.history.extend(told)
        memory_days.add(self._t, steps(told))

    def history_of(self, finding: str, limit: int) -> list[FindingEvent]:
        return [event for event in self._t.history if event.after.id == finding][-limit:]

    def events_after(self, position: int, limit: int) -> list[tuple[int, FindingEvent]]:
        first = self._t.forgotten + 1
        begin = max(position + 1 - first, 0)
        return list(enumerate(self._t.history, first))[begin : begin + limit]

    def last_event(self) -> int:
        return self._t.forgotten + len(self._t.history) if self._t.history else 0

    def cursor(self, name: str) -> int | None:
        return self._t.cursors.get(name)

    def put_cursor(self, name: str, position: int) -> None:
        self._t.cursors[name] = position

    def events_since(
        self, since: datetime, offset: int, limit: int
    ) -> tuple[list[FindingEvent], int]:
        found = sorted((e for e in self._t.history if e.at >= since), key=lambda event: event.at)
        return found[offset : offset + limit], len(found)

    def events_page(
        self, beyond: EventPlace, offset: int, limit: int
    ) -> list[tuple[int, FindingEvent]]:
        places = enumerate(self._t.history, self._t.forgotten + 1)
        found = sorted(((one.at, place, one) for place, one in places), key=lambda row: row[:2])
        rest = [(place, one) for at, place, one in found if (at, place) > beyond]
        return rest[offset : offset + limit]

    def tally_accepted(self, ids: Iterable[str]) -> dict[str, int]:
        wanted = set(ids)
        through = (one.accepted for one in self._current_findings(accepted=True))
        return dict(Counter(a.exception for a in through if a and a.exception in wanted))

    def tallies(self) -> Tallies:
        findings = Counter((one.site, one.severity) for one in self._current_findings())
        pairs = Counter((one.site, one.outcome, one.kind) for one in self.current())
        accepted = Counter(one.site for one in self._current_findings(accepted=True))
        there = (one for one in self._t.targets.values() if not one.gone)
        targets = Counter((one.site, one.family, one.learned) for one in there)
        return Tallies(
            findings=[(*key, n) for key, n in sorted(findings.items())],
            accepted=sorted(accepted.items()),
            pairs=[(*key, n) for key, n in sorted(pairs.items(), key=lambda item: str(item[0]))],
            targets=[(*key, n) for key, n in sorted(targets.items())],
            parts=sorted(Counter(one.site for one, _ in self.parts().values()).items()),
        )

    def breakdown(self) -> Breakdown:
        findings = Counter((one.site, one.family, one.severity) for one in self._current_findings())
        accepted = Counter(
            (one.site, one.family, one.severity) for one in self._current_findings(accepted=True)
        )
        pairs = Counter(
            (one.site, one.family, one.kind)
            for one in self.current()
            if one.kind is not None and one.kind is not Kind.NOT_APPLICABLE
        )
        parts = Counter((one.site, one.family, part.kind) for one, part in self.parts().values())
        return Breakdown(
            findings=[(*key, n) for key, n in sorted(findings.items())],
            accepted=[(*key, n) for key, n in sorted(accepted.items())],
            not_checked=[(*key, n) for key, n in sorted(pairs.items())],
            parts=[(*key, n) for key, n in sorted(parts.items())],
        )


def _place(one: FindingRecord) -> tuple[int, str, str]:
    return _key(place_of(one))


def _key(place: FindingPlace) -> tuple[int, str, str]:
    return (place.severity.rank, place.since, place.id)


def _answers(query: FindingsRequest, finding: FindingRecord) -> bool:
    filters: tuple[tuple[Sequence[str], str], ...] = (
        (query.severities, finding.severity),
        (query.families, finding.family),
        (query.sites, finding.site),
        (query.targets, finding.target),
        (query.checks, finding.check),
        ((query.state,) if query.state not in ("open", "accepted", "all") else (), finding.state),
    )
    return all(not wanted or value in wanted for wanted, value in filters)


class _Exceptions(Rows):
    def exception(self, id_: str) -> ExceptionRecord | None:
        return self._t.exceptions.get(id_)

    def exceptions_like(self, prefix: str, limit: int) -> list[ExceptionRecord]:
        ids = sorted(id_ for id_ in self._t.exceptions if id_.startswith(prefix))
        return [self._t.exceptions[id_] for id_ in ids[:limit]]

    def put_exceptions(self, exceptions: Iterable[ExceptionRecord]) -> None:
        self._t.exceptions.update((one.id, one) for one in exceptions)

    def live_exceptions(self, targets: Iterable[str] | None = None) -> list[ExceptionRecord]:
        live = [one for _, one in sorted(self._t.exceptions.items()) if outcome_of(one) == "live"]
        if targets is None:
            return live
        among = {"", *targets}
        return [one for one in live if one.target in among]

    def find_exceptions(
        self, state: str, offset: int, limit: int, before: Place | None = None
    ) -> tuple[list[ExceptionRecord], int]:
        found = [one for one in self._t.exceptions.values() if state in ("all", outcome_of(one))]
        found.sort(key=lambda one: (one.created, one.id), reverse=True)
        rest = [one for one in found if before is None or (text(one.created), one.id) < before]
        return rest[offset : offset + limit], len(found)

    def exceptions_due(self, now: datetime, limit: int) -> list[ExceptionRecord]:
        dues = ((due_of(one), one) for one in self.live_exceptions())
        found = [(due, one) for due, one in dues if due is not None and due <= now]
        return [one for _, one in sorted(found, key=lambda entry: entry[0])][:limit]

    def next_end(self) -> date | None:
        live = (one for one in self.live_exceptions() if one.severity is None)
        return min((one.until for one in live if one.until is not None), default=None)


class _Audit(Rows):
    def add_audit(self, entries: Iterable[AuditEntry]) -> None:
        for entry in entries:
            self._t.recorded += 1
            self._t.audit[self._t.recorded] = entry

    def audit(self, before: int | None, limit: int) -> list[tuple[int, AuditEntry]]:
        newest_first = sorted(self._t.audit.items(), reverse=True)
        return [one for one in newest_first if before is None or one[0] < before][:limit]


class _Fleet(Rows):
    def targets(self, ids: Iterable[str]) -> dict[str, TargetRow]:
        return {id_: self._t.targets[id_] for id_ in ids if id_ in self._t.targets}

    def all_targets(self) -> list[TargetRow]:
        return [row for _, row in sorted(self._t.targets.items())]

    def targets_page(self, after: str, limit: int) -> list[TargetRow]:
        return [row for row in self.all_targets() if row.target > after][:limit]

    def put_targets(self, targets: Iterable[TargetRow]) -> None:
        self._t.targets.update((one.target, one) for one in targets)

    def _unchecked(self) -> list[TargetRow]:
        return [row for row in self.all_targets() if row.state == "unchecked"]

    def unchecked(self, limit: int, after: str = "") -> list[TargetRow]:
        return [row for row in self._unchecked() if row.target > after][:limit]

    def tally_unchecked(self) -> int:
        return len(self._unchecked())

    def workers(self) -> list[WorkerRow]:
        return [row for _, row in sorted(self._t.workers.items())]

    def put_workers(self, workers: Iterable[WorkerRow]) -> None:
        self._t.workers.update((one.worker, one) for one in workers)

    def checks(self) -> list[CheckInfo]:
        return sorted(self._t.checks.values(), key=lambda one: (one.family, one.check))

    def replace_checks(self, checks: Iterable[CheckInfo]) -> None:
        self._t.checks = {one.check: one for one in checks}

    def put_counts(self, at: datetime, counts: Counts) -> None:
        self._t.counts[at.replace(minute=0, second=0, microsecond=0)] = (at, counts)
        memory_days.count(self._t, at, counts)

    def control(self) -> ControlState | None:
        return self._t.control

    def put_control(self, state: ControlState) -> None:
        self._t.control = state

    def counts_before(self, at: datetime) -> Counts | None:
        old = [entry for entry in self._t.counts.values() if entry[0] <= at]
        return max(old, key=lambda entry: entry[0])[1] if old else None

    def days(self, since: date) -> list[DayRow]:
        return [row for (day, _), row in sorted(self._t.daily.items()) if day >= since]

    def last_counted_day(self, before: date) -> date | None:
        counted = (row.day for row in self._t.daily.values() if row.open is not None)
        return max((day for day in counted if day < before), default=None)

    def fixes(self, since: date) -> list[Fixes]:
        return memory_days.fixes(self._t, since)


class _Leaving(Rows):
    def add_outgoing(self, messages: Iterable[Outgoing]) -> None:
        for message in messages:
            self._t.left += 1
            self._t.outbox[self._t.left] = message

    def outgoing(self, limit: int) -> list[OutboxRow]:
        oldest = list(self._t.outbox.items())[:limit]
        return [OutboxRow(position=position, message=message) for position, message in oldest]

    def drop_outgoing(self, positions: Iterable[int]) -> None:
        for position in positions:
            self._t.outbox.pop(position, None)

    def add_rejected(self, rejected: Iterable[Rejected]) -> None:
        self._t.rejected.extend(rejected)

    def tally_rejected(self) -> dict[str, int]:
        return dict(sorted(Counter(one.code for one in self._t.rejected).items()))

    def prune(self, before: Before, limit: int) -> Mapping[str, int]:
        return memory_days.prune(self._t, before, limit)


class MemoryLedger(_Runs, _Findings, _Exceptions, _Audit, _Fleet, _Leaving):
    """See the port."""
