"""What every handler works with, and how a refusal leaves."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from stt_coordinator.control.readiness import Part
from stt_coordinator.metrics.counters import Meters
from stt_coordinator.packs.library import Library
from stt_coordinator.store.port import Store
from stt_coordinator.tasks.control_state import Switch
from stt_coordinator.tasks.retention import Keep
from stt_coordinator.tasks.scheduler import Scheduler
from stt_coordinator.tasks.wakeups import Bells
from stt_shared.bus.port import RequestError


class Refusal(StrEnum):
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
    UNAVAILABLE = "unavailable"  # NATS or the store do not answer: try again


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """The parts of a coordinator that requests reach; `degraded` tells what is wrong with it."""

    store: Store
    switch: Switch
    library: Library
    scheduler: Scheduler
    bells: Bells
    degraded: Callable[[], tuple[str, ...]]
    ready: Callable[[], Awaitable[tuple[Part, ...]]]  # whether each part makes progress
    meters: Meters = field(default_factory=Meters)
    keep: Keep = field(default_factory=Keep)
    silent_after: timedelta = timedelta(seconds=45)  # then a worker counts as down
    skews: Callable[[], Mapping[str, float]] = dict  # seconds a worker's clock is behind


def refused(code: Refusal, sentence: str) -> RequestError:
    """A refusal to be raised."""
    return RequestError(code, sentence)
