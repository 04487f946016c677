"""Exceptions on a finished report: what they accept is no longer open, and nothing else changes."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from stt_shared.protocol.enums import Kind, Outcome, Severity
from stt_shared.protocol.queries.reports import ReportedFinding
from stt_shared.protocol.suppressions import SuppressionRecord
from stt_shared.report.counts import of_results
from stt_shared.report.exceptions import with_exceptions
from stt_shared.report.model import Report
from stt_shared.suppression.rule import Suppressor
from tests.support.cli import samples
from tests.support.shared import report_cases as cases
from tests.support.shared.suppressions import suppression

LABELS = {"orders-mysql-3": {"env": "dev"}}
DAY = timedelta(days=1)


def findings(report: Report) -> dict[str, ReportedFinding]:
    return {one.id: one for result in report.results for one in result.findings}


def applied(report: Report, *made: SuppressionRecord) -> Report:
    return with_exceptions(report, Suppressor(made, LABELS))


def test_without_an_exception_that_fits_the_report_stays_as_it_is() -> None:
    whole = cases.ordinary()
    assert applied(whole) == whole
    assert applied(whole, suppression(check="mysql_version", target="elsewhere")) == whole


def scopes() -> list[dict[str, object]]:
    result = next(one for one in cases.ordinary().results if one.target == "orders-mysql-3")
    check = {"check": result.check, "target": ""}
    return [
        {"finding": result.findings[0].id},
        {**check, "target": result.target},
        {**check, "site": result.site},
        {**check, "label": "env=dev"},
    ]


@pytest.mark.parametrize("scope", scopes(), ids=["finding", "target", "site", "label"])
def test_an_accepted_finding_counts_as_accepted_and_keeps_its_severity(
    scope: dict[str, object],
) -> None:
    whole = cases.ordinary()
    found = applied(whole, suppression(**scope))
    before = findings(whole)
    changed = {
        id_
        for id_, one in findings(found).items()
        if one != before[id_] and before[id_].accepted is None
    }
    assert changed
    for id_ in changed:
        accepted = findings(found)[id_].accepted
        assert accepted is not None
        assert (accepted.exception, accepted.reason) == ("x_a", "proxy only")
        assert findings(found)[id_].severity is before[id_].severity
    assert found.summary == of_results(found.results)
    assert found.summary.accepted == whole.summary.accepted + len(changed)


def test_of_two_acceptances_the_one_that_ends_last_is_shown() -> None:
    whole = cases.ordinary()
    id_, until = cases.accepted().id, cases.ACCEPTED.until
    for days, exception in ((-1, "x_1"), (1, "x_a")):
        found = findings(applied(whole, suppression(finding=id_, until=until + days * DAY)))
        accepted = found[id_].accepted
        assert accepted is not None
        assert accepted.exception == exception


def test_another_severity_counts_and_the_reported_one_is_kept() -> None:
    result = next(one for one in cases.ordinary().results if one.findings)
    first = msgspec.structs.replace(result.findings[0], severity=Severity.CRITICAL, accepted=None)
    result = msgspec.structs.replace(result, findings=(first,))
    whole = msgspec.structs.replace(
        cases.ordinary(), results=(result,), summary=of_results((result,))
    )
    other = suppression(
        check=result.check, target="", site=result.site, severity=Severity.TRIVIAL, until=None
    )
    found = applied(whole, other)
    (one,) = findings(found).values()
    assert (one.severity, one.said_severity) == (Severity.TRIVIAL, Severity.CRITICAL)
    assert (found.summary.critical, found.summary.trivial) == (0, 1)


def test_counts_of_what_has_no_row_and_of_databases_that_are_gone_stay() -> None:
    finding = samples.reported(7, Severity.MAJOR, 3, None)
    lost = samples.result("old", "mysql_version", Outcome.ERROR, finding, kind=Kind.GONE)
    whole = cases.unheard()
    whole = msgspec.structs.replace(whole, results=(*whole.results, lost))
    found = applied(whole, suppression(check="mysql_version", target="old"))
    assert found.summary == whole.summary
    assert found.summary.targets == 3
