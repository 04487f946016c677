"""`stt run` and `runs`: what is sent, what is followed to the end, and the report of a run."""

from __future__ import annotations

import json

import pytest

from stt_shared.bus.values import RequestError
from stt_shared.errors import UnreachableError
from stt_shared.protocol.codec import decode
from stt_shared.protocol.control import (
    RunReply,
    RunRequest,
    Verb,
)
from stt_shared.protocol.enums import Family
from stt_shared.protocol.messages import ControlState
from stt_shared.protocol.queries.reports import ReportReply, ReportRequest, RunsReply, RunsRequest
from tests.support.cli import samples
from tests.support.cli.replies import report_reply
from tests.support.cli.service import Service, Stt


def test_run_while_disabled_is_exit_5_and_says_how_to_enable(service: Service, stt: Stt) -> None:
    service.answer(Verb.RUN, RequestError("disabled", "checks are disabled"))
    service.answer(Verb.STATUS, samples.status(state=ControlState()))
    code, out, err = stt("run")
    assert (code, out) == (5, "")
    assert err == [
        "Checks are disabled (never enabled). No run was started.",
        "  to see what would run:   stt checks plan",
        '  to enable:               stt enable --reason "..."',
        "exit 5: checks are disabled",
    ]


def test_run_sends_what_was_chosen_by_commas_or_repetition(service: Service, stt: Stt) -> None:
    service.answer(Verb.RUN, RunReply(run=samples.run(state="running", run_id="r1")))
    code, out, _ = stt(
        *("run", "--target", "a,b", "--target", "c", "--site", "eu"),
        *("--family", "mysql,mongodb", "--check", "mysql_version"),
    )
    asked = decode(RunRequest, service.asked[0])
    assert (asked.targets, asked.sites) == (("a", "b", "c"), ("eu",))
    assert asked.families == (Family.MYSQL, Family.MONGODB)
    assert asked.checks == ("mysql_version",)
    assert (code, out) == (0, "Run r1: 4 databases.\n")


def test_run_wait_follows_to_the_end_prints_the_report_and_gates(
    service: Service, stt: Stt
) -> None:
    running = samples.run(state="running", done=1, run_id="r1")
    service.answer(Verb.RUN, RunReply(run=running, joined=("a",)))
    service.answer(
        Verb.RUNS,
        RunsReply(runs=(running,)),
        UnreachableError("away"),
        RunsReply(runs=(samples.run(run_id="r1"),)),
    )
    service.answer(Verb.REPORT, report_reply())
    code, out, err = stt("run", "--wait", "-o", "json")
    assert json.loads(out)["summary"]["critical"] == 1
    assert code == 1
    assert err[0] == "1 database already waits for a check: no second job was created"
    assert err[-1] == (
        "exit 1: 1 failed check at or above critical (--fail-on none to report only)"
    )


@pytest.mark.parametrize(
    ("options", "code"),
    [(("--fail-on", "none"), 3), (("--fail-on", "none", "--allow-incomplete"), 0)],
)
def test_run_wait_that_could_not_check_everything_is_exit_3(
    service: Service, stt: Stt, options: tuple[str, ...], code: int
) -> None:
    service.answer(Verb.RUN, RunReply(run=samples.run()))
    service.answer(Verb.REPORT, report_reply())
    assert stt("run", "--wait", *options)[0] == code


def test_the_whole_report_is_fetched_page_by_page(service: Service, stt: Stt) -> None:
    results = samples.report().results

    def page(request: ReportRequest) -> ReportReply:
        first = int(request.after or 0)
        following = str(first + 2) if first + 2 < len(results) else ""
        return report_reply(results=results[first : first + 2], next=following)

    service.compute(Verb.REPORT, ReportRequest, page)
    _, out, _ = stt("findings", "list", "-o", "json")
    assert len(json.loads(out)["results"]) == len(results)
    assert json.loads(out)["summary"]["passed"] == samples.COUNTS.passed


def test_runs_are_listed_and_one_is_shown_with_its_report(service: Service, stt: Stt) -> None:
    service.compute(
        Verb.RUNS,
        RunsRequest,
        lambda asked: RunsReply(runs=(samples.run(),) if asked.run_id != "nope" else ()),
    )
    service.answer(Verb.REPORT, report_reply())
    _, out, _ = stt("runs", "list")
    assert out.splitlines()[1].startswith("standard-20261123t155700z\tfinished\t2026-11-23T15:57")
    _, out, _ = stt("runs", "show", "standard-20261123t155700z", "-o", "json")
    assert json.loads(out)["run_id"] == "standard-20261123t155700z"
    code, _, err = stt("runs", "show", "nope")
    assert (code, err[0]) == (2, "error: unknown run 'nope'")


@pytest.mark.usefixtures("terminal")
def test_a_report_on_a_terminal_shows_findings_then_what_was_not_checked_then_totals(
    service: Service, stt: Stt
) -> None:
    service.answer(Verb.RUNS, RunsReply(runs=(samples.run(),)))
    service.answer(Verb.REPORT, report_reply())
    _, out, _ = stt("runs", "show", "x")
    parts = [out.index(text) for text in ("SEVERITY", "NOT CHECKED", "◆ 1 critical   ▲ 1 major")]
    assert parts == sorted(parts)
