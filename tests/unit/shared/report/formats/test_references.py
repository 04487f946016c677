"""Labels and `read_more_url` of a finding are in every form of a report."""

from __future__ import annotations

import pytest

from stt_shared.report.formats.names import ReportFormat
from stt_shared.report.formats.render import render
from tests.support.shared.report_cases import context, ordinary

NO_FINDINGS = {ReportFormat.NAGIOS}  # one line of numbers


@pytest.mark.parametrize("form", [one for one in ReportFormat if one not in NO_FINDINGS])
def test_labels_and_the_address_are_in_every_form(form: ReportFormat) -> None:
    report = ordinary()
    written = render(context(report), form)
    open_ones = [one for each in report.results for one in each.findings if one.accepted is None]
    assert open_ones
    for one in open_ones:
        assert one.read_more_url in written.replace("\\", "")
        assert one.labels["port"] in written
