"""A check can be read before anybody lets it run: every statement, the script, the rights."""

from __future__ import annotations

import json

import msgspec
import pytest
from rich.console import Console, Group

from stt_shared.checkfile.model import Check, Guard, Query, QueryType
from stt_shared.protocol.enums import Family
from stt_shared.report.theme import THEME
from stt_shared.report.views.check import check_block, check_object, statement

CHECK = Check(
    name="mysql_x",
    version=2,
    family=Family.MYSQL,
    summary="X is wrong",
    description="Anyone gets in.",
    script="def check_context(docs, context):\n    return []\n",
    queries=(
        Query(type=QueryType.MYSQL_SELECT, text="1", when=Guard("mysql >= 8.0", ())),
        Query(type=QueryType.MYSQL_SHOW, text="VARIABLES"),
    ),
    digest="abc",
    aliases=("mysqlX",),
    references=("CWE-287",),
    privileges={"mysql": ("SELECT ON mysql.user",)},
    remediation="Mend it.",
)


def test_a_check_shows_every_statement_with_its_guard_the_rights_and_the_script() -> None:
    console = Console(width=80, color_system=None, theme=THEME)
    with console.capture() as capture:
        console.print(Group(*check_block(CHECK)))
    text = capture.get()
    for part in (
        "mysql_x  X is wrong",
        "MySQL, every 24 h, also known as mysqlX",
        "Asks       SELECT 1   -- if mysql >= 8.0",
        "           SHOW VARIABLES",
        "Needs      mysql: SELECT ON mysql.user",
        "Maps to    CWE-287",
        "           def check_context(docs, context):",
        "               return []",
    ):
        assert part in text


def test_a_check_for_machines_has_its_guards_as_written() -> None:
    found = json.loads(msgspec.json.encode(check_object(CHECK)))
    assert [query["when"] for query in found["queries"]] == ["mysql >= 8.0", ""]


@pytest.mark.parametrize(
    ("kind", "text", "sent"),
    [
        (QueryType.POSTGRESQL_SHOW, "", "SHOW ALL"),
        (QueryType.POSTGRESQL_SELECT, "1", "SELECT 1"),
        (QueryType.MONGODB_GETPARAMETER, "", "getparameter"),
        (QueryType.MONGODB_COMMAND, '{"hello":1}', '{"hello":1}'),
    ],
)
def test_a_statement_is_shown_as_the_server_gets_it(kind: QueryType, text: str, sent: str) -> None:
    assert statement(Query(type=kind, text=text)) == sent
