"""The JSON report is the documented object, and its counts follow from its results."""

from __future__ import annotations

import json
from datetime import timedelta, timezone
from typing import Any

import msgspec

from stt_shared.protocol.records import Counts
from stt_shared.report.counts import of_results
from stt_shared.report.model import Report
from stt_shared.report.objects import report_json, report_jsonl
from tests.support.cli import samples


def printed() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(report_json(samples.report()))
    return found


def test_the_report_has_the_documented_keys_in_their_order() -> None:
    report = printed()
    top = ["schema", "run_id", "started", "finished", "summary", "notice", "written", "results"]
    assert list(report) == top
    assert report["schema"] == "stt.report/v1"
    assert list(report["summary"]) == [
        "critical",
        "major",
        "trivial",
        "passed",
        "not_checked",
        "targets",
        "targets_checked",
        "accepted",
        "parts_not_checked",
        "gone",
        "gone_findings",
        "baseline",
    ]
    assert list(report["results"][3]) == [
        "target",
        "family",
        "site",
        "check",
        "outcome",
        "kind",
        "reason",
        "findings",
        "parts_not_checked",
        "implied",
    ]
    assert list(report["results"][3]["findings"][0]) == [
        "id",
        "severity",
        "object",
        "summary",
        "description",
        "remediation",
        "evidence",
        "since",
        "accepted",
        "said_severity",
        "labels",
        "read_more_url",
        "fix",
        "implies",
    ]


def test_without_a_reason_kind_is_null_and_reason_empty() -> None:
    passed = printed()["results"][0]
    assert (passed["outcome"], passed["kind"], passed["reason"]) == ("passed", None, "")


def test_times_are_rfc_3339_in_utc_whatever_zone_they_came_in() -> None:
    there = timezone(timedelta(hours=5))
    report = msgspec.structs.replace(samples.report(), started=samples.STARTED.astimezone(there))
    assert json.loads(report_json(report))["started"] == "2026-11-23T15:57:00Z"


def test_jsonl_has_one_result_a_line() -> None:
    lines = report_jsonl(samples.report()).splitlines()
    assert [json.loads(line) for line in lines] == printed()["results"]


def test_a_report_printed_can_be_read_back() -> None:
    assert msgspec.json.decode(report_json(samples.report()), type=Report) == samples.report()


def test_counts_of_results_count_findings_pairs_and_targets() -> None:
    assert of_results(samples.report().results) == samples.COUNTS


def test_no_results_count_nothing() -> None:
    assert of_results(()) == Counts()
