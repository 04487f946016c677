"""`stt findings diff --run` and `trend`: what they ask, what they print, how they end."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import TypeVar

import msgspec
import pytest

from stt_shared.bus.values import RequestError
from stt_shared.command import output
from stt_shared.protocol.codec import decode
from stt_shared.protocol.control import UncheckedTarget, Verb
from stt_shared.protocol.enums import Change, Family, Kind, Severity
from stt_shared.protocol.findings import ChangesReply, ChangesRequest, FindingsReply
from stt_shared.protocol.messages import Value
from stt_shared.protocol.queries.history import (
    Difference,
    DiffReply,
    DiffRequest,
    FixTime,
    Numbers,
    TrendDay,
    TrendsReply,
    TrendsRequest,
)
from stt_shared.protocol.records import Acceptance
from tests.support.cli import samples
from tests.support.cli.service import Service, Stt

R = TypeVar("R", bound=Value)
TOTAL = "1 new, 1 fixed, 1 changed, 1 accepted, 1 database not checked"
BEFORE = samples.run(run_id="standard-1", started=samples.NOW - timedelta(days=1))
LATER = samples.run(run_id="standard-2")
SILENT = UncheckedTarget(
    target="ledger", kind=Kind.AUTH, reason="", last_checked=samples.NOW - timedelta(hours=30)
)


def asked(service: Service, kind: type[R]) -> list[R]:
    return [decode(kind, data) for data in service.asked]


def difference(
    change: Change, number: int, severity: Severity = Severity.MAJOR, *, accepted: bool = False
) -> Difference:
    one = samples.reported(number, severity, 3, "'report'@'%'")
    if accepted:
        why = Acceptance(exception="x", until=date(2026, 12, 1), by="dba", reason="proxy only")
        one = msgspec.structs.replace(one, accepted=why)
    return Difference(
        change=change,
        target="orders",
        family=Family.MYSQL,
        site="eu",
        check="mysql_version",
        finding=one,
        was=Severity.TRIVIAL if change is Change.CHANGED else None,
    )


EVERY = (
    difference(Change.OPENED, 1, Severity.TRIVIAL),
    difference(Change.RESOLVED, 2),
    difference(Change.CHANGED, 3, Severity.CRITICAL),
    difference(Change.ACCEPTED, 4, accepted=True),
)


def paged(request: DiffRequest) -> DiffReply:
    """Two pages."""
    if not request.after:
        return DiffReply(differences=EVERY[:2], next="orders/mysql_version/f_2", not_compared=2)
    return DiffReply(
        differences=EVERY[2:], unchecked=(SILENT,), not_compared=1, before=BEFORE, later=LATER
    )


def test_two_runs_are_compared_and_the_worst_stands_first(service: Service, stt: Stt) -> None:
    service.compute(Verb.DIFF, DiffRequest, paged)
    code, out, err = stt("findings", "diff", "--run", "standard-1", "--run", "standard-2")
    assert code == 0
    assert {(one.run_a, one.run_b) for one in asked(service, DiffRequest)} == {
        ("standard-1", "standard-2")
    }
    cells = [line.split("\t") for line in out.splitlines()]
    assert cells[0] == ["", "SEVERITY", "CHECK", "DATABASE", "SITE", "WHAT", "FOUND"]
    assert [(row[0], row[1], row[5]) for row in cells[1:]] == [
        ("~", "critical", "was trivial"),
        ("-", "major", "fixed"),
        ("~", "major", 'accepted by dba until 1 Dec: "proxy only"'),
        ("+", "trivial", "new"),
    ]
    assert err == [
        "From standard-1 (22 Nov 16:30 UTC) to standard-2 (15:57 UTC)",
        "? ledger not checked (login refused), last answer 1 d 6 h ago: its findings are kept",
        f"{TOTAL}, 3 checks not answered in the later run",
    ]


def test_one_run_is_compared_with_the_one_before_it(service: Service, stt: Stt) -> None:
    service.compute(Verb.DIFF, DiffRequest, paged)
    assert stt("findings", "diff", "--run", "standard-2")[0] == 0
    first = asked(service, DiffRequest)[0]
    assert (first.run_a, first.run_b) == ("", "standard-2")


def test_json_is_the_whole_reply_and_jsonl_a_line_for_each_difference(
    service: Service, stt: Stt
) -> None:
    service.compute(Verb.DIFF, DiffRequest, paged)
    _, out, err = stt("findings", "diff", "--run", "standard-2", "-o", "json")
    found = json.loads(out)
    assert found["schema"] == "stt.control.diff-reply/v1"
    assert (len(found["differences"]), found["not_compared"], err) == (4, 3, [])
    assert found["unchecked"][0]["last_checked"] == "2026-11-22T10:30:00Z"
    _, out, err = stt("findings", "diff", "--run", "standard-2", "-o", "jsonl")
    assert [json.loads(line)["change"] for line in out.splitlines()] == [
        "changed",
        "resolved",
        "accepted",
        "opened",
    ]
    assert len(err) == 1


def test_no_difference_is_reported_on_a_terminal_without_a_table(
    service: Service, stt: Stt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output, "on_terminal", lambda: True)
    service.answer(Verb.DIFF, DiffReply(differences=(), before=BEFORE, later=LATER))
    _, out, err = stt("findings", "diff", "--run", "standard-2")
    assert (out, err[-1]) == ("", "nothing changed")


@pytest.mark.parametrize(
    "words",
    [
        ("diff", "--since", "7d", "--run", "a"),
        ("diff", "--run", "a", "--run", "b", "--run", "c"),
        ("diff", "--since", "soon"),
        ("trend", "--days", "0"),
    ],
)
def test_words_that_make_no_sense_ask_nobody(
    service: Service, stt: Stt, words: tuple[str, ...]
) -> None:
    code, out, err = stt("findings", *words)
    assert (code, out, err[0].startswith("error: ")) == (2, "", True)
    assert service.asked == []


def test_an_unknown_run_is_exit_2_and_shows_where_runs_are(service: Service, stt: Stt) -> None:
    service.answer(Verb.DIFF, RequestError("unknown_run", "unknown run 'x'"))
    code, _, err = stt("findings", "diff", "--run", "x")
    assert (code, err[0], err[1].strip()) == (2, "error: unknown run 'x'", "see: stt runs list")


def test_without_a_coordinator_it_is_exit_4(service: Service, stt: Stt) -> None:
    assert not service.answers
    assert stt("findings", "diff", "--run", "x")[0] == 4
    assert stt("findings", "trend")[0] == 4


def test_since_shows_how_many_more_were_not_checked_and_what_was_deleted(
    service: Service, stt: Stt
) -> None:
    reply = ChangesReply(
        changes=(),
        total=0,
        unchecked=(SILENT,),
        unchecked_total=31,
        kept_since=samples.NOW - timedelta(days=30),
    )
    service.compute(Verb.CHANGES, ChangesRequest, lambda _: reply)
    code, _, err = stt("findings", "diff", "--since", "90d")
    assert code == 0
    assert err[0] == "warning: changes before 24 Oct 16:30 UTC were deleted (retention)"
    assert err[2:] == ["? and 30 more: stt targets list", "31 databases not checked"]


def test_the_trend_is_a_line_a_day_and_the_time_to_fix_a_sentence(
    service: Service, stt: Stt
) -> None:
    days = tuple(
        TrendDay(
            day=date(2026, 11, 20 + number),
            open=Numbers(critical=number, major=7),
            opened=Numbers(critical=1, trivial=2),
        )
        for number in range(3)
    )
    fixed = (
        FixTime(severity=Severity.CRITICAL, fixed=3, median_s=3_600, p90_s=180_000),
        FixTime(severity=Severity.MAJOR, fixed=0),
    )
    reply = TrendsReply(days=days, fix_times=fixed, since=date(2026, 11, 20))
    service.answer(Verb.TRENDS, reply)
    _, out, err = stt("findings", "trend", "--days", "3")
    assert asked(service, TrendsRequest)[0].days == 3
    assert out.splitlines()[:2] == [
        "DAY\tCRITICAL\tMAJOR\tTRIVIAL\tOPENED\tFIXED",
        "2026-11-20\t0\t7\t0\t3\t0",
    ]
    assert err == ["critical: 3 fixed, half of them within 1 h, nine of ten in 2 d 2 h"]
    _, out, _ = stt("findings", "trend", "-o", "jsonl")
    assert [json.loads(line)["open"]["critical"] for line in out.splitlines()] == [0, 1, 2]


def test_filters_leave_what_they_take_and_unchecked_targets_that_may_be_meant(
    service: Service, stt: Stt
) -> None:
    service.compute(Verb.DIFF, DiffRequest, paged)
    service.answer(Verb.FINDINGS, FindingsReply(findings=(), total=0))
    runs = ("findings", "diff", "--run", "standard-2", "-o", "json")
    for words, left, unchecked in (
        (("--severity", "critical,trivial"), [3, 1], 1),
        (("--check", "mysql_version"), [3, 2, 4, 1], 1),
        (("--target", "orders"), [3, 2, 4, 1], 0),
        (("--target", "ledger"), [], 1),
    ):
        found = json.loads(stt(*runs, *words)[1])
        assert [int(one["finding"]["id"][2:]) for one in found["differences"]] == left, words
        assert len(found["unchecked"]) == unchecked, words


def test_filters_of_changes_since_keep_the_count_of_targets_that_are_not_listed(
    service: Service, stt: Stt
) -> None:
    events = samples.changes()
    targets = {one.after.target for one in events}
    reply = ChangesReply(changes=events, total=len(events), unchecked=(SILENT,), unchecked_total=31)
    service.answer(Verb.CHANGES, reply)
    service.answer(Verb.FINDINGS, FindingsReply(findings=(), total=0))
    code, out, err = stt("findings", "diff", "--since", "1d", "--target", "other")
    assert (code, len(out.splitlines())) == (0, 1)
    assert err == ["? and 30 more: stt targets list", "30 databases not checked"]
    words = ("findings", "diff", "--target", ",".join(targets), "-o", "json")
    found = json.loads(stt(*words)[1])
    assert (len(found["changes"]), found["total"]) == (len(events), len(events))
    critical = json.loads(stt(*words, "--severity", "critical")[1])["changes"]
    assert len(critical) == sum(one.after.severity is Severity.CRITICAL for one in events)


def test_a_filter_with_an_unknown_name_is_not_all_clear(service: Service, stt: Stt) -> None:
    service.answer(Verb.FINDINGS, RequestError("unknown_target", "unknown target 'x'"))
    code, out, err = stt("findings", "diff", "--target", "x")
    assert (code, out, err[0]) == (2, "", "error: unknown target 'x'")
