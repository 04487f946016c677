"""The overview of everything and findings in groups: requests and replies."""

from __future__ import annotations

from enum import StrEnum

from stt_shared.protocol.control import StatusReply
from stt_shared.protocol.enums import Family, Severity
from stt_shared.protocol.messages import Instant, Value
from stt_shared.protocol.queries.history import TrendsReply
from stt_shared.protocol.records import FindingEvent


class OverviewState(StrEnum):
    """The one state that all numbers have to be read with; the first that applies."""

    NEVER = "never"  # checks have never been enabled
    OFF = "off"  # checks are disabled
    EMPTY = "empty"  # no target is known
    FIRST = "first"  # the first run since checks were enabled is in progress or about to start
    OVERDUE = "overdue"  # a run is missing, or a target was last checked too long ago
    PARTIAL = "partial"  # no finding, but not everything was checked
    CLEAR = "clear"  # no finding, and everything was checked
    FINDINGS = "findings"


class FindingGroupBy(StrEnum):
    """What findings can be grouped by."""

    CHECK = "check"
    TARGET = "target"
    SITE = "site"


class FindingGroupsRequest(Value, frozen=True, kw_only=True):
    """Open findings in groups, most severe first; filters as those of FindingsRequest."""

    by: FindingGroupBy = FindingGroupBy.CHECK
    severities: tuple[Severity, ...] = ()
    families: tuple[Family, ...] = ()
    sites: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    limit: int = 500
    schema: str = "stt.control.finding-groups/v1"


class FindingGroup(Value, frozen=True, kw_only=True):
    """Open findings of one check, target or site; accepted ones are left out."""

    name: str
    findings: int
    targets: int
    critical: int
    major: int
    trivial: int


class FindingGroupsReply(Value, frozen=True, kw_only=True):
    """The groups, those with the most critical findings first."""

    groups: tuple[FindingGroup, ...]
    schema: str = "stt.control.finding-groups-reply/v1"


class SeverityNumber(Value, frozen=True, kw_only=True):
    """Open findings of a severity, and the change since yesterday where that is known."""

    severity: Severity
    now: int
    change: int | None = None


class SiteOverview(Value, frozen=True, kw_only=True):
    """The targets and workers of a site."""

    name: str
    targets: int
    unchecked: int  # targets that the last run could not check
    late: int  # targets whose last check is older than a run may be
    workers: int  # that are up
    checked: Instant | None = None  # the last check of any target there
    gone: int = 0  # targets that no worker announces any more; not in the other numbers


class OverviewReply(Value, frozen=True, kw_only=True):
    """The numbers of today, the trend, what is new, what to fix first, and the sites."""

    state: OverviewState
    status: StatusReply
    late: int  # targets whose last check is older than a run may be
    numbers: tuple[SeverityNumber, ...]
    trend: TrendsReply
    new: tuple[FindingEvent, ...]  # since yesterday, most severe first, without evidence
    fixes: tuple[FindingGroup, ...]  # the checks with the most severe findings
    sites: tuple[SiteOverview, ...]
    now: Instant
    schema: str = "stt.control.overview-reply/v1"
