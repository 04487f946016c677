"""The commands that ask a coordinator: what they send, what they print, how they end."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from stt_shared.bus.values import RequestError
from stt_shared.command import output
from stt_shared.errors import UnreachableError
from stt_shared.protocol.codec import decode, encode
from stt_shared.protocol.control import (
    CheckInfo,
    ChecksReply,
    CheckSwitchRequest,
    RunReply,
    RunRequest,
    SwitchReply,
    SwitchRequest,
    TargetInfo,
    TargetsReply,
    TargetsRequest,
    Verb,
)
from stt_shared.protocol.enums import Family, Interval, Kind, Severity
from stt_shared.protocol.findings import (
    ChangesReply,
    ChangesRequest,
    FindingsReply,
    FindingsRequest,
)
from stt_shared.protocol.messages import ControlState
from stt_shared.protocol.reports import ReportReply, ReportRequest, RunsReply, RunsRequest
from tests.support.cli import samples
from tests.support.cli.service import Service, Stt

ON = ControlState(enabled=True, since=samples.NOW, by="ann", reason="why")


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "on_terminal", lambda: True)


def report_reply(**changes: object) -> ReportReply:
    whole = samples.report()
    values: dict[str, Any] = {
        "run_id": whole.run_id,
        "started": whole.started,
        "finished": whole.finished,
        "counts": whole.summary,
        "results": whole.results,
    }
    return ReportReply(**(values | changes))


def test_status_speaks_to_people_and_gates_nothing(service: Service, stt: Stt) -> None:
    service.answer(Verb.STATUS, samples.status())
    code, out, err = stt("status")
    assert code == 0
    assert out.startswith("Checks are on since 2 Nov 16:30 UTC (by dba-oncall")
    assert err == ["Try: stt findings list --severity critical"]


def test_status_as_json_is_the_reply(service: Service, stt: Stt) -> None:
    service.answer(Verb.STATUS, samples.status())
    _, out, _ = stt("status", "-o", "json")
    assert decode(type(samples.status()), out.encode()) == samples.status()


def test_nobody_answering_is_exit_4_with_what_to_do(stt: Stt) -> None:
    code, out, err = stt("status", "--nats-url", "nats://n:1")
    assert (code, out) == (4, "")
    assert err[0] == "error: no coordinator answers on NATS at nats://n:1 (no responders)"
    assert "stt coordinator" in err[1]
    assert err[-1].startswith("exit 4: ")


def test_enable_says_who_and_why_and_names_the_first_run(service: Service, stt: Stt) -> None:
    service.answer(Verb.ENABLE, SwitchReply(state=ON, changed=True, run_id="r1"))
    code, out, err = stt("enable", "--by", "ann", "--reason", "why")
    asked = decode(SwitchRequest, service.asked[0])
    assert (asked.by, asked.reason) == ("ann", "why")
    assert (code, out) == (0, 'Checks are on since 16:30 UTC (by ann: "why").\n')
    assert err == ["First run r1 has started.  Follow: stt status"]


def test_by_default_the_users_name_is_sent(
    service: Service, stt: Stt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", "bea")
    service.answer(Verb.DISABLE, SwitchReply(state=ControlState(), changed=False))
    _, out, _ = stt("disable")
    assert decode(SwitchRequest, service.asked[0]).by == "bea"
    assert out.endswith("Nothing changed.\n")


def test_run_while_disabled_is_exit_5_and_says_how_to_enable(service: Service, stt: Stt) -> None:
    service.answer(Verb.RUN, RequestError("disabled", "checks are disabled"))
    service.answer(Verb.STATUS, samples.status(state=ControlState()))
    code, out, err = stt("run")
    assert (code, out) == (5, "")
    assert err == [
        "Checks are disabled (never enabled). Nothing was run.",
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
    assert (code, out) == (0, "Run r1: 4 targets.\n")


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
    assert err[0] == "1 target had a job under way already and got no second one"
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


@pytest.mark.parametrize(
    ("error", "code", "hint"),
    [
        (RequestError("unknown_target", "unknown target 'x'"), 2, "  see: stt targets list"),
        (RequestError("bad_request", "no"), 2, "exit 2: wrong usage or configuration"),
        (
            RequestError("no_targets", "no targets are known"),
            2,
            "  start a worker with targets, then see: stt targets list",
        ),
        (RequestError("internal", "oops"), 4, "exit 4: NATS or the coordinator cannot be reached"),
    ],
)
def test_a_refusal_has_its_exit_code_and_a_way_on(
    service: Service, stt: Stt, error: RequestError, code: int, hint: str
) -> None:
    service.answer(Verb.RUN, error)
    found, _, err = stt("run", "--target", "x")
    assert found == code
    assert error.message in err[0]
    assert err[1] == hint


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


def test_findings_as_json_are_filtered_and_counted_again(service: Service, stt: Stt) -> None:
    service.answer(Verb.REPORT, report_reply())
    _, out, _ = stt("findings", "list", "--family", "mysql", "--severity", "critical", "-o", "json")
    found = json.loads(out)
    assert [one["id"] for each in found["results"] for one in each["findings"]] == [
        "f_000000000001"
    ]
    assert (found["summary"]["critical"], found["summary"]["targets"]) == (1, 1)


def many(total: int) -> Callable[[FindingsRequest], FindingsReply]:
    def answer(request: FindingsRequest) -> FindingsReply:
        last = min(total, request.offset + request.limit)
        found = (samples.finding(id=f"f_{n:012d}") for n in range(request.offset, last))
        return FindingsReply(findings=tuple(found), total=total)

    return answer


def test_a_pipe_gets_every_finding(service: Service, stt: Stt) -> None:
    service.compute(Verb.FINDINGS, FindingsRequest, many(250))
    code, out, err = stt("findings", "list")
    lines = out.splitlines()
    assert (code, len(lines), err) == (0, 251, [])
    assert lines[250].split("\t")[5] == "f_000000000249"


@pytest.mark.usefixtures("terminal")
def test_a_terminal_gets_a_page_and_the_way_to_the_next(service: Service, stt: Stt) -> None:
    service.compute(Verb.FINDINGS, FindingsRequest, many(120))
    _, out, err = stt("findings", "list")
    assert out.count("orders-mysql-3") == 50
    assert err == ["50 of 120 shown (50 critical). Next page: --page 2"]
    _, out, err = stt("findings", "list", "--page", "3")
    assert out.count("orders-mysql-3") == 20
    assert err == ["20 of 120 shown (20 critical)."]


def test_filters_of_a_list_are_the_coordinators(service: Service, stt: Stt) -> None:
    service.compute(Verb.FINDINGS, FindingsRequest, many(0))
    code, _, err = stt("findings", "list", "--severity", "major", "--state", "all", "--limit", "5")
    asked = decode(FindingsRequest, service.asked[0])
    assert (asked.severities, asked.state, asked.limit) == ((Severity.MAJOR,), "all", 5)
    assert (code, err) == (0, ["No findings."])


@pytest.mark.parametrize(
    "options",
    [("--page", "0"), ("--limit", "-1"), ("--state", "resolved", "-o", "json"), ("--state", "x")],
)
def test_a_list_that_makes_no_sense_is_refused_before_anything_is_asked(
    service: Service, stt: Stt, options: tuple[str, ...]
) -> None:
    assert stt("findings", "list", *options)[0] == 2
    assert service.asked == []


def test_a_finding_is_found_by_the_beginning_of_its_id(service: Service, stt: Stt) -> None:
    service.answer(Verb.FINDING, samples.finding_reply())
    _, out, _ = stt("findings", "show", "f_00")
    assert "Account without a password" in out
    _, out, _ = stt("findings", "show", "f_00", "-o", "json")
    assert json.loads(out)["outcome"] == "failed"


def test_diff_asks_from_the_time_named_and_joins_the_pages(service: Service, stt: Stt) -> None:
    every = samples.changes()

    def answer(request: ChangesRequest) -> ChangesReply:
        assert request.since.isoformat() == "2026-11-22T00:00:00+00:00"
        page = every[request.offset : request.offset + 3]
        return ChangesReply(changes=page, total=len(every), unchecked=samples.status().unchecked)

    service.compute(Verb.CHANGES, ChangesRequest, answer)
    code, out, err = stt("findings", "diff", "--since", "yesterday")
    assert code == 0
    assert [line.split("\t")[0] for line in out.splitlines()[1:]] == ["+", "-", "~", "+"]
    assert err[0] == (
        "? ledger-pg-9 not checked (timed out), last answer 2 d ago: its findings are kept"
    )
    assert err[-1] == "1 new, 1 back, 1 fixed, 1 changed, 2 targets not checked"
    _, out, _ = stt("findings", "diff", "--since", "yesterday", "-o", "jsonl")
    assert len(out.splitlines()) == 4


def test_watch_prints_each_change_and_leaves_out_what_it_cannot_read(
    service: Service, stt: Stt
) -> None:
    service.events = [b"garbage", *(encode(event) for event in samples.changes())]
    code, out, err = stt("findings", "watch", "--severity", "critical")
    assert code == 0
    assert len(out.splitlines()) == 2
    assert err[1].startswith("not understood and left out: ")
    _, out, _ = stt("findings", "watch", "--limit", "1", "-o", "jsonl")
    assert [json.loads(line)["change"] for line in out.splitlines()] == ["opened"]


def target(name: str, **changes: object) -> TargetInfo:
    values: dict[str, Any] = {"target": name, "family": Family.MYSQL, "site": "eu"}
    return TargetInfo(**({"state": "checked"} | values | changes))


def test_targets_are_listed_page_by_page_with_the_reason(service: Service, stt: Stt) -> None:
    def answer(request: TargetsRequest) -> TargetsReply:
        if not request.after:
            return TargetsReply(targets=(target("a"),), next="a")
        refused = target("b", state="unchecked", kind=Kind.AUTH, reason="wrong password")
        return TargetsReply(targets=(refused, target("c", site="us")))

    service.compute(Verb.TARGETS, TargetsRequest, answer)
    _, out, _ = stt("targets", "list", "--site", "eu")
    rows = [line.split("\t") for line in out.splitlines()]
    assert [row[0] for row in rows] == ["TARGET", "a", "b"]
    assert rows[2][-1] == "login refused: wrong password"


def test_checks_are_listed_with_their_period_and_switch(service: Service, stt: Stt) -> None:
    info = CheckInfo(
        check="mysql_version",
        family=Family.MYSQL,
        summary="Old version",
        interval=Interval.RARE,
        digest="d",
        enabled=False,
    )
    service.answer(Verb.CHECKS, ChecksReply(checks=(info,)))
    _, out, _ = stt("checks", "list")
    assert out.splitlines()[1].split("\t") == [
        "mysql_version",
        "mysql",
        "78 h",
        "off",
        "Old version",
    ]


def test_a_check_is_switched_off_with_name_and_reason(service: Service, stt: Stt) -> None:
    state = msgspec.structs.replace(ON, disabled_checks=("mysql_version",))
    service.answer(Verb.CHECK_DISABLE, SwitchReply(state=state, changed=True))
    _, out, _ = stt("checks", "disable", "mysql_version", "--reason", "CHG-1", "--by", "ann")
    asked = decode(CheckSwitchRequest, service.asked[0])
    assert (asked.check, asked.reason, asked.by) == ("mysql_version", "CHG-1", "ann")
    assert out == "Done. Checks off: mysql_version\n"


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


def test_a_newer_coordinator_is_named_as_the_reason(
    service: Service, stt: Stt, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer = encode(samples.status()).replace(b"status-reply/v1", b"status-reply/v2")
    monkeypatch.setattr(service, "answers", {"stt.v1.control.status": lambda _: newer})
    code, _, err = stt("status")
    assert code == 2
    assert "this version understands up to v1" in err[0]
    assert "upgrade" in err[1]
