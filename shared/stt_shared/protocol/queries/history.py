"""Requests and replies about changes between two runs or since a time, and trends over days."""

from __future__ import annotations

from datetime import date

from stt_shared.protocol.control import UncheckedTarget
from stt_shared.protocol.enums import Change, Family, Severity
from stt_shared.protocol.messages import Instant, Value
from stt_shared.protocol.queries.reports import ReportedFinding
from stt_shared.protocol.records import RunRecord


class DiffRequest(Value, frozen=True, kw_only=True):
    """A page of the changes either between two runs (in any order) or since an instant."""

    run_a: str = ""
    run_b: str = ""
    since: Instant | None = None
    after: str = ""  # `next` of the page before
    schema: str = "stt.control.diff/v1"


class Difference(Value, frozen=True, kw_only=True):
    """A finding that changed.

    `change` is opened, resolved, changed (its severity), accepted or unaccepted; `was` is its
    severity before. A finding that is new and accepted is opened.
    """

    change: Change
    target: str
    family: Family
    site: str
    check: str
    finding: ReportedFinding  # as it is now; if resolved, as it was
    was: Severity | None = None


class DiffReply(Value, frozen=True, kw_only=True):
    """A page in order of target, check and finding; `next` is empty on the last page.

    `unchecked` are the targets of this page that were not checked in the later run (without runs:
    in their last run); their earlier findings remain. `not_compared` counts checks on the other
    targets of this page that have no outcome in one of the runs.
    """

    differences: tuple[Difference, ...]
    unchecked: tuple[UncheckedTarget, ...] = ()
    not_compared: int = 0
    before: RunRecord | None = None
    later: RunRecord | None = None
    since: Instant | None = None
    kept_since: Instant | None = None  # set if `since` is earlier: older changes were deleted
    next: str = ""
    schema: str = "stt.control.diff-reply/v1"


class TrendsRequest(Value, frozen=True, kw_only=True):
    """The last `days` days, today included."""

    days: int = 30
    schema: str = "stt.control.trends/v1"


class Numbers(Value, frozen=True, kw_only=True):
    """The number of findings of each severity, without accepted findings."""

    critical: int = 0
    major: int = 0
    trivial: int = 0


class TrendDay(Value, frozen=True, kw_only=True):
    """A day in UTC: findings open at its end (today: now), opened, and resolved on it."""

    day: date
    open: Numbers
    opened: Numbers = Numbers()
    resolved: Numbers = Numbers()


class FixTime(Value, frozen=True, kw_only=True):
    """The number of resolved findings, and the time to fix: median and 90th percentile."""

    severity: Severity
    fixed: int
    median_s: int | None = None  # seconds, in whole minutes
    p90_s: int | None = None


class TrendsReply(Value, frozen=True, kw_only=True):
    """Days since the first known one, oldest first, and the times to fix within them."""

    days: tuple[TrendDay, ...]
    fix_times: tuple[FixTime, ...]
    since: date  # the first day of the requested period
    schema: str = "stt.control.trends-reply/v1"


class EventsReplayRequest(Value, frozen=True, kw_only=True):
    """Publish the events of findings and runs from `since` on again, with the same message ids."""

    since: Instant
    by: str
    reason: str = ""
    schema: str = "stt.control.events-replay/v1"


class EventsReplayReply(Value, frozen=True, kw_only=True):
    """The number of events of findings and of runs that are published again."""

    findings: int
    runs: int
    schema: str = "stt.control.events-replay-reply/v1"
