"""Start, skip, count and finish runs, each inside the transaction of its caller."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta

import msgspec

from stt_coordinator.domain.model import OUTSTANDING, JobRecord, JobState
from stt_coordinator.ledger import event_messages
from stt_coordinator.store.port import Ledger
from stt_shared import identity
from stt_shared.identity import new_nonce
from stt_shared.protocol.control import CheckInfo
from stt_shared.protocol.enums import Family, RunPhase
from stt_shared.protocol.messages import ControlState
from stt_shared.protocol.records import RunRecord

SECOND = timedelta(seconds=1)


def start_run(
    ledger: Ledger, run: RunRecord, jobs: Sequence[JobRecord], now: datetime
) -> RunRecord:
    """Record a run with its jobs, and return it. Idempotent: a known run stays as it is.

    One that is known as skipped is recorded anew: a clock that was ahead had skipped it.
    """
    ledger.runs.put_slot(run.schedule, run.slot)
    known = ledger.runs.get(run.run_id)
    if known is not None and known.state != "skipped":
        return known
    number = ledger.runs.next_number()
    run = msgspec.structs.replace(run, number=number, state="running", jobs=len(jobs), started=now)
    ledger.runs.put(run)
    # Stored before the first publication: a result may come before its job is noted as sent.
    ledger.jobs.put(msgspec.structs.replace(job, nonces=(new_nonce(),)) for job in jobs)
    ledger.outbox.add([event_messages.of_run(RunPhase.STARTED, run, now)])
    # After its jobs: a run without any is finished here and now.
    count_runs(ledger, [run.run_id], now)
    return ledger.runs.get(run.run_id) or run


def known_checks(ledger: Ledger, state: ControlState) -> tuple[CheckInfo, ...]:
    """The checks of the installation, as the leader recorded them, switched as in `state`."""
    return tuple(
        msgspec.structs.replace(one, enabled=one.check not in state.disabled_checks)
        for one in ledger.fleet.checks()
    )


def run_of_its_own(ledger: Ledger, run: RunRecord) -> RunRecord:
    """`run`, a request, moved to the first second from its own that is not the id of a run.

    In the transaction that records it: of two requests at once each gets its own run.
    """
    slot = run.slot
    while ledger.runs.get(identity.run_id(run.schedule, slot)) is not None:
        slot += SECOND
    return msgspec.structs.replace(run, run_id=identity.run_id(run.schedule, slot), slot=slot)


def skip_run(ledger: Ledger, run: RunRecord, now: datetime) -> None:
    """Record that a slot was not run, with the reason. Idempotent: a known run stays as it is."""
    ledger.runs.put_slot(run.schedule, run.slot)
    if ledger.runs.get(run.run_id) is None:
        run = msgspec.structs.replace(run, number=ledger.runs.next_number())
        ledger.runs.put(run)
        ledger.outbox.add([event_messages.of_run(RunPhase.SKIPPED, run, now)])


def count_runs(ledger: Ledger, run_ids: Collection[str], now: datetime) -> None:
    """Bring the numbers of runs up to date, and finish those of which no job is outstanding."""
    # Before the first is counted: of two writers that end the last two jobs of a run each would
    # see the job of the other outstanding, and nobody would finish the run.
    ledger.locks.runs(run_ids)
    for run_id in sorted(run_ids):
        run = ledger.runs.get(run_id)
        if run is not None:
            _count_run(ledger, run, now)


def _count_run(ledger: Ledger, run: RunRecord, now: datetime) -> None:
    by_state = ledger.jobs.count_by_state(run.run_id)
    counted = msgspec.structs.replace(
        run,
        jobs=sum(by_state.values()),
        done=by_state.get(JobState.DONE, 0),
        unanswered=by_state.get(JobState.UNANSWERED, 0),
    )
    if run.state == "running" and not any(by_state.get(state, 0) for state in OUTSTANDING):
        counted = msgspec.structs.replace(counted, state="finished", finished=now)
        ledger.outbox.add([event_messages.of_run(RunPhase.FINISHED, counted, now)])
    ledger.runs.put(counted)


def note_whole_runs(ledger: Ledger, jobs: Iterable[JobRecord], checks: Iterable[CheckInfo]) -> None:
    """Mark targets whose jobs ask all enabled checks: they no longer wait for a first run.

    In the transaction that records the jobs: after a restart they get no second run.
    """
    enabled: defaultdict[Family, set[str]] = defaultdict(set)
    for check in checks:
        if check.enabled:
            enabled[check.family].add(check.check)
    whole = {job.target for job in jobs if enabled[job.family] <= {ref.check for ref in job.checks}}
    ledger.fleet.put_targets(
        msgspec.structs.replace(row, awaits_run=False)
        for row in ledger.fleet.awaiting_run()
        if row.target in whole
    )
