"""A report as SARIF 2.1.0 (OASIS) for code scanning and SARIF viewers.

GitHub groups results by rule, requires a path, and identifies results by their fingerprint.
"""

from __future__ import annotations

from typing import Any

from stt_shared.checkfile.model import Check
from stt_shared.protocol.enums import Kind, Outcome, Severity
from stt_shared.protocol.queries.reports import ReportedResult
from stt_shared.report import readable
from stt_shared.report.formats.report_context import TOOL, Entry, ReportContext, why
from stt_shared.report.objects import json_text
from stt_shared.report.remedy import plain

VERSION = "2.1.0"
SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
PATH = "targets.toml"  # SARIF requires a file: the one that lists the targets
LEVELS = {Severity.CRITICAL: "error", Severity.MAJOR: "warning", Severity.TRIVIAL: "note"}
SCORES = {Severity.CRITICAL: "9.0", Severity.MAJOR: "7.0", Severity.TRIVIAL: "3.0"}
NO_RESULT = "no_result"
Object = dict[str, Any]


def text(context: ReportContext) -> str:
    """One log with one run; unchecked results are notifications of its invocation."""
    entries = [*context.failures, *context.accepted]
    names = sorted({result.check for result in context.report.results})
    places = {name: place for place, name in enumerate(names)}
    worst: dict[str, Severity] = {}
    for entry in reversed(context.failures):
        worst[entry.result.check] = entry.finding.severity
    rules = [_rule(name, context.checks.get(name), worst.get(name)) for name in names]
    driver = {
        "name": TOOL,
        "semanticVersion": context.version,
        "rules": rules,
        "notifications": [
            {"id": kind, "shortDescription": {"text": readable.KINDS[kind]}} for kind in Kind
        ]
        + [{"id": NO_RESULT, "shortDescription": {"text": "the report is not complete"}}],
    }
    run = {
        "tool": {"driver": driver},
        "automationDetails": {"id": f"stt/{context.report.run_id}"},
        "invocations": [_invocation(context, places)],
        "results": [_result(entry, places) for entry in entries],
        "properties": {"counts": context.report.summary, "only": context.part},
    }
    return json_text({"$schema": SCHEMA, "version": VERSION, "runs": [run]})


def _rule(name: str, check: Check | None, worst: Severity | None) -> Object:
    rule: Object = {"id": name, "shortDescription": {"text": name}}
    properties: Object = {"tags": ["security"]}
    if check is not None:
        fix = f"\n\n{check.remediation}" if check.remediation else ""
        rule |= {
            "shortDescription": {"text": check.summary},
            "fullDescription": {"text": check.description},
            "help": {"text": f"{check.description}{fix}"},
        }
        properties["tags"] = ["security", str(check.family), *check.references]
    if worst is not None:
        properties["security-severity"] = SCORES[worst]
        rule["defaultConfiguration"] = {"level": LEVELS[worst]}
    return rule | {"properties": properties}


def _invocation(context: ReportContext, places: dict[str, int]) -> Object:
    report = context.report
    notifications = [_notification(result, places) for result in context.unchecked]
    notifications += [_left_out(result, places) for result in context.partial]
    notifications += [
        {"level": "error", "descriptor": {"id": NO_RESULT}, "message": {"text": gap}}
        for gap in context.gaps
    ]
    times = {"startTimeUtc": report.started, "endTimeUtc": report.finished}
    return {
        "executionSuccessful": context.complete,
        **{name: readable.rfc3339(at) for name, at in times.items() if at is not None},
        "toolExecutionNotifications": notifications,
    }


def _notification(result: ReportedResult, places: dict[str, int]) -> Object:
    notification: Object = {
        "level": "error" if result.outcome is Outcome.ERROR else "warning",
        "message": {"text": f"{result.target}: {result.check} not checked: {why(result)}"},
        "associatedRule": {"id": result.check, "index": places[result.check]},
        "locations": [_location(result, None)],
    }
    return notification | ({"descriptor": {"id": result.kind}} if result.kind is not None else {})


def _left_out(result: ReportedResult, places: dict[str, int]) -> Object:
    """The verdict does not cover every database of the target."""
    left_out = readable.parts(result.parts_not_checked)
    return {
        "level": "warning",
        "message": {"text": f"{result.target}: {result.check} {result.outcome}, {left_out}"},
        "descriptor": {"id": result.parts_not_checked[0].kind},
        "associatedRule": {"id": result.check, "index": places[result.check]},
        "locations": [_location(result, one.name) for one in result.parts_not_checked],
    }


def _result(entry: Entry, places: dict[str, int]) -> Object:
    result, finding = entry.result, entry.finding
    texts = (
        f"{result.target}: {entry.text}",
        finding.description,
        plain(finding),
        *entry.references,
    )
    made: Object = {
        "ruleId": result.check,
        "ruleIndex": places[result.check],
        "level": LEVELS[finding.severity],
        "message": {"text": "\n\n".join(filter(None, texts))},
        "locations": [_location(result, finding.object)],
        "partialFingerprints": {"primaryLocationLineHash": finding.id, "sttFinding/v1": finding.id},
        "properties": {
            "severity": finding.severity,
            "security-severity": SCORES[finding.severity],
            "target": result.target,
            "family": result.family,
            "site": result.site,
            "since": readable.rfc3339(finding.since),
            "evidence": finding.evidence,
            "fix": finding.fix,
            "labels": finding.labels,
            "read_more_url": finding.read_more_url,
        },
    }
    one = finding.accepted
    if one is None:
        return made
    justification = f"{one.reason} (by {one.by}, until {one.until.isoformat()})"
    suppression = {"kind": "external", "status": "accepted", "justification": justification}
    return made | {"suppressions": [suppression | {"properties": {"exception": one.exception}}]}


def _location(result: ReportedResult, thing: str | None) -> Object:
    parts = [result.site, result.target, *([thing] if thing else [])]
    logical = {"name": parts[-1], "fullyQualifiedName": "/".join(parts), "kind": "resource"}
    physical = {"artifactLocation": {"uri": PATH}, "region": {"startLine": 1}}
    return {"physicalLocation": physical, "logicalLocations": [logical]}
