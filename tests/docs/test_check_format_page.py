"""docs/check-format.md lists exactly what the code reads: fields, types, commands, limits."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from stt_coordinator.domain.time.schedule import PERIODS
from stt_shared.checkfile import folder, guard, parse, parts, queries, remediation
from stt_shared.checkfile.model import UNSUPPORTED, QueryType
from stt_shared.checkfile.samples import FIELDS as SAMPLE_FIELDS
from stt_shared.checkfile.samples import FIELDS_OF_FINDING
from stt_shared.checkfile.statements import limits, mongodb_commands
from stt_shared.checkfile.yaml import reader
from stt_shared.protocol.enums import Family, Interval, Kind, Outcome, Restart
from stt_shared.protocol.messages import MAX_FINDINGS, Facts, Finding, Fix
from stt_worker.databases import port as databases
from stt_worker.execution import causes, sanitize, verdict
from stt_worker.sandbox import port as sandbox
from stt_worker.sandbox.functions import FUNCTIONS

PAGE = (Path(__file__).parents[2] / "docs" / "check-format.md").read_text(encoding="utf-8")
MIB = 1024 * 1024
CONTEXT = {"server", "now", "releases"}  # beside the functions


def section(heading: str) -> str:
    """The text below a heading, to the next one of any level."""
    found = re.search(rf"(?m)^#+ {re.escape(heading)}\n(.*?)(?=^#|\Z)", PAGE, re.DOTALL)
    assert found is not None, heading
    return found[1]


def table(heading: str, first: str) -> dict[str, list[str]]:
    """The rows of the table whose first column is `first`: the other cells by the first cell."""
    whole = section(heading).splitlines()
    rules = [number for number, line in enumerate(whole) if line.startswith("|---")]
    begin = next(number for number in rules if whole[number - 1].startswith(f"| {first} |"))
    rows: dict[str, list[str]] = {}
    for line in whole[begin + 1 :]:
        if not line.startswith("|"):
            break
        name, *cells = [cell.strip() for cell in line.strip("|").split("|")]
        assert name not in rows, f"{name} twice below {heading}"
        rows[name.strip("`").partition("(")[0]] = cells
    return rows


def codes(text: str) -> set[str]:
    return set(re.findall(r"`([^`]+)`", text))


def test_fields_of_a_check_are_those_that_are_read() -> None:
    rows = table("Fields of a check", "field")
    assert set(rows) == parse.FIELDS | {"parts"}
    ours = {name for name, cells in rows.items() if cells[0] == "ours"}
    assert ours == set(rows) - parse.FIELDS_OF_PMM
    assert {family.upper() for family in Family} <= codes(rows["family"][2])


def test_fields_of_queries_parts_and_samples_are_those_that_are_read() -> None:
    assert set(table("Queries", "field")) == queries.FIELDS
    assert set(table("Parts", "field")) == parts.FIELDS
    rows = table("Samples", "field")
    assert set(rows) == SAMPLE_FIELDS
    assert codes(rows["findings"][0]) == FIELDS_OF_FINDING | {"failed"}
    assert codes(rows["expect"][0]) == set(Outcome)


def test_query_types_are_those_that_are_read_and_say_whether_they_have_a_text() -> None:
    rows = table("Queries", "type")
    assert set(rows) == set(QueryType)
    assert {name for name, cells in rows.items() if "text" in cells[0]} == queries.WITH_TEXT
    unavailable = {name for name, cells in rows.items() if "not available" in cells[1]}
    assert unavailable == UNSUPPORTED


def test_commands_of_mongodb_are_listed_with_every_option() -> None:
    rows = table("Queries", "`MONGODB_COMMAND`")
    assert set(rows) == set(mongodb_commands.COMMANDS)
    for name, (shown,) in rows.items():
        options = set(mongodb_commands.COMMANDS[name]) - {name}
        if "sections" not in shown:
            assert codes(shown) - {"startupWarnings"} == options, name


def test_guards_name_every_flavour_and_comparison() -> None:
    assert codes(section("Guards")) >= guard.FLAVOURS | guard.COMPARISONS


def test_intervals_are_shown_with_their_periods() -> None:
    shown = table("Fields of a check", "field")["interval"][2]
    for interval in Interval:
        hours = int(PERIODS[interval].total_seconds()) // 3600
        assert re.search(rf"`{interval}` \({hours} h[,)]", shown), interval


def test_the_context_of_a_script_holds_what_is_listed() -> None:
    rows = table("Script", "`context`")
    assert set(rows) == set(FUNCTIONS) | CONTEXT
    assert codes(rows["server"][0]) == set(Facts.__struct_fields__)


def test_findings_have_the_keys_and_severities_that_are_listed() -> None:
    assert set(table("Findings", "key")) == set(Finding.__struct_fields__) - {
        *("key", "fix"),
        *("part_of", "implies"),  # set by the worker
    }
    shown = {name: cells[0] for name, cells in table("Findings", "severity in the script").items()}
    assert shown == verdict.SEVERITIES


def test_remediations_have_the_keys_that_are_listed_with_those_that_are_required() -> None:
    rows = table("Remediations", "key")
    assert set(rows) == remediation.KEYS == set(Fix.__struct_fields__)
    required = {name for name, (rule,) in rows.items() if rule.startswith("required")}
    assert required == set(remediation.REQUIRED)
    assert codes(rows["restart"][0]) == set(Restart)


def test_every_kind_of_outcome_is_listed() -> None:
    assert set(table("Outcomes", "kind")) == set(Kind)


@pytest.mark.parametrize(
    ("what", "shown"),
    [
        (
            "a file",
            (
                f"{reader.MAX_BYTES // MIB} MiB, {reader.MAX_NODES:,} values,"
                f" {reader.MAX_DOCUMENTS} documents, {reader.MAX_DEPTH} levels"
            ),
        ),
        (
            "a folder",
            (
                f"{folder.MAX_TOTAL_BYTES // MIB} MiB, {folder.MAX_ENTRIES:,} entries,"
                f" {folder.MAX_DEPTH} levels"
            ),
        ),
        (
            "remediation of a finding",
            (
                f"{remediation.MAX_STATEMENTS} statements,"
                f" {remediation.MAX_CHARACTERS:,} characters;"
                f" {remediation.MAX_PROSE_CHARACTERS:,} of a text of prose"
            ),
        ),
        ("parts of a check", f"{parts.MAX_PARTS}"),
        (
            "answer of a query",
            f"{databases.MAX_ROWS:,} rows, {databases.MAX_BYTES // MIB} MiB",
        ),
        ("statement", f"{databases.STATEMENT_TIMEOUT_S:g} s at the server"),
        (
            "a script",
            (
                f"{sandbox.SCRIPT_TIME_S:g} s, {sandbox.SCRIPT_MEMORY_BYTES // MIB} MiB,"
                f" {sandbox.SCRIPT_OUTPUT_BYTES // MIB} MiB of output"
            ),
        ),
        (
            "all scripts of a job",
            f"{sandbox.JOB_TIME_S:g} s, {sandbox.JOB_OUTPUT_BYTES // MIB} MiB of output",
        ),
        ("findings of a check on a target", f"{MAX_FINDINGS}"),
        ("causes of a finding", f"{causes.MAX_CAUSES}"),
        (
            "evidence of a finding",
            f"{sanitize.MAX_ROWS} rows; a text has {sanitize.MAX_TEXT_CHARACTERS:,} characters",
        ),
    ],
)
def test_a_limit_is_that_of_the_code(what: str, shown: str) -> None:
    assert table("Limits", "what")[what] == [shown]


@pytest.mark.parametrize(
    ("heading", "shown"),
    [
        ("Queries", f"{limits.MAX_CHARACTERS:,} characters and {limits.MAX_TOKENS:,} tokens"),
        ("Queries", f"up to {queries.MAX_COLUMNS} columns"),
        ("Fields of a check", f"1 to {queries.MAX_QUERIES} "),
        ("Fields of a check", f"at most {parse.MAX_SUMMARY_CHARACTERS} characters"),
        ("Fields of a check", f"at most {parse.MAX_SCRIPT_CHARACTERS:,} characters"),
        ("Fields of a check", f"at most {parse.MAX_TEXTS} items"),
    ],
)
def test_a_limit_in_the_text_is_that_of_the_code(heading: str, shown: str) -> None:
    assert shown in section(heading)
