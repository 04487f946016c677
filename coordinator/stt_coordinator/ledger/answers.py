"""What answers to jobs do to the store: jobs, latest outcomes, findings, targets, runs, events."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from stt_coordinator.domain.findings import fold
from stt_coordinator.domain.model import (
    LEARNED,
    OUTSTANDING,
    Evidence,
    JobRow,
    JobState,
    Pair,
    TargetRow,
)
from stt_coordinator.domain.suppression import Suppressor, events_between, plain
from stt_coordinator.ledger import event_messages
from stt_coordinator.store.port import Ledger
from stt_shared.protocol.enums import Change, Kind, Outcome, RunPhase
from stt_shared.protocol.messages import CheckOutcome
from stt_shared.protocol.records import FindingEvent, FindingRecord, RunRecord

OVER = "no exception holds for it any more"


class AnswerRecorder:
    """The part of the ledger around some jobs, read once and written once by `close`."""

    def __init__(self, ledger: Ledger, jobs: Iterable[JobRow], now: datetime) -> None:
        self._ledger = ledger
        self._now = now
        self._jobs = {job.job_id: job for job in jobs}
        targets = {job.target for job in self._jobs.values()}
        self._followers: defaultdict[str, list[JobRow]] = defaultdict(list)
        for job in ledger.jobs.followers(self._jobs):
            self._followers[job.follows].append(job)
        self._targets = ledger.fleet.targets(targets)
        self._pairs = {
            (pair.target, pair.check): pair for pair in ledger.outcomes.of_targets(targets)
        }
        labels = {name: row.labels for name, row in self._targets.items()}
        self._judge = Suppressor(ledger.suppressions.live(targets), labels, now)
        # As their checks say them, by pair; and as exceptions let them count.
        self._findings: defaultdict[tuple[str, str], dict[str, FindingRecord]] = defaultdict(dict)
        self._counted: dict[str, FindingRecord] = {}
        for record in ledger.findings.of_targets(targets):
            self._findings[record.target, record.check][record.id] = plain(record)
            self._counted[record.id] = record
        self._changed_jobs: dict[str, JobRow] = {}
        self._changed_pairs: dict[tuple[str, str], Pair] = {}
        self._changed_findings: dict[str, FindingRecord] = {}
        self._changed_targets: dict[str, TargetRow] = {}
        self._events: list[FindingEvent] = []

    def job(self, job_id: str) -> JobRow:
        """A job as it is now."""
        return self._jobs[job_id]

    def record(
        self, job_id: str, outcomes: Sequence[CheckOutcome], evidence: Evidence, state: JobState
    ) -> None:
        """Enter the answer to a job; what is no news changes nothing.

        A passed or failed outcome replaces one that is neither, never the reverse.
        """
        job = self._jobs[job_id]
        news = [outcome for outcome in outcomes if _is_news(job, outcome, evidence)]
        if not news and job.state not in OUTSTANDING:
            return
        by_check = {one.check: one for one in (*job.outcomes, *news)}
        found = tuple(by_check[ref.check] for ref in job.checks if ref.check in by_check)
        self._put_job(job, found, evidence, state)
        for outcome in news:
            self._enter(outcome, evidence)
        self._enter_target(found, evidence)

    def _put_job(
        self, job: JobRow, found: tuple[CheckOutcome, ...], evidence: Evidence, state: JobState
    ) -> None:
        job = msgspec.structs.replace(job, state=state, outcomes=found, started=evidence.started)
        self._jobs[job.job_id] = self._changed_jobs[job.job_id] = job
        for follower in self._followers[job.job_id]:
            asked = {ref.check for ref in follower.checks}
            self._changed_jobs[follower.job_id] = msgspec.structs.replace(
                follower,
                state=state,
                outcomes=tuple(one for one in found if one.check in asked),
                started=evidence.started,
            )

    def _enter(self, outcome: CheckOutcome, evidence: Evidence) -> None:
        key = (evidence.target, outcome.check)
        before = self._pairs.get(key)
        learned = before.learned if before else None
        folded = fold(self._findings[key], outcome, evidence, learned)
        said = {event.after.id: event for event in folded.events}
        for record in folded.records:
            self._findings[key][record.id] = record
            self._count(record, said.get(record.id), evidence)
        if outcome.outcome in LEARNED and (learned is None or learned < evidence.started):
            learned = evidence.started
        pair = _newer(before, outcome, evidence, learned)
        self._pairs[key] = self._changed_pairs[key] = pair

    def _count(self, record: FindingRecord, event: FindingEvent | None, evidence: Evidence) -> None:
        """Enter a finding as exceptions let it count, and tell what of that is news."""
        before, after = self._counted.get(record.id), self._judge.apply(record)
        self._counted[record.id] = self._changed_findings[record.id] = after
        # Whether its severity changed is seen behind exceptions, not before.
        if event is not None and event.change is not Change.CHANGED:
            self._events.append(msgspec.structs.replace(event, before=before, after=after))
        at, run_id = evidence.finished, evidence.run_id
        self._events.extend(events_between(before, after, at, run_id=run_id, reason=OVER))

    def _enter_target(self, found: Sequence[CheckOutcome], evidence: Evidence) -> None:
        row = self._targets.get(evidence.target)
        if row is None or (row.last_started is not None and row.last_started > evidence.started):
            return
        learned = any(outcome.outcome in LEARNED for outcome in found)
        why = None if learned else _why(found)
        row = msgspec.structs.replace(
            row,
            last_started=evidence.started,
            learned=learned,
            last_checked=evidence.finished if learned else row.last_checked,
            kind=why.kind if why else None,
            reason=why.reason if why else "",
            facts=evidence.facts or row.facts,
        )
        self._targets[row.target] = self._changed_targets[row.target] = row

    def close(self) -> None:
        """Write everything that changed; a run whose last job ended is finished."""
        self._ledger.jobs.put(self._changed_jobs.values())
        self._ledger.outcomes.put(self._changed_pairs.values())
        self._ledger.findings.put(self._changed_findings.values())
        self._ledger.fleet.put_targets(self._changed_targets.values())
        self._ledger.history.add(self._events)
        self._ledger.outbox.add(map(event_messages.of_finding, self._events))
        for run_id in {job.run_id for job in self._changed_jobs.values()}:
            count_run(self._ledger, run_id, self._now)


def _is_news(job: JobRow, outcome: CheckOutcome, evidence: Evidence) -> bool:
    before = next((one for one in job.outcomes if one.check == outcome.check), None)
    if before is None:
        return any(ref.check == outcome.check for ref in job.checks)
    if before.outcome in LEARNED:
        return False
    is_newer = job.started is None or evidence.started > job.started
    return outcome.outcome in LEARNED or is_newer


def _newer(
    before: Pair | None, outcome: CheckOutcome, evidence: Evidence, learned: datetime | None
) -> Pair:
    if before is not None and before.started > evidence.started:
        return msgspec.structs.replace(before, learned=learned)
    return Pair(
        target=evidence.target,
        check=outcome.check,
        family=evidence.family,
        site=evidence.site,
        outcome=outcome.outcome,
        kind=outcome.kind,
        reason=outcome.reason,
        run_id=evidence.run_id,
        started=evidence.started,
        finished=evidence.finished,
        learned=learned,
        parts_not_checked=outcome.parts_not_checked,
    )


def _why(found: Sequence[CheckOutcome]) -> CheckOutcome | None:
    """The outcome that tells best why nothing was learned."""
    meant = (outcome for outcome in found if outcome.kind is not Kind.NOT_APPLICABLE)
    return next(meant, found[0] if found else None)


def count_run(ledger: Ledger, run_id: str, now: datetime) -> None:
    """Bring a run's numbers up to date and finish it when no job is outstanding."""
    run = ledger.runs.get(run_id)
    if run is None:
        return
    tally = ledger.jobs.count_by_state(run_id)
    counted = msgspec.structs.replace(
        run,
        jobs=sum(tally.values()),
        done=tally.get(JobState.DONE, 0),
        unanswered=tally.get(JobState.UNANSWERED, 0),
    )
    if run.state == "running" and not any(tally.get(state, 0) for state in OUTSTANDING):
        counted = msgspec.structs.replace(counted, state="finished", finished=now)
        ledger.outbox.add([event_messages.of_run(RunPhase.FINISHED, counted, now)])
    ledger.runs.put(counted)


