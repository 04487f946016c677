"""The findings that alerts report: severe enough, open, and not accepted."""

from __future__ import annotations

from stt_shared.protocol.enums import Change, Severity
from stt_shared.protocol.records import FindingEvent, FindingRecord

SEVERITY_OUTWARDS = {
    Severity.CRITICAL: "critical",
    Severity.MAJOR: "warning",
    Severity.TRIVIAL: "info",
}


def severities(least: str) -> tuple[Severity, ...]:
    """The severities from the most severe to `least`."""
    every = tuple(Severity)
    return every[: every.index(Severity(least)) + 1]


def is_accepted(record: FindingRecord) -> bool:
    """Whether a finding is accepted: the one definition for all alerts."""
    return record.accepted is not None


def is_news(event: FindingEvent, least: str) -> bool:
    """Whether a change is reported: it opens, changes or ends a finding that alerts report."""
    before, after = event.before, event.after
    reported = severities(least)
    if after.severity not in reported and (before is None or before.severity not in reported):
        return False
    match event.change:
        case Change.ACCEPTED:
            return before is not None and not is_accepted(before)
        case Change.RESOLVED:
            return before is None or not is_accepted(before)
        case _:
            return not is_accepted(after)


def link(page_url: str, finding: str) -> str:
    """The address of a finding on the page; empty without `page_url`."""
    return f"{page_url.rstrip('/')}/findings/{finding}" if page_url else ""
