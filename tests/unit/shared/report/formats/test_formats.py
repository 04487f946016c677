"""Every format says the same of one report, in words that its readers understand."""

from __future__ import annotations

from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import junitparser
import msgspec
import pytest

from stt_shared.protocol.enums import Outcome, Severity
from stt_shared.report.counts import of_results
from stt_shared.report.formats.names import ReportFormat
from tests.support.cli import samples
from tests.support.shared import report_cases as cases
from tests.support.shared.rendered import REPORTS, Case, made

WITH_GAPS = (cases.nothing, cases.unheard)


FOR_GAPS = (
    ReportFormat.TABLE,
    ReportFormat.MD,
    ReportFormat.HTML,
    ReportFormat.SARIF,
    ReportFormat.JUNIT,
    ReportFormat.NAGIOS,
)


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
def test_all_clear_is_shown_only_where_everything_was_checked(form: ReportFormat) -> None:
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
        " targets_checked=10 parts_not_checked=5 gone=0 baseline=0"
    )
    assert first.count("|") == 1
    assert not [line for line in rest if "|" in line]


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
