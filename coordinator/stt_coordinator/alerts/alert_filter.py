"""Which findings alerts tell of: severe enough, open, and not accepted."""

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
    """Whether somebody has accepted a finding: the one place where alerts ask."""
    return record.accepted is not None


def is_news(event: FindingEvent, least: str) -> bool:
    """Whether a change is told: it begins, alters or ends something that people are told of."""
    before, after = event.before, event.after
    told = severities(least)
    if after.severity not in told and (before is None or before.severity not in told):
        return False
    match event.change:
        case Change.ACCEPTED:
            return before is not None and not is_accepted(before)
        case Change.RESOLVED:
            return before is None or not is_accepted(before)
        case _:
            return not is_accepted(after)


def link(page_url: str, finding: str) -> str:
    """The address of a finding on the page; empty where the page's own is not known."""
    return f"{page_url.rstrip('/')}/findings/{finding}" if page_url else ""
