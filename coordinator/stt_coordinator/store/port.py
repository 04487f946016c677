"""The store as the coordinator needs it: transactions of plain functions over one ledger.

A function given to `transact` runs whole, in one thread hop, and is in the store for good when
`transact` returns, or leaves nothing behind. It must not wait for anything and may run elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, ClassVar, NamedTuple, Protocol, TypeVar

import msgspec

from stt_coordinator.domain.breakdown import Breakdown
from stt_coordinator.domain.daily import DayRow, Fixes
from stt_coordinator.domain.model import JobRow, JobState, Pair, TargetRow, WorkerRow
from stt_coordinator.domain.summary import Tallies
from stt_coordinator.store.port_parts import PartsLedger
from stt_shared.bus.port import Outgoing
from stt_shared.errors import EXIT_UNREACHABLE, SttError
from stt_shared.protocol.audit import AuditEntry
from stt_shared.protocol.control import CheckInfo
from stt_shared.protocol.enums import Severity
from stt_shared.protocol.exceptions import ExceptionRecord
from stt_shared.protocol.findings import FindingsRequest
from stt_shared.protocol.health import StoreHealth
from stt_shared.protocol.messages import ControlState, Instant, Watermark
from stt_shared.protocol.records import Counts, FindingEvent, FindingRecord, RunRecord

T = TypeVar("T")


class StoreError(SttError):
    """The store cannot do what was asked of it; nothing of it was kept."""

    exit_code: ClassVar[int] = EXIT_UNREACHABLE


class StoreFullError(StoreError):
    """The disk, or the size the store may have, is full."""


class StoreReadOnlyError(StoreError):
    """The store may not be written."""


class StoreBusyError(StoreError):
    """Somebody else holds the store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RawResult:
    """A result as it came; its key is worker, epoch and sequence."""

    worker: str
    epoch: str
    sequence: int
    job_id: str
    received: datetime
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """A message that was not taken in; `data` is its beginning."""

    code: str
    reason: str
    subject: str
    at: datetime
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxRow:
    """A message that has to leave; `position` orders them."""

    position: int
    message: Outgoing


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """What `prune` drops: everything in full, and days with the runs on them, that is older."""

    full: datetime
    daily: datetime
    audit: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouped:
    """Open findings that have one thing in common: how many, of how many targets, how severe."""

    name: str
    findings: int
    targets: int
    critical: int
    major: int
    trivial: int


class FindingPlace(NamedTuple):
    """Where a finding stands in the order of findings; `since` as `clock.to_text`, or empty."""

    severity: Severity
    since: str
    id: str


class Place(NamedTuple):
    """Where a row stands that is ordered by an instant, as `clock.to_text`, then by its id."""

    at: str
    id: str


class EventPlace(NamedTuple):
    """Where an event stands in the history; position -1 is before every one of that instant."""

    at: Instant
    position: Annotated[int, msgspec.Meta(ge=-1, le=2**63 - 1)]


EVERY = FindingsRequest()


class RunLedger(Protocol):
    """Runs, their jobs, and the results as they came."""

    def run(self, run_id: str) -> RunRecord | None:
        """The run of that id."""
        ...

    def put_run(self, run: RunRecord) -> None:
        """Insert or replace."""
        ...

    def runs(self, limit: int, before: Place | None = None) -> list[RunRecord]:
        """The newest runs, or those before a slot and id, newest slot first."""
        ...

    def running(self) -> list[RunRecord]:
        """The runs that are not over."""
        ...

    def last_run(self) -> RunRecord | None:
        """The newest run that was not skipped."""
        ...

    def run_before(self, run: RunRecord) -> RunRecord | None:
        """The newest finished run with an earlier slot: of the same schedule, else of any."""
        ...

    def last_slots(self) -> dict[str, datetime]:
        """The newest slot by schedule that was decided about."""
        ...

    def put_slot(self, schedule: str, slot: datetime) -> None:
        """It is decided about; an older one than known changes nothing."""
        ...

    def put_jobs(self, jobs: Iterable[JobRow]) -> None:
        """Insert or replace; a replaced job keeps its place in the order."""
        ...

    def jobs(self, ids: Iterable[str]) -> dict[str, JobRow]:
        """The jobs of these ids that exist."""
        ...

    def followers(self, ids: Iterable[str]) -> list[JobRow]:
        """The outstanding jobs that follow one of these."""
        ...

    def outstanding(self, targets: Iterable[str]) -> dict[str, JobRow]:
        """By target its newest outstanding job that follows none."""
        ...

    def open_jobs(self, limit: int) -> list[JobRow]:
        """Outstanding jobs that follow none, oldest first."""
        ...

    def dispatchable(self, now: datetime, limit: int) -> list[JobRow]:
        """Pending jobs whose time has come and whose target has no earlier one outstanding."""
        ...

    def overdue(self, now: datetime, limit: int) -> list[JobRow]:
        """Outstanding jobs that follow none and whose deadline has passed."""
        ...

    def jobs_of_run(self, run_id: str, first_target: str, limit: int) -> list[JobRow]:
        """Jobs of a run in order of their targets, from `first_target` on."""
        ...

    def tally_jobs(self, run_id: str) -> dict[JobState, int]:
        """How many jobs of a run are in which state."""
        ...

    def add_results(self, rows: Sequence[RawResult]) -> list[bool]:
        """Append; for each whether it is new."""
        ...

    def sequences_after(self, worker: str, epoch: str, sequence: int) -> Iterator[int]:
        """The positions held beyond `sequence`, in order."""
        ...

    def watermark(self, worker: str, epoch: str) -> int | None:
        """The position up to which everything is here."""
        ...

    def put_watermarks(self, watermarks: Iterable[Watermark], at: datetime) -> None:
        """Insert or replace, of each worker and epoch."""
        ...

    def watermarks(self) -> list[Watermark]:
        """Of each worker the one that was put last."""
        ...


