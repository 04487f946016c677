"""The page of reports says what the code does, with one real run in every format."""

from __future__ import annotations

from stt_shared.errors import (
    EXIT_DISABLED,
    EXIT_FINDINGS,
    EXIT_INCOMPLETE,
    EXIT_UNREACHABLE,
    EXIT_USAGE,
)
from stt_shared.report.formats.names import ReportFormat
from stt_shared.report.formats.render import render
from tools.pages import reports as reports_page


def test_the_run_of_the_examples_is_a_report_as_the_code_prints_it() -> None:
    written = render(reports_page.context(), ReportFormat.JSON)
    assert reports_page.RUN.read_text(encoding="utf-8") == written


def test_every_format_and_every_exit_code_is_on_the_page() -> None:
    assert set(reports_page.FOR) == set(ReportFormat)
    text = reports_page.page()
    codes = (EXIT_FINDINGS, EXIT_USAGE, EXIT_INCOMPLETE, EXIT_UNREACHABLE, EXIT_DISABLED)
    assert [code for code in (0, *codes) if f"\n| {code} | " not in text] == []
