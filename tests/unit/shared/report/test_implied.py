"""What does not count because another finding states the same fact is named in every report."""

from __future__ import annotations

import csv
import json
from io import StringIO

import msgspec
import pytest

from stt_shared.protocol.enums import Outcome, Severity
from stt_shared.protocol.messages import Implied
from stt_shared.protocol.queries.reports import ReportedResult
from stt_shared.report.counts import of_results
from stt_shared.report.formats.names import ReportFormat
from stt_shared.report.implied import with_implied
from stt_shared.report.model import Report
from tests.support.cli import samples
from tests.support.shared.rendered import made

TARGET = "orders-mysql-3"
IMPLIES = (Implied(check="b", keys=("x", "y")),)


def report() -> Report:
    cause = samples.reported(1, Severity.MAJOR, 3, "line")
    cause = msgspec.structs.replace(cause, object="line", implies=IMPLIES)
    results = with_implied(
        [
            samples.result(TARGET, "a", Outcome.FAILED, cause),
            samples.result(TARGET, "b", Outcome.FAILED),
            samples.result(TARGET, "c", Outcome.PASSED),
        ]
    )
    whole = samples.report()
    return msgspec.structs.replace(whole, results=tuple(results), summary=of_results(results))


def of(check: str) -> ReportedResult:
    return next(one for one in report().results if one.check == check)


def test_each_finding_that_does_not_count_names_its_cause() -> None:
    cause = of("a").findings[0]
    named = [(one.object, one.implied_by.check, one.implied_by.id) for one in of("b").implied]
    assert named == [("x", "a", cause.id), ("y", "a", cause.id)]
    assert of("a").implied == of("c").implied == ()
    assert report().summary.major == 1


@pytest.mark.parametrize("form", [ReportFormat.JUNIT, ReportFormat.OCSF, ReportFormat.CSV])
def test_a_check_whose_findings_count_elsewhere_has_not_passed(form: ReportFormat) -> None:
    text = made(report(), form)
    where = f"a ({of('a').findings[0].id})"
    if form is ReportFormat.JUNIT:
        assert f'<skipped message="its findings are part of those of {where}"' in text
    elif form is ReportFormat.OCSF:
        (event,) = (one for one in json.loads(text) if one["message"].startswith(f"{TARGET}: b"))
        assert event["compliance"]["status"] == "Fail"
        assert where in event["message"]
    else:
        rows = [one for one in csv.DictReader(StringIO(text, newline="")) if one["check"] == "b"]
        assert [(one["status"], one["object"]) for one in rows] == [
            ("implied", "x"),
            ("implied", "y"),
        ]