class FindingLedger(PartsLedger, Protocol):
    """The latest outcomes, findings and their history."""

    def pairs(self, targets: Iterable[str]) -> list[Pair]:
        """The latest outcomes of these targets."""
        ...

    def put_pairs(self, pairs: Iterable[Pair]) -> None:
        """Insert or replace."""
        ...

    def current_pairs(self, after: tuple[str, str], limit: int) -> list[Pair]:
        """In order of (target, check) beyond `after`, without gone targets and switched-off."""
        ...

    def findings_of(self, targets: Iterable[str]) -> list[FindingRecord]:
        """Every finding of these targets, resolved ones too."""
        ...

    def put_findings(self, findings: Iterable[FindingRecord]) -> None:
        """Insert or replace."""
        ...

    def findings_by_id(self, ids: Iterable[str]) -> list[FindingRecord]:
        """The findings of these ids, resolved ones too."""
        ...

    def findings_of_check(self, check: str) -> list[FindingRecord]:
        """The findings of a check that are not resolved."""
        ...

    def find_findings(
        self, query: FindingsRequest, beyond: FindingPlace | None = None
    ) -> tuple[list[FindingRecord], int]:
        """A page, most severe first, then oldest, then by id; and how many there are in all.

        The page begins after `beyond`, which need not be there any more.
        Open ones are those that are not accepted. Open and accepted ones are left out where their
        target is gone or their check is switched off.
        """
        ...

    def group_findings(self, by: str, limit: int, query: FindingsRequest = EVERY) -> list[Grouped]:
        """Open findings by `check`, `target` or `site`: most critical first, then most.

        The state that the query asks for plays no part.
        """
        ...

    def findings_like(self, prefix: str, limit: int) -> list[FindingRecord]:
        """Findings whose id begins with `prefix`."""
        ...

    def add_events(self, events: Iterable[FindingEvent]) -> None:
        """Append to the history, and count them on their days."""
        ...

    def history_of(self, finding: str, limit: int) -> list[FindingEvent]:
        """The newest events of a finding, oldest first."""
        ...

    def events_after(self, position: int, limit: int) -> list[tuple[int, FindingEvent]]:
        """The oldest events beyond `position`, each with its own."""
        ...

    def last_event(self) -> int:
        """The position of the newest event; 0 if there is none."""
        ...

    def cursor(self, name: str) -> int | None:
        """How far a reader of the history is; None for one that never read."""
        ...

    def put_cursor(self, name: str, position: int) -> None:
        """Insert or replace."""
        ...

    def events_since(
        self, since: datetime, offset: int, limit: int
    ) -> tuple[list[FindingEvent], int]:
        """Events at or after `since`, oldest first, and how many there are in all."""
        ...

    def events_page(
        self, beyond: EventPlace, offset: int, limit: int
    ) -> list[tuple[int, FindingEvent]]:
        """Events beyond an instant and a position in it, oldest first, each with its own."""
        ...


class ExceptionLedger(Protocol):
    """Exceptions; they are never dropped: auditors ask for past ones."""

    def exception(self, id_: str) -> ExceptionRecord | None:
        """The exception of that id."""
        ...

    def exceptions_like(self, prefix: str, limit: int) -> list[ExceptionRecord]:
        """Exceptions whose id begins with `prefix`."""
        ...

    def put_exceptions(self, exceptions: Iterable[ExceptionRecord]) -> None:
        """Insert or replace."""
        ...

    def live_exceptions(self, targets: Iterable[str] | None = None) -> list[ExceptionRecord]:
        """Neither revoked nor ended: all, or those that may concern one of `targets`."""
        ...

    def find_exceptions(
        self, state: str, offset: int, limit: int, before: Place | None = None
    ) -> tuple[list[ExceptionRecord], int]:
        """A page, newest first, of `live`, `ended`, `revoked` or `all`, and how many in all.

        The page begins after the instant and id `before`.
        """
        ...

    def exceptions_due(self, now: datetime, limit: int) -> list[ExceptionRecord]:
        """Live ones about which something has to be done by now."""
        ...

    def tally_accepted(self, ids: Iterable[str]) -> dict[str, int]:
        """How many current findings are accepted through each of these exceptions."""
        ...

    def next_end(self) -> date | None:
        """The first last day of the live exceptions that accept."""
        ...