def give_up(
    recorder: AnswerRecorder, job: JobRow, outcome: Outcome, kind: Kind, reason: str
) -> None:
    """End a job that nobody answered; evidence of the moment it was made, so that any is newer."""
    outcomes = [
        CheckOutcome(check=ref.check, digest=ref.digest, outcome=outcome, kind=kind, reason=reason)
        for ref in job.checks
    ]
    evidence = Evidence(
        run_id=job.run_id,
        target=job.target,
        family=job.family,
        site=job.site,
        started=job.created,
        finished=job.created,
    )
    recorder.record(job.job_id, outcomes, evidence, JobState.UNANSWERED)


def start_run(ledger: Ledger, run: RunRecord, jobs: Sequence[JobRow], now: datetime) -> RunRecord:
    """Enter a run with its jobs, unless it is there already; returns it as it stands."""
    known = ledger.runs.get(run.run_id)
    if known is not None:
        return known
    run = msgspec.structs.replace(run, state="running", jobs=len(jobs), started=now)
    ledger.runs.put(run)
    ledger.runs.put_slot(run.schedule, run.slot)
    ledger.jobs.put(jobs)
    ledger.outbox.add([event_messages.of_run(RunPhase.STARTED, run, now)])
    count_run(ledger, run.run_id, now)
    return ledger.runs.get(run.run_id) or run
