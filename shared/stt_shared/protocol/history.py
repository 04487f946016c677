"""What changed between two runs or since a time, and the trend over days: requests and replies."""

from __future__ import annotations

from datetime import date

from stt_shared.protocol.control import UncheckedTarget
from stt_shared.protocol.enums import Change, Family, Severity
from stt_shared.protocol.messages import Instant, Value
from stt_shared.protocol.records import RunRecord
from stt_shared.protocol.reports import ReportedFinding


class DiffRequest(Value, frozen=True, kw_only=True):
    """A page of what changed between two runs (in any order), or since an instant: one of both."""

    run_a: str = ""
    run_b: str = ""
    since: Instant | None = None
    after: str = ""  # `next` of the page before
    schema: str = "stt.control.diff/v1"


class Difference(Value, frozen=True, kw_only=True):
    """A finding that is not as it was.

    `change` is opened, resolved, changed (its severity), accepted or unaccepted; `was` is its
    severity before. A finding that is new and accepted is opened.
    """

    change: Change
    target: str
    family: Family
    site: str
    check: str
    finding: ReportedFinding  # as it is now, or as it was where it is resolved
    was: Severity | None = None


class DiffReply(Value, frozen=True, kw_only=True):
    """A page in order of target, check and finding; `next` is empty on the last page.

    `unchecked` are the targets of this page that the later run (without runs: their last one)
    learned nothing of; what was found there before stands. `not_compared` counts checks on
    answering targets of this page that one of the runs has no answer to.
    """

    differences: tuple[Difference, ...]
    unchecked: tuple[UncheckedTarget, ...] = ()
    not_compared: int = 0
    before: RunRecord | None = None
    later: RunRecord | None = None
    since: Instant | None = None
    kept_since: Instant | None = None  # where `since` lies before: only later changes are kept
    next: str = ""
    schema: str = "stt.control.diff-reply/v1"


class TrendsRequest(Value, frozen=True, kw_only=True):
    """The last `days` days, today included."""

    days: int = 30
    schema: str = "stt.control.trends/v1"


class Numbers(Value, frozen=True, kw_only=True):
    """A number of findings for each severity; accepted ones are in none."""

    critical: int = 0
    major: int = 0
    trivial: int = 0


class TrendDay(Value, frozen=True, kw_only=True):
    """A day in UTC: open at its end (today: now), opened or reopened, and resolved on it."""

    day: date
    open: Numbers
    opened: Numbers = Numbers()
    resolved: Numbers = Numbers()


class FixTime(Value, frozen=True, kw_only=True):
    """How many findings were resolved, and after how long: the median and nine of ten of them."""

    severity: Severity
    fixed: int
    median_s: int | None = None  # seconds, in whole minutes
    p90_s: int | None = None


class TrendsReply(Value, frozen=True, kw_only=True):
    """Days from the first that is known, oldest first, and the time to fix within them."""

    days: tuple[TrendDay, ...]
    fix_times: tuple[FixTime, ...]
    since: date  # the first day that was looked at
    schema: str = "stt.control.trends-reply/v1"
