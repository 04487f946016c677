"""Record answers to jobs: outcomes, findings, targets, runs and the events of what changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import TypeVar

import msgspec

from stt_coordinator.domain.answers import (
    answered,
    checked_target,
    confirmation_of,
    confirmed,
    is_same,
    latest_pair,
    news_of,
)
from stt_coordinator.domain.causes import still_joined
from stt_coordinator.domain.findings import fold, is_confirmed
from stt_coordinator.domain.model import (
    OUTSTANDING,
    Confirmation,
    Evidence,
    JobRecord,
    JobState,
    Order,
    Pair,
    TargetRecord,
)
from stt_coordinator.domain.suppression import events_between
from stt_coordinator.ledger import event_messages
from stt_coordinator.ledger.runs import count_runs
from stt_coordinator.store.port import Ledger
from stt_shared.protocol.enums import Change, Kind, Outcome
from stt_shared.protocol.messages import CheckOutcome
from stt_shared.protocol.records import FindingEvent, FindingRecord
from stt_shared.suppression.rule import Suppressor, plain

K = TypeVar("K", str, tuple[str, str])
V = TypeVar("V")
OVER = "no exception applies to it any more"
# Outcomes written together. Not all at the end: a server inserts them while others are made.
MAX_UNWRITTEN = 4_096


class AnswerRecorder:
    """The rows around some jobs, read once for the whole batch and written once by `close`.

    The caller holds the targets of the jobs, and has read the jobs since (`hold_jobs`).
    """

    def __init__(self, ledger: Ledger, jobs: Iterable[JobRecord], now: datetime) -> None:
        self._ledger = ledger
        self._now = now
        self._jobs = {job.job_id: job for job in jobs}
        self._numbers = ledger.runs.numbers({job.run_id for job in self._jobs.values()})
        targets = {job.target for job in self._jobs.values()}
        self._followers: defaultdict[str, list[JobRecord]] = defaultdict(list)
        for job in ledger.jobs.followers(self._jobs):
            self._followers[job.follows].append(job)
        self._targets = ledger.fleet.targets(targets)
        self._pairs = {
            (pair.target, pair.check): pair for pair in ledger.outcomes.of_targets(targets)
        }
        labels = {name: row.labels for name, row in self._targets.items()}
        self._suppressor = Suppressor(ledger.suppressions.live(targets), labels)
        # By pair as their checks report them; and by id as suppressions let them count.
        self._findings: defaultdict[tuple[str, str], dict[str, FindingRecord]] = defaultdict(dict)
        self._counted: dict[str, FindingRecord] = {}
        for record in ledger.findings.of_targets(targets):
            self._findings[record.target, record.check][record.id] = plain(record)
            self._counted[record.id] = record
        self._changed_runs: set[str] = set()
        self._changed_jobs: dict[str, JobRecord] = {}
        self._changed_pairs: dict[tuple[str, str], Pair] = {}
        self._changed_findings: dict[str, FindingRecord] = {}
        # By pair, and by id of a finding, the newest answer that repeats what was known.
        self._confirmed_pairs: dict[tuple[str, str], Evidence] = {}
        self._confirmed_findings: dict[str, Evidence] = {}
        self._changed_targets: dict[str, TargetRecord] = {}
        self._events: list[FindingEvent] = []

    def order(self, job: JobRecord, dispatch: int) -> Order:
        """The order of the answer to a dispatch of `job`; 0: nobody answered."""
        return Order(self._numbers.get(job.run_id, 0), dispatch)

    def answers(self, job_id: str, outcomes: Sequence[CheckOutcome], evidence: Evidence) -> bool:
        """Whether this answer would change the job."""
        job = self._jobs[job_id]
        return job.state in OUTSTANDING or bool(news_of(job, outcomes, evidence))

    def record(
        self, job_id: str, outcomes: Sequence[CheckOutcome], evidence: Evidence, state: JobState
    ) -> None:
        """Record the answer to a job. Idempotent: outcomes that are no news change nothing."""
        job = self._jobs[job_id]
        news = news_of(job, outcomes, evidence)
        if not news and job.state not in OUTSTANDING:
            return
        by_check = {one.check: one for one in (*job.outcomes, *news)}
        latest = tuple(by_check[ref.check] for ref in job.checks if ref.check in by_check)
        self._jobs[job_id] = self._changed_jobs[job_id] = answered(job, latest, evidence, state)
        for follower in self._followers[job_id]:
            self._changed_jobs[follower.job_id] = answered(follower, latest, evidence, state)
        row = self._targets.get(evidence.target)
        # A job that was planned before its target moved or was forgotten says nothing of what the
        # name means now: the job ends, and no verdict is taken from it.
        if row is None or (row.site, row.family) != (evidence.site, evidence.family):
            return
        for outcome in news:
            self._record_outcome(outcome, evidence)
            self._record_pair(outcome, evidence)
        checked = checked_target(row, latest, evidence)
        if checked is not row:
            self._targets[row.target] = self._changed_targets[row.target] = checked
        if len(self._changed_pairs) >= MAX_UNWRITTEN:
            self._write_outcomes()

    def _record_outcome(self, outcome: CheckOutcome, evidence: Evidence) -> None:
        """Record an outcome: its findings as suppressions let them count, and their events."""
        key = (evidence.target, outcome.check)
        before = self._pairs.get(key)
        # Before the pair is replaced: an outcome must not be compared with itself.
        outcome = still_joined(
            outcome, evidence, lambda check: self._shown_findings(evidence.target, check)
        )
        folded = fold(self._findings[key], outcome, evidence, before.verdict if before else None)
        events = {event.after.id: event for event in folded.events}
        for record in folded.records:
            self._findings[key][record.id] = record
            was, now = self._counted.get(record.id), self._suppressor.apply(record)
            self._counted[record.id] = now
            if is_confirmed(was, now) and record.id not in self._changed_findings:
                self._confirmed_findings[record.id] = evidence
            else:
                self._changed_findings[record.id] = now
            event = events.get(record.id)
            # A changed severity is an event only where no suppression hides it: see below.
            if event is not None and event.change is not Change.CHANGED:
                self._events.append(msgspec.structs.replace(event, before=was, after=now))
            self._events += events_between(
                was, now, evidence.finished, run_id=evidence.run_id, reason=OVER
            )

    def _shown_findings(self, target: str, check: str) -> Collection[FindingRecord]:
        """The findings of a check on a target; none if the check is disabled, which hides them."""
        is_shown = check in self._enabled_checks
        return self._findings.get((target, check), {}).values() if is_shown else ()

    @cached_property
    def _enabled_checks(self) -> frozenset[str]:
        # Read for the few answers that need it: most transactions never do.
        return frozenset(one.check for one in self._ledger.fleet.checks() if one.enabled)

    def _record_pair(self, outcome: CheckOutcome, evidence: Evidence) -> None:
        """Record what the check says of the target now.

        Most answers repeat what was known: one row of the target keeps that, not one of each check.
        """
        key = (evidence.target, outcome.check)
        before = self._pairs.get(key)
        if before is None or not is_same(before, outcome, evidence):
            self._pairs[key] = self._changed_pairs[key] = latest_pair(before, outcome, evidence)
            self._confirmed_pairs.pop(key, None)
        elif key in self._changed_pairs:
            self._pairs[key] = self._changed_pairs[key] = confirmed(before, evidence)
        else:
            self._pairs[key] = confirmed(before, evidence)
            self._confirmed_pairs[key] = evidence

    def close(self) -> None:
        """Write everything that changed; a run whose last job ended is finished.

        In sorted order: writers that meet on rows in different orders wait for each other.
        """
        # First those that read before they write: a read waits for all that was written before.
        self._ledger.findings.put(_sorted(self._changed_findings))
        self._ledger.fleet.put_targets(_sorted(self._changed_targets))
        self._write_outcomes()
        self._ledger.outcomes.confirm(self._confirmations())
        # In the same transaction as the findings: an event is published if its change is stored,
        # and only then.
        if self._events:
            self._ledger.locks.history()
        self._ledger.history.add(self._events)
        self._ledger.outbox.add(map(event_messages.of_finding, self._events))
        # Last: every ingester of a run waits here for the one that counts it.
        count_runs(self._ledger, self._changed_runs, self._now)

    def _write_outcomes(self) -> None:
        """Write the jobs and outcomes that changed since the last time.

        Nobody else waits for them: their targets are held.
        """
        self._changed_runs |= {job.run_id for job in self._changed_jobs.values()}
        self._ledger.jobs.put(_sorted(self._changed_jobs))
        self._ledger.outcomes.put(_sorted(self._changed_pairs))
        self._changed_jobs.clear()
        self._changed_pairs.clear()

    def _confirmations(self) -> dict[str, list[Confirmation]]:
        """By target, which answers confirmed what, without what was changed and is written."""
        # By identity: two answers to a job may be equal in all that orders them.
        answers: dict[int, tuple[Evidence, list[str], list[str]]] = {}
        for (_, check), evidence in self._confirmed_pairs.items():
            answers.setdefault(id(evidence), (evidence, [], []))[1].append(check)
        for finding, evidence in self._confirmed_findings.items():
            if finding not in self._changed_findings:
                answers.setdefault(id(evidence), (evidence, [], []))[2].append(finding)
        found: defaultdict[str, list[Confirmation]] = defaultdict(list)
        for evidence, checks, findings in answers.values():
            found[evidence.target].append(confirmation_of(evidence, checks, findings))
        return dict(sorted(found.items()))


def _sorted(changed: Mapping[K, V]) -> Iterator[V]:
    return (changed[key] for key in sorted(changed))


def hold_jobs(ledger: Ledger, jobs: Collection[JobRecord]) -> list[JobRecord]:
    """Hold the targets of `jobs`; returns those that are outstanding still, as they are now."""
    # Before they are read: of two transactions that end a job the second has to see that it ended.
    ledger.locks.targets({job.target for job in jobs})
    current = ledger.jobs.by_id(job.job_id for job in jobs)
    there = (current[job.job_id] for job in jobs if job.job_id in current)
    return [job for job in there if job.state in OUTSTANDING]


def give_up(
    recorder: AnswerRecorder, job: JobRecord, outcome: Outcome, kind: Kind, reason: str
) -> None:
    """End a job without an answer: any result of the job is newer."""
    outcomes = [
        CheckOutcome(check=ref.check, digest=ref.digest, outcome=outcome, kind=kind, reason=reason)
        for ref in job.checks
    ]
    evidence = Evidence(
        order=recorder.order(job, 0),
        run_id=job.run_id,
        target=job.target,
        family=job.family,
        site=job.site,
        started=job.created,
        finished=job.created,
    )
    recorder.record(job.job_id, outcomes, evidence, JobState.UNANSWERED)
