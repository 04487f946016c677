"""A report as CSV (RFC 4180): a row for each finding and for each pair without a finding."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from io import StringIO

from stt_shared.protocol.enums import Outcome
from stt_shared.protocol.queries.reports import ReportedFinding, ReportedResult
from stt_shared.protocol.records import Acceptance
from stt_shared.report import readable
from stt_shared.report.counts import is_not_checked
from stt_shared.report.formats.report_context import ReportContext, why
from stt_shared.report.objects import jsonl_text
from stt_shared.report.remedy import paragraphs
from stt_shared.report.theme import clean

FIX_COLUMNS = ("before", "effect", "restart", "persistent", "undo")  # beside `remediation`
COLUMNS: tuple[str, ...] = (
    "status",
    "severity",
    "check",
    "target",
    "family",
    "site",
    "object",
    "summary",
    "description",
    "remediation",
    "evidence",
    "since",
    "accepted_until",
    "accepted_by",
    "accepted_reason",
    "not_checked",
    "finding_id",
    "run_id",
    "finished",
    "parts_not_checked",
    "labels",
    "read_more_url",
    *FIX_COLUMNS,
)
# A spreadsheet runs a cell with this first character as a formula; the last four are wide forms.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def text(context: ReportContext) -> str:
    """All results after the header; `status` is the kind of a row."""
    out = StringIO(newline="")
    writer = csv.DictWriter(out, COLUMNS, restval="", lineterminator="\r\n")
    writer.writeheader()
    every = {"run_id": context.report.run_id, "finished": readable.rfc3339(context.report.finished)}
    for result in context.report.results:
        for row in _rows(result):
            writer.writerow({name: safe(value) for name, value in (row | every).items()})
    return out.getvalue()


def safe(value: str) -> str:
    """`value` without control characters, and with an apostrophe if it could be a formula."""
    cleaned = clean(value, keep="\n")
    return f"'{cleaned}" if cleaned.lstrip(" ").startswith(FORMULA) else cleaned


def _status(one: Acceptance | None) -> str:
    if one is None:
        return "failed"
    return "baseline" if one.baseline else "accepted"


def _fix(finding: ReportedFinding) -> dict[str, str]:
    """The cells of a remediation; those of FIX_COLUMNS are empty if it is a text."""
    cells: dict[str, str] = {}
    for one in paragraphs(finding):
        column = "remediation" if one.part == "fix" else one.part
        cells[column] = "\n".join(filter(None, (cells.get(column), one.text)))
    return cells


def _rows(result: ReportedResult) -> Iterator[dict[str, str]]:
    pair = {
        "check": result.check,
        "target": result.target,
        "family": str(result.family),
        "site": result.site,
        "parts_not_checked": readable.parts(result.parts_not_checked),
    }
    for finding in result.findings:
        one = finding.accepted
        row = (
            pair
            | _fix(finding)
            | {
                "status": _status(one),
                "severity": str(finding.severity),
                "object": finding.object or "",
                "summary": finding.summary,
                "description": finding.description,
                "evidence": jsonl_text([finding.evidence]).strip() if finding.evidence else "",
                "since": readable.rfc3339(finding.since),
                "finding_id": finding.id,
                "labels": readable.labels(finding.labels),
                "read_more_url": finding.read_more_url,
            }
        )
        if one is not None:
            row["accepted_until"] = one.until.isoformat()
            row["accepted_by"] = one.by
            row["accepted_reason"] = one.reason
        yield row
    for implied in result.implied:
        yield pair | {
            "status": "implied",
            "object": implied.object,
            "summary": f"counts with {implied.implied_by.id} of {implied.implied_by.check}",
        }
    if result.findings or result.implied:
        return
    if is_not_checked(result):
        yield pair | {"status": "not_checked", "not_checked": why(result)}
    elif result.outcome in (Outcome.PASSED, Outcome.FAILED):
        yield pair | {"status": str(result.outcome)}
    else:
        yield pair | {"status": "not_applicable"}
