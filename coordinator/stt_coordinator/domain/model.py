"""What the coordinator remembers: jobs, targets, workers and the latest outcome of each pair."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import msgspec

from stt_shared.protocol.enums import Family, Kind, Outcome
from stt_shared.protocol.messages import (
    CheckOutcome,
    CheckRef,
    Facts,
    HeldPack,
    Instant,
    PartNotChecked,
)

LEARNED = frozenset({Outcome.PASSED, Outcome.FAILED})


class JobState(StrEnum):
    """How far a job is; the last two are final."""

    PENDING = "pending"  # not known to be on the queue
    DISPATCHED = "dispatched"  # on the queue or with a worker
    DONE = "done"
    UNANSWERED = "unanswered"  # given up, or ended by disabling; a late result makes it done


OUTSTANDING = (JobState.PENDING, JobState.DISPATCHED)


class Order(NamedTuple):
    """What makes evidence newer: the number of its run, then the dispatch of its job.

    No clock takes part: one that was ahead for a moment would order evidence for ever.
    """

    run: int = 0  # 0: of a run that was stored before runs had numbers
    dispatch: int = 0  # 0: nobody answered


class Record(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One thing that the coordinator remembers.

    Without gc: frozen trees of JSON have no cycles, and the garbage collector reads them all again
    while a batch of results makes thousands.
    """


class JobRecord(Record, frozen=True, kw_only=True):
    """A job and its result; `outcomes` is empty until it is final."""

    job_id: str
    run_id: str
    target: str
    family: Family
    site: str
    checks: tuple[CheckRef, ...]
    created: Instant
    expires: Instant
    deadline: Instant  # when it is reconciled
    not_before: Instant  # it is not published earlier
    state: JobState = JobState.PENDING
    dispatch: int = 1  # the number it is or will be published with
    pack: str = ""  # digest of the pack file that its checks are of; empty: built-in
    nonces: tuple[str, ...] = ()  # of its dispatches, newest last; none in jobs of old stores
    workers: tuple[str, ...] = ()  # that announced the target when it was dispatched
    follows: str = ""  # the earlier job of the same target whose result is this one's too
    answered: int = 0  # the dispatch of the result that was applied last; 0: of none
    started: Instant | None = None  # of the result that was applied last
    executions: tuple[str, ...] = ()  # that were recorded, newest last
    outcomes: tuple[CheckOutcome, ...] = ()


class RefusedClaim(Record, frozen=True, kw_only=True):
    """A worker that announces a target which belongs to another site, or is of another family."""

    worker: str
    site: str
    family: Family
    since: Instant


class TargetRecord(Record, frozen=True, kw_only=True):
    """A target; `last_started` is of its newest answer, `last_checked` of one with a verdict.

    It belongs to `site`; `workers` are those of that site that announce it. `gone`: no live one
    does, since one of them withdrew it.
    `order` is of the newest answer: an older one never replaces it.
    """

    target: str
    family: Family
    site: str
    first_seen: Instant
    labels: dict[str, str] = {}  # msgspec copies it for each value
    workers: tuple[str, ...] = ()
    gone: bool = False
    discovered: bool = False  # and never typed; one that is gone is forgotten after a while
    absent_since: Instant | None = None  # of a discovered one that is gone: by the mark of ages
    claims: tuple[RefusedClaim, ...] = ()  # of live workers; no job goes to them
    awaits_run: bool = False  # of all its checks: it is new, or at a new site
    order: Order = Order()
    last_started: Instant | None = None
    learned: bool = False  # whether the newest answer has a passed or failed outcome
    last_checked: Instant | None = None
    kind: Kind | None = None
    reason: str = ""
    facts: Facts | None = None

    @property
    def state(self) -> str:
        """`gone`, `never`, `checked` or `unchecked`."""
        if self.gone:
            return "gone"
        if self.last_started is None:
            return "never"
        return "checked" if self.learned else "unchecked"


class TargetPlace(Record, frozen=True, kw_only=True):
    """Of a target record what suppressions may name: read alone, it costs a fraction."""

    site: str
    labels: dict[str, str] = {}


class WorkerRecord(Record, frozen=True, kw_only=True):
    """A worker as of its last heartbeat."""

    worker: str
    site: str
    state: str  # up, down
    version: str
    started: Instant
    last_heard: Instant
    targets: int
    pack: str = ""
    running: int = 0
    concurrency: int = 1
    outbox: int = 0
    packs: tuple[HeldPack, ...] = ()
    refused_pack: str = ""
    allow_unsigned: bool = False
    epoch: str = ""  # of its outbox; empty for a worker of an earlier release
    shares: str = ""  # the sentence of the status on targets that it began to share; for a while


class Pair(Record, frozen=True, kw_only=True):
    """The latest outcome of one check on one target.

    `order` is of that outcome: an older one never replaces it. `verdict` is the order of the newest
    passed or failed one, whatever came after it.
    """

    target: str
    check: str
    family: Family
    site: str
    outcome: Outcome
    run_id: str
    started: Instant
    finished: Instant
    kind: Kind | None = None
    reason: str = ""
    order: Order = Order()
    verdict: Order | None = None
    parts_not_checked: tuple[PartNotChecked, ...] = ()


class Confirmation(Record, frozen=True, kw_only=True):
    """The newest answer that repeats what was known of some checks and findings of a target.

    Of `checks` the latest outcome, of `findings` (ids) that they are there as they were.
    """

    run_id: str
    started: Instant
    finished: Instant
    order: Order
    checks: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One answer to one job: its order, by which run, about whom, and when, for people to read."""

    order: Order
    run_id: str
    target: str
    family: Family
    site: str
    started: Instant
    finished: Instant
    facts: Facts | None = None
    execution: str = ""  # whose it is, and which of its executions
    learned: frozenset[str] = frozenset()  # the checks that have a verdict in it
