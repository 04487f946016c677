"""The cases of reports, rendered and read back."""

from __future__ import annotations

from collections.abc import Callable

from stt_shared.report.formats.names import ReportFormat
from stt_shared.report.formats.render import render
from stt_shared.report.model import Report
from tests.support.shared import report_cases as cases

REPORTS = (
    *(cases.ordinary, cases.hostile, cases.clean, cases.partial),
    *(cases.nothing, cases.unheard),
)


Case = Callable[[], Report]


def made(report: Report, form: ReportFormat) -> str:
    return render(cases.context(report), form)
