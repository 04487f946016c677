"""OCSF events validate against its schemas and keep the true state."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

from stt_shared.report.formats.names import ReportFormat
from stt_shared.report.model import Report
from tests.support.shared import report_cases as cases
from tests.support.shared.rendered import REPORTS, made

OCSF_VERSIONS = ("1.5.0", "1.6.0", "1.7.0", "1.8.0")


def ocsf(report: Report) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(made(report, ReportFormat.OCSF))
    return found


@pytest.mark.parametrize("version", OCSF_VERSIONS)
def test_ocsf_events_validate_against_the_schemas_from_1_5_on(version: str) -> None:
    embedded = OcsfJsonSchemaEmbedded(get_ocsf_schema(version=version))
    schema = embedded.get_class_schema("compliance_finding")
    validator = jsonschema.Draft202012Validator(schema)
    for case in REPORTS:
        for event in ocsf(case()):
            validator.validate(event)


def test_ocsf_keeps_the_true_state_of_what_is_accepted() -> None:
    events = {one["finding_info"]["uid"]: one for one in ocsf(cases.ordinary())}
    accepted, still_open = events["f_000000000004"], events["f_000000000001"]
    assert accepted["compliance"]["status"] == still_open["compliance"]["status"] == "Fail"
    assert (accepted["status"], still_open["status"]) == ("Suppressed", "New")
    assert accepted["unmapped"]["accepted"]["by"] == "dba"
    assert still_open["severity_id"] == 5


def test_ocsf_says_unknown_of_what_was_not_checked_and_pass_of_what_passed() -> None:
    events = {one["finding_info"]["uid"]: one for one in ocsf(cases.ordinary())}
    unknown = events["ledger-pg-9/postgresql_version"]
    assert (unknown["compliance"]["status_id"], unknown["status_code"]) == (0, "unreachable")
    assert events["billing-pg-2/postgresql_version"]["compliance"]["status_id"] == 1
    assert len(events) == 8  # what does not apply has none
