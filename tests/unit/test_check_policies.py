"""What holds for every built-in check beyond what its file format asks."""

from __future__ import annotations

import re

import pytest

from stt_shared.checkfile import library_page
from stt_shared.checkfile.catalogue import builtin, builtin_folder
from stt_shared.checkfile.guard import FLAVOURS
from stt_shared.checkfile.model import Check
from stt_shared.checkfile.parts import FOLDER
from stt_shared.protocol.words import Family

CHECKS = list(builtin().checks.values())
EACH = pytest.mark.parametrize("check", CHECKS, ids=[check.name for check in CHECKS])
CATEGORIES = frozenset(
    {
        *("authentication", "privileges", "version", "encryption", "network"),
        *("configuration", "auditing"),
    }
)
SEVERITIES = frozenset({"critical", "warning", "notice"})  # one word for each of the three we show
# A number of a benchmark means nothing without its edition; CVE and CWE numbers never change.
REFERENCE = re.compile(r"CIS [\w .]+ v\d+\.\d+\.\d+ \d+(\.\d+)*|CVE-\d{4}-\d{4,}|CWE-\d+")
FLAVOURS_OF = {
    Family.MYSQL: {"mysql", "percona", "mariadb"},
    Family.POSTGRESQL: {"postgresql"},
    Family.MONGODB: {"mongodb", "percona"},
}


@EACH
def test_folder_names_the_check(check: Check) -> None:
    assert (builtin_folder() / check.family / check.name / "check.yaml").is_file()
    assert (builtin_folder() / check.family / check.name / "samples.yaml").is_file()


def test_every_folder_is_a_check() -> None:
    folders = {file.parent.name for file in builtin_folder().rglob("*.yaml")}
    assert folders - {builtin_folder().name, FOLDER} == set(builtin().checks)


@EACH
def test_summary_is_short_and_no_sentence(check: Check) -> None:
    assert len(check.summary) <= 100
    assert "\n" not in check.summary
    assert not check.summary.endswith(".")


@EACH
def test_category_is_one_of_a_closed_set(check: Check) -> None:
    assert check.category in CATEGORIES


@EACH
def test_severities_in_the_script_are_of_a_closed_set(check: Check) -> None:
    words = set(
        re.findall(r'"(emergency|alert|critical|error|warning|notice|info|debug)"', check.script)
    )
    assert words
    assert words <= SEVERITIES


@EACH
def test_references_carry_their_edition(check: Check) -> None:
    assert check.references
    for reference in check.references:
        assert REFERENCE.fullmatch(reference), reference


@EACH
def test_privileges_are_told_for_every_flavour_and_only_for_those(check: Check) -> None:
    assert set(check.privileges) == FLAVOURS_OF[check.family]
    assert set(check.privileges) <= FLAVOURS


@EACH
def test_remediation_says_whether_it_needs_a_restart_and_how_to_undo_it(check: Check) -> None:
    assert re.search(r"restart|at once|open sessions", check.remediation)
    assert "ndo" in check.remediation or "taken back" in check.remediation


@EACH
def test_queries_read_catalogues_by_full_name_and_one_statement_each(check: Check) -> None:
    for query in check.queries:
        assert ";" not in query.text
        if check.family is Family.POSTGRESQL:
            assert not re.search(
                r"(?<!pg_catalog\.)\bpg_(roles|auth_members|has_role)\b", query.text
            )


@EACH
def test_hashes_never_leave_the_server(check: Check) -> None:
    for query in check.queries:
        selected = query.text.partition(" FROM ")[0]
        assert not re.search(r"authentication_string\b(?!('\)|, ''\)))", selected, re.IGNORECASE)
        assert "rolpassword" not in query.text


@EACH
def test_script_runs_together_with_others_in_one_trip(check: Check) -> None:
    assert '"""' not in check.script
    assert "'''" not in check.script
    assert "\\\n" not in check.script


def test_both_account_checks_ask_the_same_questions_so_that_a_job_asks_once() -> None:
    empty, anonymous = (
        builtin().checks[name] for name in ("mysql_empty_password", "mysql_anonymous_users")
    )
    assert empty.queries == anonymous.queries


def test_names_and_aliases_are_unique() -> None:
    names = [name for check in CHECKS for name in (check.name, *check.aliases)]
    assert len(names) == len(set(names))


def test_the_page_of_checks_is_the_one_written_from_them() -> None:
    page = builtin_folder() / "README.md"
    assert page.read_text(encoding="utf-8") == library_page.render(builtin())
