"""The commands of exceptions: what they send, what they print, and the file kept in git."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import msgspec
import pytest

from stt_cli.commands.since import parse_until
from stt_cli.commands.suppressions import file as exceptions_file
from stt_shared.bus.values import RequestError
from stt_shared.command.gate import FailOn, exit_code
from stt_shared.errors import ConfigError, UsageError
from stt_shared.protocol.codec import decode
from stt_shared.protocol.control import Verb
from stt_shared.protocol.enums import Change, Severity
from stt_shared.protocol.exceptions import (
    AcceptRequest,
    ExceptionEntry,
    ExceptionInfo,
    ExceptionRecord,
    ExceptionReply,
    ExceptionsReply,
    ExceptionsRequest,
    ImportedException,
    ImportReply,
    ImportRequest,
    SeveritySetRequest,
    UnacceptRequest,
)
from stt_shared.protocol.findings import ChangesReply, FindingsReply, FindingsRequest
from stt_shared.protocol.records import Acceptance, Counts, FindingEvent
from stt_shared.report.counts import of_results
from tests.support.cli import samples
from tests.support.cli.service import Service, Stt

UNTIL = date(2026, 12, 1)
ACCEPTED = Acceptance(exception="x_abc", until=UNTIL, by="dba-oncall", reason="proxy only")


def exception(**changes: object) -> ExceptionRecord:
    values: dict[str, object] = {
        "id": "x_abc",
        "check": "mysql_version",
        "site": "eu-west",
        "until": UNTIL,
        "reason": "proxy only",
        "by": "ann",
        "created": samples.NOW,
    }
    return ExceptionRecord(**(values | changes))  # type: ignore[arg-type]


def reply(findings: int = 3, *, changed: bool = True, **changes: object) -> ExceptionReply:
    return ExceptionReply(exception=exception(**changes), findings=findings, changed=changed)


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
    assert err == ["No finding is in its scope now; one that comes will be."]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("f_1",), "error: --until is missing"),
        (("f_1", "--until", "soon"), "error: cannot read 'soon' as a day"),
    ],
)
def test_accept_without_a_day_is_told_how_before_anything_is_asked(
    service: Service, stt: Stt, words: tuple[str, ...], sentence: str
) -> None:
    code, out, err = stt("accept", *words, "--reason", "x")
    assert (code, out, err[0], service.asked) == (2, "", sentence, [])


def test_a_refusal_is_told_with_where_to_look(service: Service, stt: Stt) -> None:
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
def test_unaccept_says_what_became_of_it(
    service: Service, stt: Stt, words: tuple[str, ...], answer: ExceptionReply, sentence: str
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
        ExceptionInfo(exception=exception(id=f"x_{number}"), state="live", findings=number)
        for number in range(3)
    ]
    revoked = exception(id="x_9", revoked=samples.NOW, revoked_by="bob", revoked_reason="late")
    infos.append(ExceptionInfo(exception=revoked, state="revoked"))

    def page(request: ExceptionsRequest) -> ExceptionsReply:
        found = infos[request.offset : request.offset + 2]
        return ExceptionsReply(exceptions=tuple(found), total=len(infos))

    service.compute(Verb.EXCEPTIONS, ExceptionsRequest, page)
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
    assert len(decode(ExceptionsReply, out.encode()).exceptions) == 4


def test_what_export_prints_import_sends(service: Service, stt: Stt, tmp_path: Path) -> None:
    records = [
        exception(),
        exception(id="x_b", site="", finding="f_1", target="t1", reason="é: 'x' # \U0001f600"),
        exception(id="on", severity=Severity.TRIVIAL, until=None),
    ]
    infos = tuple(ExceptionInfo(exception=one, state="live") for one in records)
    service.answer(Verb.EXCEPTIONS, ExceptionsReply(exceptions=infos, total=3))
    code, out, _ = stt("exceptions", "export")
    assert code == 0
    file = tmp_path / "exceptions.yaml"
    file.write_text(out, encoding="utf-8")
    told = (
        ImportedException(id="x_abc", what="unchanged"),
        ImportedException(id="x_b", what="added"),
    )
    service.answer(Verb.EXCEPTIONS_IMPORT, ImportReply(exceptions=told))
    code, out, err = stt("exceptions", "import", str(file), "--by", "ci")
    first, second = (decode(ImportRequest, data) for data in service.asked[-2:])
    assert (first.dry_run, second.dry_run, second.by) == (True, False, "ci")
    assert {one.id: one for one in second.exceptions} == {
        one.id: ExceptionEntry(
            **{name: getattr(one, name) for name in ExceptionEntry.__struct_fields__}
        )
        for one in records
    }
    assert (code, out) == (0, "ID\tWHAT\nx_abc\tunchanged\nx_b\tadded\n")
    assert err == ["1 unchanged, 1 added"]


def test_a_dry_run_of_import_is_one_question_that_changes_nothing(
    service: Service, stt: Stt, tmp_path: Path
) -> None:
    file = tmp_path / "e.yaml"
    file.write_text("exceptions:\n- {id: a, reason: r, check: c, site: s, until: 2026-12-01}\n")
    told = (ImportedException(id="a", what="added"),)
    service.answer(Verb.EXCEPTIONS_IMPORT, ImportReply(exceptions=told))
    _, _, err = stt("exceptions", "import", str(file), "--dry-run")
    assert [decode(ImportRequest, data).dry_run for data in service.asked] == [True]
    assert err == ["1 added (nothing was changed: --dry-run)"]


def test_the_example_of_the_manual_is_a_file_that_is_taken_in(tmp_path: Path) -> None:
    manual = Path(__file__).parents[4] / "docs" / "operating.md"
    _, _, rest = manual.read_text(encoding="utf-8").partition("```yaml\nexceptions:")
    example, _, _ = rest.partition("```")
    file = tmp_path / "e.yaml"
    file.write_text(f"exceptions:{example}")
    assert [one.id for one in exceptions_file.read(file)] == ["orders-upgrade-2027", "lab-versions"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("exceptions: {}", "expected a mapping with the list 'exceptions'"),
        ("exceptions:\n- {id: a, reason: b, untill: 2026-12-01}", "2: unknown field 'untill'"),
        ("exceptions:\n- {id: a}", "2: object missing required field `reason`"),
        ("exceptions:\n- {id: a, reason: r, until: later}", "2: invalid"),
        ("exceptions:\n- {id: 7, reason: r}", "2: expected `str`, got `int`"),
        ("exceptions:\n- {id: a, id: b}", "2: key 'id' twice"),
        ("exceptions: [", "not valid YAML"),
    ],
)
def test_a_file_that_is_wrong_is_refused_with_its_line(
    tmp_path: Path, text: str, sentence: str
) -> None:
    file = tmp_path / "e.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        exceptions_file.read(file)
    assert sentence in caught.value.message
    with pytest.raises(ConfigError, match="cannot read"):
        exceptions_file.read(tmp_path / "no.yaml")


@pytest.mark.parametrize(
    ("text", "day"),
    [("2026-12-31", date(2026, 12, 31)), ("30d", date(2026, 12, 23)), ("2w", date(2026, 12, 7))],
)
def test_days_ahead_are_read(text: str, day: date) -> None:
    assert parse_until(text, samples.NOW) == day


@pytest.mark.parametrize("text", ["", "x", "5h", "-3d", "2026-13-01"])
def test_what_is_no_day_is_refused_with_examples(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_until(text, samples.NOW)
    assert caught.value.hint.startswith("examples: ")


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
    assert "the check says major" in out


def test_diff_tells_what_was_accepted_and_what_is_no_more(service: Service, stt: Stt) -> None:
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
    assert (second[0], second[6]) == ("+", "accepted no more by bob: proxy is gone")
    assert err == ["1 accepted, 1 accepted no more"]


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
