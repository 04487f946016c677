"""The context of every handler, and the error codes of its answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from stt_coordinator.control.counted_runs import CountedRuns
from stt_coordinator.domain.leader_report import LeaderReport
from stt_coordinator.metrics.counters import Counters
from stt_coordinator.packs.library import Library, built_in_of
from stt_coordinator.store.port import Store
from stt_coordinator.tasks.control_state import ControlStateWriter
from stt_coordinator.tasks.guards.clock_guard import ClockGuard
from stt_coordinator.tasks.readiness import Part
from stt_coordinator.tasks.retention import RetentionLimits
from stt_coordinator.tasks.scheduler import Scheduler
from stt_coordinator.tasks.wakeups import Wakeups
from stt_shared.bus.values import RequestError
from stt_shared.protocol.control import PackStatus
from stt_shared.protocol.coordinators import CoordinatorInfo


class ErrorCode(StrEnum):
    """The codes that the control service answers with; a closed set."""

    DISABLED = "disabled"
    BAD_REQUEST = "bad_request"
    UNKNOWN_TARGET = "unknown_target"
    UNKNOWN_SITE = "unknown_site"
    UNKNOWN_CHECK = "unknown_check"
    UNKNOWN_FINDING = "unknown_finding"
    AMBIGUOUS_FINDING = "ambiguous_finding"
    UNKNOWN_LABEL = "unknown_label"
    UNKNOWN_EXCEPTION = "unknown_exception"
    AMBIGUOUS_EXCEPTION = "ambiguous_exception"
    UNKNOWN_RUN = "unknown_run"
    NO_TARGETS = "no_targets"
    UNKNOWN_WORKER = "unknown_worker"
    IN_USE = "in_use"  # a live worker announces the target, or the worker is up
    NOT_ANNOUNCED = "not_announced"  # no live worker of the site announces the target
    UNAVAILABLE = "unavailable"  # NATS or the store do not answer: try again


@dataclass(frozen=True, slots=True, kw_only=True)
class HandlerContext:
    """The parts of a coordinator that handlers use; `degraded` lists its problems."""

    store: Store
    control_state: ControlStateWriter
    library: Library
    scheduler: Scheduler
    wakeups: Wakeups
    degraded: Callable[[], tuple[str, ...]]
    ready: Callable[[], Awaitable[tuple[Part, ...]]]  # whether each part makes progress
    counters: Counters = field(default_factory=Counters)
    counted_runs: CountedRuns = field(default_factory=CountedRuns)
    retention: RetentionLimits = field(default_factory=RetentionLimits)
    leader: Callable[[], CoordinatorInfo | None] = lambda: None  # and the other coordinators
    leads: bool = True  # this one is the leader
    leader_report: Callable[[], LeaderReport] = LeaderReport  # what it put into the store last
    results_consumer: str = ""  # the consumer that results are received from
    silent_after: timedelta = timedelta(seconds=45)  # then a worker counts as down
    clock: ClockGuard | None = None
    nonce_rule: Callable[[], str] = lambda: "are refused"  # of results without a nonce
    skews: Callable[[], Mapping[str, float]] = dict  # seconds a worker's clock is behind

    @property
    def pack(self) -> PackStatus | None:
        """The pack that runs are planned with: the leader's; None where its checks are built in."""
        return self.library.status if self.leads else self.leader_report().pack

    @property
    def built_in(self) -> str:
        """The digest of the leader's built-in checks; empty if they are of a pack, or unknown."""
        return built_in_of(self.library) if self.leads else self.leader_report().built_in

    @property
    def releases_as_of(self) -> str:
        """The date of the release data in the leader's checks."""
        if self.leads:
            return self.library.catalogue.as_of
        return self.leader_report().releases_as_of


def request_error(code: ErrorCode, message: str) -> RequestError:
    """The error that ends a request with `code`, to be raised by the handler."""
    return RequestError(code, message)
