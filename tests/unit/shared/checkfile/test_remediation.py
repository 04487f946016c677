"""A remediation as data is complete, within its limits, and never cut."""

from __future__ import annotations

from typing import Any

import pytest

from stt_shared.checkfile import remediation
from stt_shared.checkfile.remediation import fix_of
from stt_shared.protocol.enums import Restart
from stt_shared.protocol.messages import Fix

GOOD: dict[str, Any] = {
    "before": "Look at its sessions.",
    "statement": ["ALTER ROLE a NOLOGIN;", "SELECT 1;"],
    "effect": "a cannot log in.",
    "restart": "none",
    "persistent": "The server stores it.",
    "undo": "ALTER ROLE a LOGIN;",
}
LINES = {"file": "pg_hba.conf", "lines": "local all all peer", "undo_lines": "local all all trust"}


def test_one_statement_and_a_list_are_read_and_the_text_is_lines_then_statements() -> None:
    found = fix_of(GOOD | LINES)
    assert found == Fix(
        before="Look at its sessions.",
        statement=("ALTER ROLE a NOLOGIN;", "SELECT 1;"),
        effect="a cannot log in.",
        restart=Restart.NONE,
        persistent="The server stores it.",
        undo=("ALTER ROLE a LOGIN;",),
        file="pg_hba.conf",
        lines="local all all peer",
        undo_lines="local all all trust",
    )
    assert found.text == "local all all peer\nALTER ROLE a NOLOGIN;\nSELECT 1;"


def test_what_a_person_does_is_the_text_where_nothing_can_be_executed() -> None:
    by_hand = {key: one for key, one in GOOD.items() if key != "statement"}
    assert fix_of(by_hand | {"action": "Upgrade it."}).text == "Upgrade it."


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"effect": ""}, "remediation has no effect"),
        ({"before": None}, "before is NoneType, expected a text"),
        ({"restart": "maybe"}, "restart is 'maybe', expected none, reload, restart"),
        ({"statement": []}, "none of statement, lines, action"),
        ({"statement": {"a": 1}}, "statement is neither a statement nor a list of statements"),
        (
            {"statement": ["SELECT 1;", ""]},
            "statement is neither a statement nor a list of statements",
        ),
        ({"undo": ""}, "none of undo, undo_lines, no_undo"),
        (
            {"no_undo": "it is lost"},
            "no_undo and undo are both given, expected one of them",
        ),
        ({"file": "pg_hba.conf"}, "file and lines are given together or not at all"),
        ({"lines": "a"}, "file and lines are given together or not at all"),
        ({"effect": " \n"}, "effect has nothing but spaces"),
        ({"file": "a", "lines": "\n"}, "lines has nothing but spaces"),
        ({"statement": False}, "statement is neither a statement nor a list of statements"),
        ({"undo": [" "]}, "undo is neither a statement nor a list of statements"),
        ({"file": "a\nhost all all all trust", "lines": "b"}, "file is the name of one file"),
        ({"efect": "a"}, "unknown key 'efect'"),
        ({"effect": "e" * 1_001}, "effect has 1001 characters, the limit is 1000"),
        ({"undo": ["x"] * 51}, "undo has 51 statements, the limit is 50"),
        ({"statement": "x" * 16_000}, "characters, the limit is 16000"),
    ],
)
def test_a_fault_names_the_key_and_the_limit(changed: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValueError, match="remediation") as raised:
        fix_of(GOOD | changed)
    assert fault in str(raised.value)


def test_every_fault_is_named_at_once() -> None:
    with pytest.raises(ValueError, match="remediation") as raised:
        fix_of({})
    named = set(str(raised.value).split("; "))
    assert {f"remediation has no {key}" for key in remediation.REQUIRED} <= named
    assert len(named) == len(remediation.REQUIRED) + 2
