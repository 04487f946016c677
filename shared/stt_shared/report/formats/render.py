"""Render a report in a format chosen by name."""

from __future__ import annotations

from collections.abc import Callable

from stt_shared.report.formats import delimited, junit, markdown, nagios, ocsf, plain, sarif
from stt_shared.report.formats.names import ReportFormat
from stt_shared.report.formats.report_context import ReportContext
from stt_shared.report.objects import report_json, report_jsonl


def _html(context: ReportContext) -> str:
    from stt_shared.report.formats import page  # noqa: PLC0415  # the templates' library takes time

    return page.text(context)


RENDERERS: dict[ReportFormat, Callable[[ReportContext], str]] = {
    ReportFormat.TABLE: plain.text,
    ReportFormat.JSON: lambda context: report_json(context.report),
    ReportFormat.JSONL: lambda context: report_jsonl(context.report),
    ReportFormat.CSV: delimited.text,
    ReportFormat.MD: markdown.text,
    ReportFormat.HTML: _html,
    ReportFormat.SARIF: sarif.text,
    ReportFormat.JUNIT: junit.text,
    ReportFormat.OCSF: ocsf.text,
    ReportFormat.NAGIOS: nagios.of_report,
}


def render(context: ReportContext, form: ReportFormat) -> str:
    """The report as text with a final line feed."""
    return RENDERERS[form](context)