class AuditLedger(Protocol):
    """Who did what."""

    def add_audit(self, entries: Iterable[AuditEntry]) -> None:
        """Append."""
        ...

    def audit(self, before: int | None, limit: int) -> list[tuple[int, AuditEntry]]:
        """The newest entries before a position, or of all, each with its own, newest first."""
        ...


class FleetLedger(Protocol):
    """Targets, workers, checks, and what has to leave."""

    def targets(self, ids: Iterable[str]) -> dict[str, TargetRow]:
        """The targets of these ids that are known."""
        ...

    def all_targets(self) -> list[TargetRow]:
        """Every target, gone ones too, in order of their names."""
        ...

    def targets_page(self, after: str, limit: int) -> list[TargetRow]:
        """Targets beyond `after`, in order of their names."""
        ...

    def put_targets(self, targets: Iterable[TargetRow]) -> None:
        """Insert or replace."""
        ...

    def unchecked(self, limit: int, after: str = "") -> list[TargetRow]:
        """Targets beyond `after` of which the last run learned nothing, in order of their names."""
        ...

    def tally_unchecked(self) -> int:
        """How many targets there are of which the last run learned nothing."""
        ...

    def workers(self) -> list[WorkerRow]:
        """Every worker, in order of their names."""
        ...

    def put_workers(self, workers: Iterable[WorkerRow]) -> None:
        """Insert or replace."""
        ...

    def checks(self) -> list[CheckInfo]:
        """Every known check, by family and name."""
        ...

    def replace_checks(self, checks: Iterable[CheckInfo]) -> None:
        """The known checks are these and no others."""
        ...

    def tallies(self) -> Tallies:
        """What the counts are made of."""
        ...

    def breakdown(self) -> Breakdown:
        """What metrics tell of findings and of pairs not checked."""
        ...

    def put_counts(self, at: datetime, counts: Counts) -> None:
        """Remember the counts of that hour, and the newest of its day."""
        ...

    def counts_before(self, at: datetime) -> Counts | None:
        """The newest remembered counts at or before `at`."""
        ...

    def days(self, since: date) -> list[DayRow]:
        """Every day in UTC from `since` on that something is known of, oldest first."""
        ...

    def last_counted_day(self, before: date) -> date | None:
        """The newest day before `before` on which counts were remembered."""
        ...

    def fixes(self, since: date) -> list[Fixes]:
        """How long findings were there that were resolved from `since` on."""
        ...

    def control(self) -> ControlState | None:
        """The control state as it was last seen."""
        ...

    def put_control(self, state: ControlState) -> None:
        """Remember it: the broker must not have the only copy."""
        ...

    def add_outgoing(self, messages: Iterable[Outgoing]) -> None:
        """Append messages that have to leave."""
        ...

    def outgoing(self, limit: int) -> list[OutboxRow]:
        """The oldest messages that have not left."""
        ...

    def drop_outgoing(self, positions: Iterable[int]) -> None:
        """They have left."""
        ...

    def add_rejected(self, rejected: Iterable[Rejected]) -> None:
        """Remember messages that were not taken in."""
        ...

    def tally_rejected(self) -> dict[str, int]:
        """How many messages were not taken in, by code."""
        ...

    def prune(self, before: Before, limit: int) -> Mapping[str, int]:
        """Drop at most `limit` rows of what is old; how many of which kind.

        What is known now stays however old it is: open findings, the latest outcome of each check
        on each target, targets, exceptions, runs that are not over.
        """
        ...


class Ledger(RunLedger, FindingLedger, ExceptionLedger, AuditLedger, FleetLedger, Protocol):
    """Everything in the store, as seen inside one transaction."""


class Store(Protocol):
    """Transactions over the ledger; every method raises StoreError."""

    async def transact(self, work: Callable[[Ledger], T]) -> T:
        """Run `work` and keep what it wrote; if it raises nothing is kept."""
        ...

    async def read(self, work: Callable[[Ledger], T]) -> T:
        """Run `work` on one consistent state; it must not write."""
        ...

    async def health(self) -> StoreHealth:
        """How the store's file is; never raises, reads all of it at most once a minute."""
        ...

    async def close(self) -> None:
        """Let go of the store; may be called twice."""
        ...
