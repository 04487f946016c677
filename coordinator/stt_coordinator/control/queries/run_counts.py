"""Count what a run found, for the head of its report, without reading all its outcomes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from stt_coordinator.domain.model import JobRecord
from stt_coordinator.domain.reported import results_of_job
from stt_coordinator.domain.run_counts import (
    BroadRules,
    added,
    counts_of_job,
    failed_checks,
    suppressed,
)
from stt_coordinator.store.port import Ledger
from stt_shared.identity import job_id
from stt_shared.protocol.queries.reports import ReportedResult
from stt_shared.protocol.records import Counts, FindingRecord, RunRecord
from stt_shared.protocol.suppressions import SuppressionRecord
from stt_shared.report.counts import of_results
from stt_shared.suppression.rule import Suppressor

JOBS_AT_ONCE = 200  # read in full; some megabytes in a large fleet


def run_counts(ledger: Ledger, run: RunRecord) -> Counts:
    """What a run found, with the suppressions of now applied, however old the run is."""
    kept = ledger.jobs.counts_of_run(run.run_id)
    known = [(counts, number) for counts, number in kept if counts is not None]
    live = ledger.suppressions.live()
    nameless = any(one.finding and not one.target for one in live)
    if len(known) < len(kept) or nameless:
        # Jobs that an earlier release recorded, or a suppression that could be for any of them.
        return of_results(_every_result(ledger, run))
    single = {one.target for one in live if one.finding}
    whole = _with_broad_rules(ledger, run, added(known), live, single)
    return _with_single_rules(ledger, run, whole, sorted(single))


def _with_broad_rules(
    ledger: Ledger,
    run: RunRecord,
    whole: Counts,
    live: Sequence[SuppressionRecord],
    left_out: set[str],
) -> Counts:
    """`whole` with all rules but those for one finding; without targets `left_out`."""
    broad = [one for one in live if not one.finding]
    # Of some targets alone if each rule names one: a site or a label may be that of any target.
    names = None if any(not one.target for one in broad) else {one.target for one in broad}
    failed = [
        one for one in ledger.jobs.failed_of_run(run.run_id, names) if one.target not in left_out
    ]
    labelled = {one.target for one in failed} if any(one.label for one in broad) else set[str]()
    labels = {name: row.labels for name, row in ledger.fleet.targets(labelled).items()}
    return suppressed(whole, failed, Suppressor(live, labels), BroadRules(live, labels))


def _with_single_rules(
    ledger: Ledger, run: RunRecord, whole: Counts, targets: Sequence[str]
) -> Counts:
    """`whole` with the jobs of `targets` counted anew, each from its findings."""
    for place in range(0, len(targets), JOBS_AT_ONCE):
        names = targets[place : place + JOBS_AT_ONCE]
        jobs = ledger.jobs.by_id(job_id(run.run_id, name) for name in names)
        suppressor = suppressor_of(ledger, jobs.values())
        known = _known_of_renamed(ledger, jobs.values())
        for job in jobs.values():
            plain = counts_of_job(job.outcomes, failed_checks(job.target, job.site, job.outcomes))
            anew = of_results(results_of_job(job, known, run, suppressor))
            whole = added([(whole, 1), (plain, -1), (anew, 1)])
    return whole


def _every_result(ledger: Ledger, run: RunRecord) -> Iterator[ReportedResult]:
    """Everything that a run found; some jobs are in memory at a time, not all."""
    last = ""
    while True:
        jobs = ledger.jobs.of_run(run.run_id, last, 1 + JOBS_AT_ONCE)
        more = [job for job in jobs if job.target != last]  # the first one again
        suppressor = suppressor_of(ledger, more)
        known = _known_of_renamed(ledger, more)
        for job in more:
            yield from results_of_job(job, known, run, suppressor)
        if len(jobs) <= JOBS_AT_ONCE:
            return
        last = jobs[-1].target


def _known_of_renamed(ledger: Ledger, jobs: Iterable[JobRecord]) -> dict[str, FindingRecord]:
    """The findings, by id, of the targets of `jobs` where one may have had another object before.

    The ids of all others are computed; these are those of the store, as suppressions name them.
    """
    targets = {
        job.target
        for job in jobs
        if any(one.formerly for outcome in job.outcomes for one in outcome.findings)
    }
    return {one.id: one for one in ledger.findings.of_targets(targets)} if targets else {}


def suppressor_of(ledger: Ledger, jobs: Iterable[JobRecord]) -> Suppressor:
    """What applies the live suppressions to the findings of `jobs`."""
    targets = ledger.fleet.targets({job.target for job in jobs})
    labels = {name: row.labels for name, row in targets.items()}
    return Suppressor(ledger.suppressions.live(targets), labels)
