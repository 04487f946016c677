"""A report as OCSF events of class Compliance Finding (2003) for SIEMs and data lakes.

One event for each finding, for each pair that passed, and for each pair that was not checked; none
for a pair that does not apply. A pair that failed with findings that count at their causes alone
has one without a finding. An accepted finding keeps its state. A pass that does not cover
every database of its target is a warning.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from stt_shared.protocol.enums import Severity
from stt_shared.protocol.queries.reports import ReportedResult
from stt_shared.report import readable
from stt_shared.report.formats.report_context import (
    TOOL,
    Entry,
    ReportContext,
    implied_text,
    why,
)
from stt_shared.report.objects import json_text
from stt_shared.report.remedy import plain

VERSION = "1.5.0"
CLASS = 2003
CATEGORY = 2
CREATE, UPDATE = 1, 2
ACTIVITIES = {CREATE: "Create", UPDATE: "Update"}
SEVERITIES = {
    Severity.CRITICAL: (5, "Critical"),
    Severity.MAJOR: (4, "High"),
    Severity.TRIVIAL: (2, "Low"),
}
INFORMATIONAL, UNKNOWN_SEVERITY = (1, "Informational"), (0, "Unknown")
PASS, FAIL, UNKNOWN = (1, "Pass"), (3, "Fail"), (0, "Unknown")
WARNING = (2, "Warning")  # OCSF: information is missing
NEW, SUPPRESSED = (1, "New"), (3, "Suppressed")
Object = dict[str, Any]


def text(context: ReportContext) -> str:
    """All events as one JSON array."""
    events = [_of_finding(context, entry) for entry in (*context.failures, *context.accepted)]
    for one in context.passed:
        ending = WARNING if one.parts_not_checked else PASS
        events.append(_of_pair(context, one, ending, INFORMATIONAL))
    events += [_of_pair(context, one, FAIL, INFORMATIONAL) for one in context.implied]
    events += [_of_pair(context, one, UNKNOWN, UNKNOWN_SEVERITY) for one in context.unchecked]
    return json_text(events)


def _of_finding(context: ReportContext, entry: Entry) -> Object:
    finding, result = entry.finding, entry.result
    started = context.report.started
    activity = UPDATE if started is not None and finding.since < started else CREATE
    event = _event(context, result, FAIL, SEVERITIES[finding.severity], activity)
    event |= {
        "message": f"{result.target}: {entry.text}",
        "finding_info": {
            "uid": finding.id,
            "title": entry.text,
            "desc": finding.description,
            "types": [result.check],
            "first_seen_time": _ms(finding.since),
            "created_time": _ms(finding.since),
        },
    }
    event["status_id"], event["status"] = NEW if finding.accepted is None else SUPPRESSED
    if finding.remediation:
        event["remediation"] = {"desc": plain(finding)}
    event["unmapped"] |= {"labels": finding.labels, "read_more_url": finding.read_more_url}
    if finding.evidence:
        event["evidences"] = [{"data": row} for row in finding.evidence]
    if finding.accepted is not None:
        event["comment"] = finding.accepted.reason
        event["unmapped"]["accepted"] = finding.accepted
    return event


def _of_pair(
    context: ReportContext,
    result: ReportedResult,
    ending: tuple[int, str],
    severity: tuple[int, str],
) -> Object:
    """A pair without a finding; with the reason if it has no verdict."""
    event = _event(context, result, ending, severity, CREATE)
    left_out = readable.parts(result.parts_not_checked)
    verdict = f"not checked: {why(result)}" if ending is UNKNOWN else "passed"
    if ending is FAIL:
        verdict = f"failed, {implied_text(result)}"
    event["message"] = f"{result.target}: {result.check} {verdict}"
    if ending is WARNING:
        event["message"] += f", {left_out}"
        event["status_detail"] = event["compliance"]["status_detail"] = left_out
    event["finding_info"] = {
        "uid": f"{result.target}/{result.check}",
        "title": context.title(result.check),
        "types": [result.check],
    }
    if ending is UNKNOWN:
        event["status_detail"] = event["compliance"]["status_detail"] = why(result)
        event["status_code"] = str(result.kind or result.outcome)
    return event


def _event(
    context: ReportContext,
    result: ReportedResult,
    ending: tuple[int, str],
    severity: tuple[int, str],
    activity: int,
) -> Object:
    """The fields of every event."""
    return {
        "activity_id": activity,
        "activity_name": ACTIVITIES[activity],
        "category_uid": CATEGORY,
        "category_name": "Findings",
        "class_uid": CLASS,
        "class_name": "Compliance Finding",
        "type_uid": CLASS * 100 + activity,
        "type_name": f"Compliance Finding: {ACTIVITIES[activity]}",
        "severity_id": severity[0],
        "severity": severity[1],
        "time": _ms(context.written),
        "metadata": {
            "version": VERSION,
            "product": {"name": TOOL, "vendor_name": TOOL, "version": context.version},
            "correlation_uid": context.report.run_id,
            "event_code": result.check,
        },
        "compliance": _compliance(context, result.check, ending),
        "resources": [
            {
                "uid": result.target,
                "name": result.target,
                "type": str(result.family),
                "namespace": result.site,
            }
        ],
        "unmapped": {
            "site": result.site,
            "only": context.part,
            "notices": context.gaps,
            "parts_not_checked": result.parts_not_checked,
        },
    }


def _compliance(context: ReportContext, name: str, ending: tuple[int, str]) -> Object:
    check = context.checks.get(name)
    made: Object = {
        "control": name,
        "desc": context.title(name),
        "status_id": ending[0],
        "status": ending[1],
    }
    references = check.references if check is not None else ()
    standards = sorted({one.rpartition(" ")[0] for one in references if " " in one})
    if references:
        made |= {"requirements": list(references), "standards": standards}
    return made


def _ms(at: datetime) -> int:
    """Milliseconds since 1970, the time format of OCSF."""
    return round(at.timestamp() * 1_000)
