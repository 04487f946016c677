"""`stt findings` and `watch`: filters, pages, one finding, and what changed."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from stt_shared.protocol.codec import decode, encode
from stt_shared.protocol.control import (
    TargetInfo,
    TargetsReply,
    Verb,
)
from stt_shared.protocol.enums import Family, Severity
from stt_shared.protocol.findings import (
    ChangesReply,
    ChangesRequest,
    FindingsReply,
    FindingsRequest,
)
from tests.support.cli import samples
from tests.support.cli.replies import report_reply
from tests.support.cli.service import Service, Stt


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
    assert err[-1] == "1 new, 1 back, 1 fixed, 1 changed, 2 databases not checked"
    _, out, _ = stt("findings", "diff", "--since", "yesterday", "-o", "jsonl")
    assert len(out.splitlines()) == 4


def test_watch_prints_each_change_and_leaves_out_what_it_cannot_read(
    service: Service, stt: Stt
) -> None:
    service.events = [b"garbage", *(encode(event) for event in samples.changes())]
    code, out, err = stt("findings", "watch", "--severity", "critical")
    assert code == 0
    assert len(out.splitlines()) == 2
    assert err[1].startswith("warning: event skipped: ")
    _, out, _ = stt("findings", "watch", "--limit", "1", "-o", "jsonl")
    assert [json.loads(line)["change"] for line in out.splitlines()] == ["opened"]


def test_labels_and_beginnings_mean_the_same_in_a_list_and_in_a_report(
    service: Service, stt: Stt
) -> None:
    service.compute(Verb.FINDINGS, FindingsRequest, many(0))
    stt("findings", "list", "--label", "team=finance,env=prod", "--target", "orders-*")
    asked = decode(FindingsRequest, service.asked[0])
    assert (asked.labels, asked.targets) == (("team=finance", "env=prod"), ("orders-*",))
    service.answer(Verb.REPORT, report_reply())
    whole = {one.target for one in report_reply().results}
    labelled = min(whole)
    service.answer(
        Verb.TARGETS,
        TargetsReply(
            targets=tuple(
                TargetInfo(
                    target=one,
                    family=Family.MYSQL,
                    site="eu",
                    state="checked",
                    labels={"team": "finance"} if one == labelled else {},
                )
                for one in whole
            )
        ),
    )
    for options, expected in (
        (("--label", "team=finance"), {labelled}),
        (("--target", labelled[:3] + "*"), {one for one in whole if one[:3] == labelled[:3]}),
        (("--label", "team=finance", "--target", "x*"), set[str]()),
    ):
        _, out, _ = stt("findings", "list", *options, "-o", "json")
        assert {one["target"] for one in json.loads(out)["results"]} == expected
