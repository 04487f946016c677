"""Reports as people read them: aligned on a terminal, whole in a pipe, and harmless in both."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
from rich.console import Console, Group, RenderableType
from rich.text import Text

from stt_shared.protocol.control import StatusReply, UncheckedTarget
from stt_shared.protocol.enums import FindingState, Kind, Outcome, Severity
from stt_shared.protocol.messages import ControlState
from stt_shared.report import readable
from stt_shared.report.grid import (
    MIN_SHORTENED,
    MIN_SQUEEZED,
    Cell,
    Column,
    Grid,
    shrink,
    to_lines,
    to_tsv,
)
from stt_shared.report.theme import THEME, clean
from stt_shared.report.views import changes, finding, status, table
from tests.support.cli import samples
from tests.support.cli.samples import NOW


def drawn(grid: Grid, width: int) -> list[str]:
    return [line.plain for line in to_lines(grid, width)]


def findings() -> Grid:
    return table.findings_grid(table.rows_of_report(samples.report()), NOW)


def plain(parts: list[RenderableType], width: int = 100) -> str:
    console = Console(width=width, color_system=None, theme=THEME)
    with console.capture() as capture:
        console.print(Group(*parts))
    return capture.get()


def test_findings_come_most_severe_first_then_oldest() -> None:
    rows = table.rows_of_report(samples.report())
    assert [row.severity for row in rows] == [Severity.CRITICAL, Severity.MAJOR, Severity.TRIVIAL]


def test_a_severity_is_always_mark_and_word() -> None:
    lines = drawn(findings(), 200)
    assert [line[:10] for line in lines[1:]] == ["◆ critical", "▲ major   ", "● trivial "]


@pytest.mark.parametrize("width", [80, 100, 120, 250])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    assert max(len(line) for line in drawn(findings(), width)) <= width


def test_what_was_found_is_named_once() -> None:
    assert table.finding_text("app", "app is a superuser") == "app is a superuser"
    assert (
        table.finding_text("version", "PostgreSQL 18.6 is old") == "version: PostgreSQL 18.6 is old"
    )
    assert table.finding_text(None, "It is wrong") == "It is wrong"


def test_a_narrow_terminal_gives_what_was_found_a_line_of_its_own() -> None:
    lines = drawn(findings(), 80)
    assert lines[2] == "            'report'@'%': Something critical is wrong"
    assert "orders-mysql-3" in lines[1]


def test_only_columns_that_may_be_shortened_are() -> None:
    sizes = shrink([10, 60, 40, 8], [1, 2], 80)
    assert (sizes[0], sizes[3]) == (10, 8)
    assert sum(sizes) + 3 * 2 == 80
    assert shrink([50, 60], [1], 64) == [50, MIN_SHORTENED]


def test_no_row_is_longer_than_the_terminal_even_if_other_columns_are_shortened() -> None:
    assert shrink([50, 60], [1], 60) == [50, 8]
    assert shrink([50, 60], [1], 40) == [32, MIN_SQUEEZED]
    assert shrink([50, 60], [], 40) == [19, 19]


def test_a_pipe_gets_whole_cells_between_tabs_without_marks() -> None:
    header, first, *rest = to_tsv(findings()).splitlines()
    assert header.split("\t") == [
        "SEVERITY",
        "CHECK",
        "DATABASE",
        "SITE",
        "SINCE",
        "ID",
        "FOUND",
    ]
    assert first.split("\t") == [
        "critical",
        "mysql_empty_password",
        "orders-mysql-3",
        "eu-west",
        "2026-11-23T16:30:00Z",
        "f_000000000001",
        "'report'@'%': Something critical is wrong",
    ]
    assert len(rest) == 2


def test_a_name_from_a_database_cannot_forge_lines_columns_or_colours() -> None:
    evil = "a\tb\nc\x1b[31m\u202ed\u2028e\x9b"
    assert clean(evil) == r"a\tb\nc\x1b[31m\u202ed\u2028e\x9b"
    grid = Grid((Column("X"),), ((Cell(evil),),))
    assert len(to_tsv(grid).splitlines()) == 2
    assert "\x1b" not in "".join(drawn(grid, 80))


def test_letters_of_any_language_stay_as_they_are() -> None:
    assert clean("zażółć 表 é") == "zażółć 表 é"


def test_wide_letters_keep_the_columns_aligned() -> None:
    grid = Grid((Column("A"), Column("B")), ((Cell("表表"), Cell("x")), (Cell("abcd"), Cell("y"))))
    assert drawn(grid, 80) == ["A     B", "表表  x", "abcd  y"]


def test_what_was_not_checked_is_grouped_by_target_and_reason() -> None:
    _, mongo, ledger = drawn(table.unchecked_grid(samples.report()), 160)
    why = "the check cannot decide: series"
    assert mongo.startswith(f"carts-mongo-1  mongodb_version  eu-west  {why}")
    assert ledger == "ledger-pg-9    2 checks         eu-west  unreachable: connection refused"


def test_why_something_was_not_checked_is_never_cut() -> None:
    lines = drawn(table.unchecked_grid(samples.report()), 60)
    assert max(len(line) for line in lines) <= 60
    assert "series 9.1 is newer than the release data of 2026-11-01" in " ".join(
        line.strip() for line in lines
    )


def test_totals_say_what_was_not_checked() -> None:
    first, second = table.totals(samples.COUNTS)
    assert first.plain == "◆ 1 critical   ▲ 1 major   ● 1 trivial"
    assert second.plain == "1 check passed, 3 not checked, 3 of 4 databases checked"


def status_text(reply: StatusReply) -> str:
    return "\n".join(line.plain for line in status.status_lines(reply, NOW))


def test_status_says_since_when_by_whom_and_what_comes_next() -> None:
    text = status_text(samples.status())
    assert 'Checks are on since 2 Nov 16:30 UTC (by dba-oncall: "approved CHG-4411").' in text
    assert "finished 16:04 UTC, 7 min. Next at 15:30 UTC tomorrow." in text
    assert "◆ critical        3   +1 since yesterday" in text
    assert "not checked     2   ledger-pg-9 (timed out), carts-mongo-4 (login refused)" in text
    assert "3 sites, 2 workers up and 1 down, 300 databases (mysql 140, postgresql 110" in text


def test_status_of_a_fresh_installation_says_never_enabled() -> None:
    reply = samples.status(state=ControlState())
    assert status_text(reply).startswith("Checks are disabled (never enabled). ")
    assert "Next at" not in status_text(reply)


def test_status_tells_what_is_wrong_with_stt_itself() -> None:
    assert "  warning: no replica" in status_text(samples.status(degraded=("no replica",)))


def test_a_finding_is_shown_with_evidence_reason_fix_history_and_the_way_to_look_again() -> None:
    text = plain(finding.finding_block(samples.finding_reply(), NOW))
    assert "orders-mysql-3 (MySQL 8.4.6, site eu-west, team orders), failing since 16:04" in text
    assert "Found      'report'@'%'" in text
    assert "report  %     caching_sha2_password" in text
    assert "Why        Anyone who can reach port 3306" in text
    assert "Fix        ALTER USER 'report'@'%' IDENTIFIED BY RANDOM PASSWORD;" in text
    assert "History    16:04 UTC opened" in text
    assert "stt run --target orders-mysql-3 --check mysql_empty_password --wait" in text


def test_a_finding_that_was_not_confirmed_says_when_it_last_was() -> None:
    reply = samples.finding_reply(outcome=Outcome.ERROR, kind=Kind.UNREACHABLE, reason="refused")
    text = plain(finding.finding_block(reply, NOW))
    assert "Last run   error (unreachable: refused); last confirmed 16:04 UTC" in text


def test_a_resolved_finding_says_when() -> None:
    gone = samples.finding(state=FindingState.RESOLVED, resolved_at=NOW)
    text = plain(finding.finding_block(samples.finding_reply(finding=gone), NOW))
    assert "resolved 16:30 UTC" in text


def test_evidence_may_hold_anything_and_stays_readable() -> None:
    rows = ({"a": None, "b": [1, "x"]}, {"c": "\x1b[2J"}, *({"a": i} for i in range(30)))
    reply = samples.finding_reply(finding=samples.finding(evidence=rows))
    text = plain(finding.finding_block(reply, NOW))
    assert '[1,"x"]' in text
    assert r"\x1b[2J" in text
    assert "... and 12 more" in text


def test_changes_have_signs_and_a_total() -> None:
    lines = drawn(changes.changes_grid(samples.changes(), NOW), 200)
    assert [line[0] for line in lines[1:]] == ["+", "-", "~", "+"]
    assert "major to critical" in lines[3]
    assert changes.changes_total(samples.changes(), 1) == (
        "1 new, 1 back, 1 fixed, 1 changed, 1 database not checked"
    )
    assert changes.changes_total((), 0) == "nothing changed"


def test_a_change_heard_live_is_one_line() -> None:
    line = changes.change_line(samples.changes()[0])
    assert isinstance(line, Text)
    assert line.plain == (
        "16:04:00 UTC  + ◆ critical   mysql_empty_password  orders-mysql-3"
        "  eu-west  new  'report'@'%': Account without a password"
    )


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (3900, "1 h 5 min"),
        (7200, "2 h"),
        (90_000, "1 d 1 h"),
    ],
)
def test_durations_are_shown_in_two_units(seconds: int, text: str) -> None:
    assert readable.span(timedelta(seconds=seconds)) == text


def test_every_reason_code_has_its_words() -> None:
    assert set(readable.KINDS) == set(Kind)


def test_the_status_names_databases_that_are_gone_and_where_their_findings_are_listed() -> None:
    counts = msgspec.structs.replace(samples.status().summary.counts, gone=1, gone_findings=3)
    summary = msgspec.structs.replace(samples.status().summary, counts=counts)
    gone = UncheckedTarget(target="old-pg", kind=Kind.GONE, reason="no worker")
    text = status_text(samples.status(summary=summary, unchecked=(gone,)))
    assert "gone            1   old-pg, with 3 findings (stt findings list --state gone)" in text
