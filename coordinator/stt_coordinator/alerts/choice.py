"""Which findings alerts tell of: severe enough, open, and not accepted."""

from __future__ import annotations

from stt_shared.protocol.messages import FindingRecord
from stt_shared.protocol.words import Severity

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
    return bool(getattr(record, "accepted", False))


def link(page_url: str, finding: str) -> str:
    """The address of a finding on the page; empty where the page's own is not known."""
    return f"{page_url.rstrip('/')}/findings/{finding}" if page_url else ""
