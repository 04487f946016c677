"""The commands of exceptions: what they send, what they print, and the file kept in git."""

from __future__ import annotations

from datetime import date

import pytest

from stt_cli.commands.since import parse_until
from stt_shared.bus.values import RequestError
from stt_shared.errors import UsageError
from stt_shared.protocol.codec import decode
from stt_shared.protocol.control import Verb
from stt_shared.protocol.enums import Severity
from stt_shared.protocol.suppressions import (
    AcceptRequest,
    SeveritySetRequest,
    SuppressionInfo,
    SuppressionReply,
    SuppressionsReply,
    SuppressionsRequest,
    UnacceptRequest,
)
from tests.support.cli import samples
from tests.support.cli.service import Service, Stt
from tests.support.cli.suppressions import UNTIL, reply, suppression


def test_accept_sends_scope_day_reason_and_who_and_names_the_way_back(
    service: Service, stt: Stt
) -> None:
    service.answer(Verb.ACCEPT, reply())
    words = ("--check", "mysql_version", "--site", "eu-west", "--until", "2026-12-01")
    code, out, err = stt("accept", *words, "--reason", "proxy only", "--by", "ann")
    assert decode(AcceptRequest, service.asked[0]) == AcceptRequest(
        check="mysql_version", site="eu-west", until=UNTIL, reason="proxy only", by="ann"
    )
    assert code == 0
    assert out == "Accepted 3 findings until 1 Dec (x_abc): mysql_version at site eu-west.\n"
    assert err == ["Undo: stt unaccept x_abc"]


def test_accept_that_covers_nothing_says_so_and_a_dry_run_only_what_it_would(
    service: Service, stt: Stt
) -> None:
    service.answer(Verb.ACCEPT, reply(0, changed=False))
    code, out, err = stt("accept", "f_1", "--until", "30d", "--reason", "x", "--dry-run")
    asked = decode(AcceptRequest, service.asked[0])
    assert (asked.finding, asked.until, asked.dry_run) == ("f_1", date(2026, 12, 23), True)
    assert (code, out.split(" (")[0]) == (0, "Would accept 0 findings until 1 Dec")
    assert err == ["No finding matches now; it applies to later ones."]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("f_1",), "error: --until is missing"),
        (("f_1", "--until", "soon"), "error: --until is 'soon', expected a date"),
    ],
)
def test_accept_without_a_day_gets_a_hint_before_any_request(
    service: Service, stt: Stt, words: tuple[str, ...], sentence: str
) -> None:
    code, out, err = stt("accept", *words, "--reason", "x")
    assert (code, out, err[0], service.asked) == (2, "", sentence, [])


def test_a_refusal_is_reported_with_a_hint(service: Service, stt: Stt) -> None:
    service.answer(Verb.UNACCEPT, RequestError("unknown_exception", "unknown exception 'x_9'"))
    code, out, err = stt("unaccept", "x_9")
    assert (code, out) == (2, "")
    assert err[:2] == ["error: unknown exception 'x_9'", "  see: stt exceptions list"]


@pytest.mark.parametrize(
    ("words", "answer", "sentence"),
    [
        ((), reply(1), "Revoked x_abc: mysql_version at site eu-west; 1 finding counts as before"),
        ((), reply(changed=False), "Exception x_abc is over already"),
        (("--dry-run",), reply(changed=False), "Would revoke x_abc"),
    ],
)
def test_unaccept_shows_its_effect(
    service: Service, stt: Stt, words: tuple[str, ...], answer: SuppressionReply, sentence: str
) -> None:
    service.answer(Verb.UNACCEPT, answer)
    code, out, _ = stt("unaccept", "x_abc", "--by", "bob", "--reason", "gone", *words)
    asked = decode(UnacceptRequest, service.asked[0])
    assert (asked.id, asked.by, asked.reason) == ("x_abc", "bob", "gone")
    assert code == 0
    assert out.startswith(sentence)


def test_another_severity_needs_no_day(service: Service, stt: Stt) -> None:
    service.answer(Verb.SEVERITY_SET, reply(1, severity=Severity.TRIVIAL, until=None))
    words = ("set", "mysql_version", "trivial", "--site", "eu-west", "--reason", "lab")
    code, out, err = stt("severity", *words)
    asked = decode(SeveritySetRequest, service.asked[0])
    assert (asked.severity, asked.until) == (Severity.TRIVIAL, None)
    assert code == 0
    assert out.startswith("1 finding counts as trivial until reset (x_abc): mysql_version at site")
    assert err == ["Undo: stt severity reset mysql_version --site eu-west"]


def test_list_shows_all_pages_with_the_words_of_revocation(service: Service, stt: Stt) -> None:
    infos = [
        SuppressionInfo(exception=suppression(id=f"x_{number}"), state="live", findings=number)
        for number in range(3)
    ]
    revoked = suppression(id="x_9", revoked=samples.NOW, revoked_by="bob", revoked_reason="late")
    infos.append(SuppressionInfo(exception=revoked, state="revoked"))

    def page(request: SuppressionsRequest) -> SuppressionsReply:
        found = infos[request.offset : request.offset + 2]
        return SuppressionsReply(exceptions=tuple(found), total=len(infos))

    service.compute(Verb.EXCEPTIONS, SuppressionsRequest, page)
    _, out, _ = stt("exceptions", "list", "--state", "all")
    lines = [line.split("\t") for line in out.splitlines()]
    assert [line[0] for line in lines] == ["ID", "x_0", "x_1", "x_2", "x_9"]
    assert lines[1][1:] == [
        "live",
        "mysql_version at site eu-west",
        "2026-12-01",
        "0",
        "ann",
        "2026-11-23T16:30:00Z",
        "proxy only",
    ]
    assert lines[4][7] == "proxy only (revoked by bob: late)"
    _, out, _ = stt("exceptions", "list", "--state", "all", "-o", "json")
    assert len(decode(SuppressionsReply, out.encode()).exceptions) == 4


@pytest.mark.parametrize(
    ("text", "day"),
    [("2026-12-31", date(2026, 12, 31)), ("30d", date(2026, 12, 23)), ("2w", date(2026, 12, 7))],
)
def test_days_ahead_are_read(text: str, day: date) -> None:
    assert parse_until(text, samples.NOW) == day


@pytest.mark.parametrize("text", ["", "x", "5h", "-3d", "2026-13-01"])
def test_an_invalid_date_is_refused_with_examples(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_until(text, samples.NOW)
    assert caught.value.hint.startswith("examples: ")
