"""A remediation is shown whole and in one order: no statement without its effect."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from stt_shared.protocol.enums import Outcome, Restart, Severity
from stt_shared.protocol.messages import Finding, Fix
from stt_shared.protocol.queries.reports import ReportedFinding
from stt_shared.report.formats import delimited, junit, markdown, ocsf, page, sarif
from stt_shared.report.remedy import LEFT_OUT, at_most, paragraphs, plain, text_at_most
from tests.support.cli import samples
from tests.support.shared import report_cases

FIX = Fix(
    before="Look at BEFORE.",
    query="SELECT 'QUERY';",
    action="Do the ACTION.",
    file="pg_hba.conf",
    lines="LINES all all",
    statement=("FIRST;", "SECOND;"),
    effect="The EFFECT.",
    restart=Restart.RESTART,
    persistent="PERSISTENT in a file.",
    undo=("UNDONE;",),
    undo_lines="EARLIER all all",
)
IN_ORDER = (
    *("BEFORE", "QUERY", "ACTION", "LINES", "FIRST", "SECOND", "EFFECT"),
    *("every session of the server ends", "PERSISTENT", "EARLIER", "UNDONE"),
)
PROSE = ("Look at BEFORE.", "Do the ACTION.", "The EFFECT.", "PERSISTENT in a file.")


def finding() -> ReportedFinding:
    one = samples.reported(1, Severity.MAJOR, 3, "app")
    return msgspec.structs.replace(one, fix=FIX, remediation=FIX.text, description="The WHY.")


def shown_by(form: Any) -> str:
    result = samples.result("t1", "mysql_version", Outcome.FAILED, finding())
    report = msgspec.structs.replace(samples.report(), results=(result,))
    return str(form.text(report_cases.context(report)))


def in_order(text: str) -> None:
    places = [text.find(word) for word in IN_ORDER]
    assert -1 not in places, dict(zip(IN_ORDER, places, strict=True))
    assert places == sorted(places)


def test_paragraphs_are_in_order_and_prose_is_never_code() -> None:
    shown = paragraphs(finding())
    in_order("\n".join(one.text for one in shown))
    assert not any(text in one.text for one in shown if one.is_code for text in PROSE)
    labels = [one.label for one in shown if one.label]
    assert labels == ["Before", "Fix", "Effect", "Restart", "Persistent", "Undo"]


def test_a_text_of_an_older_worker_is_shown_as_it_is() -> None:
    old = msgspec.json.decode(
        json.dumps({"key": "a", "severity": "major", "summary": "s", "remediation": "DROP x;"}),
        type=Finding,
    )
    assert (old.fix, plain(old)) == (None, "Fix: DROP x;")


@pytest.mark.parametrize("form", [junit, markdown, ocsf, page, sarif])
def test_every_format_shows_all_of_it_after_the_description_in_order(form: Any) -> None:
    _, why, rest = shown_by(form).partition("The WHY.")
    assert why
    in_order(rest)


def test_a_table_has_a_column_for_each_part() -> None:
    text = shown_by(delimited)
    assert all(word in text for word in (*IN_ORDER, *delimited.FIX_COLUMNS))


def test_what_is_too_long_for_a_message_loses_its_statements_and_never_half_of_one() -> None:
    assert at_most(FIX, 10_000) == FIX
    short = at_most(FIX, 100)
    assert short is not None
    assert (short.statement, short.undo, short.lines, short.action) == ((), (), "", LEFT_OUT)
    assert short.effect == FIX.effect


def test_a_remediation_of_a_worker_that_keeps_no_limits_has_room_all_the_same() -> None:
    huge = "x" * 500_000
    short = at_most(Fix(before=huge, effect=huge, persistent=huge, no_undo=huge, file=huge), 8_000)
    assert len(msgspec.json.encode(short)) < 8_000


def test_a_reader_of_texts_gets_no_half_of_a_statement() -> None:
    assert text_at_most(finding(), 10_000) == FIX.text
    assert text_at_most(finding(), 10) == LEFT_OUT
    old = msgspec.structs.replace(finding(), fix=None, remediation="as before, cut")
    assert text_at_most(old, 9) == "as before"


def test_a_name_with_a_separator_of_lines_stays_one_line() -> None:
    odd = msgspec.structs.replace(FIX, statement=('ALTER ROLE "a\u2028b\x1cc" NOLOGIN;',))
    shown = plain(msgspec.structs.replace(finding(), fix=odd))
    assert odd.statement[0] in shown


def test_a_report_of_an_earlier_release_is_read_and_one_of_today_comes_back_equal() -> None:
    now = finding()
    assert msgspec.json.decode(msgspec.json.encode(now), type=ReportedFinding) == now
    old = msgspec.to_builtins(now)
    del old["fix"]
    read = msgspec.convert(old, ReportedFinding)
    assert (read.fix, read.remediation) == (None, FIX.text)
