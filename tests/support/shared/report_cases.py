"""Reports for the tests of formats: an ordinary one, a hostile one, and ones with gaps."""

from __future__ import annotations

from datetime import date

import msgspec

from stt_shared.checkfile.catalogue import builtin
from stt_shared.protocol.enums import Family, Kind, Outcome, Severity
from stt_shared.protocol.messages import PartNotChecked
from stt_shared.protocol.queries.reports import ReportedFinding
from stt_shared.protocol.records import Acceptance
from stt_shared.report.counts import of_results
from stt_shared.report.formats.report_context import ReportContext
from stt_shared.report.model import Report
from tests.support.cli import samples

ACCEPTED = Acceptance(exception="x_1", until=date(2026, 12, 1), by="dba", reason="proxy only")
# What somebody could have named an account, a role or a database.
HOSTILE = (
    "=cmd|'/C calc'!A0",
    "@SUM(1+1)",
    "\uff1d1+1",
    "<script>alert(1)</script>",
    "<img src=http://evil.example/x onerror=alert(1)>",
    "a|b `c` ```d [e](http://evil.example)",
    "]]>&entity;\"'",
    "line\nbreak\r\ttab",
    "\x1b[2J\x00\x07\u202eevil\ufffe\uffff",
    "-1+1 | critical=0",
)


def accepted() -> ReportedFinding:
    found = samples.reported(4, Severity.CRITICAL, 3, "'proxy'@'%'")
    return msgspec.structs.replace(found, accepted=ACCEPTED)


def ordinary() -> Report:
    """Open, accepted, passed, not checked and not applicable."""
    whole = samples.report()
    more = samples.result("shop-mysql-2", "mysql_empty_password", Outcome.FAILED, accepted())
    results = (*whole.results, more)
    return msgspec.structs.replace(whole, results=results, summary=of_results(results))


def hostile() -> Report:
    """Every text that comes from a database, an operator or a check says something bad."""
    results = []
    for number, text in enumerate(HOSTILE):
        bad = ReportedFinding(
            id=f"f_{number:012d}",
            severity=Severity.MAJOR,
            object=text,
            summary=text,
            description=text,
            remediation=text,
            evidence=({text: text},),
            labels={text: text},
            read_more_url=text,
            since=samples.NOW,
            accepted=None
            if number % 2
            else msgspec.structs.replace(ACCEPTED, by=text, reason=text),
        )
        failing = samples.result(f"target-{number}", "mysql_version", Outcome.FAILED, bad)
        part = PartNotChecked(name=text, kind=Kind.QUERY, reason=text)
        left_out = (part,) if number % 2 else ()
        results.append(msgspec.structs.replace(failing, parts_not_checked=left_out))
        lost = samples.result(
            f"target-{number}",
            "mysql_empty_password",
            Outcome.ERROR,
            family=Family.MYSQL,
            reason=text,
        )
        results.append(lost)
    made = msgspec.structs.replace(samples.report(), results=tuple(results), notice=HOSTILE[3])
    return msgspec.structs.replace(made, summary=of_results(results))


def clean() -> Report:
    """Everything was checked and nothing is wrong."""
    results = (samples.result("books", "mysql_version", Outcome.PASSED),)
    return msgspec.structs.replace(samples.report(), results=results, summary=of_results(results))


BILLING = PartNotChecked(name="billing", kind=Kind.NO_PRIVILEGE, reason="closed")
OLD = PartNotChecked(name="old", kind=Kind.QUERY, reason="invalid")


def partial() -> Report:
    """Nothing is wrong where somebody looked, but two databases of a server were left out."""
    left_out = samples.result("ledger", "postgresql_risky_extensions", Outcome.PASSED)
    left_out = msgspec.structs.replace(left_out, parts_not_checked=(BILLING, OLD))
    results = (*clean().results, left_out)
    return msgspec.structs.replace(clean(), results=results, summary=of_results(results))


def nothing() -> Report:
    """Nothing was ever checked."""
    return Report(run_id="", started=None, finished=None, summary=of_results(()), results=())


def unheard() -> Report:
    """Nothing is wrong where somebody looked, but two targets have no result at all."""
    whole = clean()
    counts = msgspec.structs.replace(whole.summary, targets=3)
    return msgspec.structs.replace(whole, summary=counts)


def context(report: Report) -> ReportContext:
    return ReportContext(report=report, at=samples.NOW, version="0.1.0", checks=builtin().checks)
