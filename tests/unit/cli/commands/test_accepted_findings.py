"""What is accepted stands apart in status, lists and gates, and says until when."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from stt_shared.command.gate import FailOn, exit_code
from stt_shared.protocol.codec import decode
from stt_shared.protocol.control import Verb
from stt_shared.protocol.enums import Change, Severity
from stt_shared.protocol.findings import ChangesReply, FindingsReply, FindingsRequest
from stt_shared.protocol.records import Counts, FindingEvent
from stt_shared.report.counts import of_results
from tests.support.cli import samples
from tests.support.cli.service import Service, Stt
from tests.support.cli.suppressions import ACCEPTED, UNTIL, reply


def test_status_shows_what_is_accepted_and_when_the_first_ends(service: Service, stt: Stt) -> None:
    whole = samples.status(next_end=UNTIL)
    counts = msgspec.structs.replace(whole.summary.counts, accepted=12)
    summary = msgspec.structs.replace(whole.summary, counts=counts)
    service.answer(Verb.STATUS, msgspec.structs.replace(whole, summary=summary))
    _, out, _ = stt("status")
    assert "    accepted       12   next ends 1 Dec\n" in out


def test_the_list_of_accepted_findings_says_who_until_when_and_why(
    service: Service, stt: Stt
) -> None:
    record = samples.finding(accepted=ACCEPTED)
    service.answer(Verb.FINDINGS, FindingsReply(findings=(record,), total=1))
    _, out, _ = stt("findings", "list", "--state", "accepted")
    assert decode(FindingsRequest, service.asked[0]).state == "accepted"
    heads, row = (line.split("\t") for line in out.splitlines())
    assert heads[6:] == ["ACCEPTED", "FOUND"]
    assert row[6] == 'by dba-oncall until 1 Dec: "proxy only"'


def test_one_finding_names_its_exception_and_what_the_check_says(
    service: Service, stt: Stt
) -> None:
    record = samples.finding(accepted=ACCEPTED, said_severity=Severity.MAJOR)
    service.answer(Verb.FINDING, samples.finding_reply(finding=record))
    _, out, _ = stt("findings", "show", "f_0")
    assert 'Accepted   by dba-oncall until 1 Dec: "proxy only"' in out
    assert "stt unaccept x_abc" in out
    assert "major from the check" in out


def test_diff_shows_what_was_accepted_and_what_is_gone(service: Service, stt: Stt) -> None:
    bare, kept = samples.finding(), samples.finding(accepted=ACCEPTED)
    events = (
        samples.event(Change.ACCEPTED, kept, bare),
        FindingEvent(
            change=Change.UNACCEPTED,
            at=samples.FINISHED,
            run_id="",
            after=bare,
            before=kept,
            by="bob",
            reason="proxy is gone",
        ),
    )
    service.answer(Verb.CHANGES, ChangesReply(changes=events, total=2))
    _, out, err = stt("findings", "diff", "--since", "24h")
    first, second = (line.split("\t") for line in out.splitlines()[1:])
    assert (first[0], first[6]) == ("~", 'accepted by dba-oncall until 1 Dec: "proxy only"')
    assert (second[0], second[6]) == ("+", "no longer accepted by bob: proxy is gone")
    assert err == ["1 accepted, 1 no longer accepted"]


def test_accepted_findings_fail_no_gate_and_stand_in_no_list_of_what_is_wrong() -> None:
    whole = samples.report()
    results = tuple(
        msgspec.structs.replace(
            result,
            findings=tuple(msgspec.structs.replace(f, accepted=ACCEPTED) for f in result.findings),
        )
        for result in whole.results
    )
    counts = of_results(results)
    assert (counts.critical, counts.major, counts.trivial, counts.accepted) == (0, 0, 0, 3)
    assert exit_code(counts, FailOn.TRIVIAL, allow_incomplete=True) == (0, "")
    assert Counts().accepted == 0


def test_a_day_of_another_year_names_it(service: Service, stt: Stt) -> None:
    service.answer(Verb.ACCEPT, reply(until=UNTIL + timedelta(days=90)))
    _, out, _ = stt("accept", "f_1", "--until", "120d", "--reason", "x")
    assert "until 1 Mar 2027 (" in out
