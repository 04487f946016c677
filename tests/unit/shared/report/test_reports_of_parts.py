"""Databases that a check left out are named and counted wherever its verdict is shown."""

from __future__ import annotations

import csv
import json

import junitparser
import msgspec
import pytest

from stt_shared.protocol.control import StatusReply, TargetInfo, TargetsReply, Verb
from stt_shared.protocol.enums import Family, Kind
from stt_shared.protocol.findings import FindingsReply
from stt_shared.protocol.messages import PartNotChecked, TargetPart
from stt_shared.protocol.queries.reports import ReportReply
from stt_shared.report import readable
from stt_shared.report.counts import is_whole, of_results
from stt_shared.report.formats import nagios
from stt_shared.report.formats.nagios import NotCheckedAs, State
from stt_shared.report.formats.names import ReportFormat
from stt_shared.report.formats.render import render
from tests.support.cli import samples
from tests.support.cli.service import Service, Stt
from tests.support.shared import report_cases as cases

NAMED = "2 databases not checked: billing (closed), old (invalid)"
COUNTED = "2 parts of databases not checked"
LEFT_OUT = tuple(TargetPart(target="ledger", part=one) for one in (cases.BILLING, cases.OLD))


def made(form: ReportFormat) -> str:
    return render(cases.context(cases.partial()), form)


def partial_status() -> StatusReply:
    counts = cases.partial().summary
    summary = msgspec.structs.replace(samples.status().summary, counts=counts)
    return samples.status(summary=summary, parts_not_checked=LEFT_OUT, unchecked=())


def test_each_database_of_a_target_is_counted_once() -> None:
    (clean, left_out) = cases.partial().results
    twice = msgspec.structs.replace(left_out, check="postgresql_fdw_passwords")
    counts = of_results([clean, left_out, twice])
    assert (counts.passed, counts.not_checked, counts.parts_not_checked) == (3, 0, 2)
    assert not is_whole(counts)
    assert is_whole(cases.clean().summary)


@pytest.mark.parametrize("form", ReportFormat)
def test_every_format_names_each_database_and_why(form: ReportFormat) -> None:
    text = made(form)
    for one in (cases.BILLING, cases.OLD):
        assert one.name in text
        assert one.reason in text


@pytest.mark.parametrize(
    "form", [ReportFormat.TABLE, ReportFormat.MD, ReportFormat.HTML, ReportFormat.NAGIOS]
)
def test_what_people_read_is_never_all_clear(form: ReportFormat) -> None:
    text = made(form)
    assert COUNTED in text
    assert "everything was checked" not in text.replace("not everything was checked", "")
    assert NAMED in text


def test_sarif_says_that_the_run_was_not_whole_and_which_check_left_what_out() -> None:
    (invocation,) = json.loads(made(ReportFormat.SARIF))["runs"][0]["invocations"]
    assert invocation["executionSuccessful"] is False
    (reported, gap) = invocation["toolExecutionNotifications"]
    assert reported["message"]["text"] == f"ledger: postgresql_risky_extensions passed, {NAMED}"
    names = [one["logicalLocations"][0]["name"] for one in reported["locations"]]
    assert (reported["level"], names) == ("warning", ["billing", "old"])
    assert gap["message"]["text"] == COUNTED


def test_junit_has_an_error_for_the_report_and_a_property_for_each_database() -> None:
    loaded = junitparser.JUnitXml.fromstring(made(ReportFormat.JUNIT).encode())
    assert (loaded.errors, loaded.failures) == (1, 0)
    assert 'name="not checked billing" value="billing (closed)"' in made(ReportFormat.JUNIT)


def test_ocsf_says_warning_instead_of_pass() -> None:
    events = json.loads(made(ReportFormat.OCSF))
    (whole, left_out) = sorted(events, key=lambda event: str(event["message"]))
    if whole["compliance"]["status"] != "Pass":
        whole, left_out = left_out, whole
    assert left_out["compliance"]["status_id"] == 2
    assert left_out["compliance"]["status_detail"] == NAMED
    assert left_out["message"] == f"ledger: postgresql_risky_extensions passed, {NAMED}"


def test_csv_has_a_column_that_is_empty_where_nothing_was_left_out() -> None:
    rows = list(csv.DictReader(made(ReportFormat.CSV).splitlines()))
    assert [row["parts_not_checked"] for row in rows] == ["", NAMED]
    assert [row["status"] for row in rows] == ["passed", "passed"]


def test_the_plugin_is_not_ok_when_a_database_was_left_out() -> None:
    counts = cases.partial().summary
    assert nagios.state(counts, NotCheckedAs.UNKNOWN) is State.UNKNOWN
    assert nagios.state(counts, NotCheckedAs.OK) is State.OK
    shown, text = nagios.of_status(partial_status(), NotCheckedAs.UNKNOWN)
    assert shown is State.UNKNOWN
    assert COUNTED in text
    assert "not checked: ledger: billing (closed)" in text


def asks(service: Service) -> None:
    report = cases.partial()
    reply = ReportReply(
        run_id=report.run_id,
        started=report.started,
        finished=report.finished,
        counts=report.summary,
        results=report.results,
    )
    service.answer(Verb.REPORT, reply)
    service.answer(Verb.STATUS, partial_status())


def test_a_gate_is_incomplete_unless_that_is_allowed_or_tolerated(
    service: Service, stt: Stt
) -> None:
    asks(service)
    code, _, err = stt("gate")
    assert code == 3
    assert COUNTED in " ".join(err)
    assert stt("gate", "--allow-incomplete")[0] == 0
    assert stt("gate", "--max-not-checked", "1")[0] == 3
    assert stt("gate", "--max-not-checked", "2")[0] == 0


def test_status_names_them(service: Service, stt: Stt) -> None:
    asks(service)
    _, out, _ = stt("status")
    (line,) = [one for one in out.splitlines() if "left out" in one]
    assert line.endswith("2   ledger: billing (closed), ledger: old (invalid)")
    service.answer(Verb.STATUS, samples.status())
    assert "left out" not in stt("status")[1]


def test_lists_of_findings_and_targets_name_them(service: Service, stt: Stt) -> None:
    found = FindingsReply(findings=(), total=0, parts_not_checked=LEFT_OUT)
    service.answer(Verb.FINDINGS, found)
    _, _, err = stt("findings", "list")
    assert "databases not checked: ledger: billing (closed), ledger: old (invalid)" in " ".join(err)
    info = TargetInfo(
        target="ledger",
        family=Family.POSTGRESQL,
        site="eu",
        state="checked",
        parts_not_checked=(cases.BILLING, cases.OLD),
    )
    service.answer(Verb.TARGETS, TargetsReply(targets=(info,)))
    assert NAMED in stt("targets", "list")[1]


def test_a_finding_says_which_databases_its_last_run_left_out(service: Service, stt: Stt) -> None:
    service.answer(Verb.FINDING, samples.finding_reply(parts_not_checked=(cases.OLD,)))
    _, out, _ = stt("findings", "show", "f_1")
    assert "failed (1 database not checked: old (invalid))" in " ".join(out.split())


def test_many_names_are_cut_to_the_first_and_counted() -> None:
    many = tuple(
        PartNotChecked(name=f"t{number}", kind=Kind.NO_PRIVILEGE, reason="") for number in range(7)
    )
    assert readable.parts(many, 2) == (
        "7 databases not checked: t0 (privilege missing), t1 (privilege missing) and 5 more"
    )
    assert readable.parts(()) == ""
