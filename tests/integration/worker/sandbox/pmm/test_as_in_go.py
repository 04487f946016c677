"""A script of PMM gives here what Go's Starlark gives: the same value, or an error as well."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
import starlark_go

from stt_worker.sandbox.interpreter.evaluation import ScriptError
from tests.support.checks import go
from tests.support.checks.expressions import Expressions
from tests.support.checks.in_process import InProcess, ScriptEndedError

DATA = Path(__file__).parents[4] / "data" / "pmm"
DOCS = [{"a": "text", "b": True, "c": None, "d": 12345678.9}]
# `make pmm-language` sets other ones, and prints them.
SEED = int(os.environ.get("STT_PMM_SEED", "1"))
COUNT = int(os.environ.get("STT_PMM_COUNT", "400"))
# Each stands in docs/pmm.md, "What is not as in PMM".
KNOWN = {
    "an object of its own": ('"é".elems()', 'type("abc".elems())', '"abc".codepoints()'),
    "the name of a method": ('str("a".upper)', '"a".join'),
    "no type bytes": ('bytes("a")', 'b"abc"'),
    "case of Unicode": ('"İ".lower()', '"ß".upper()', '"ǆ".title()'),
    "a float of 20 digits": ("99999999999999999999 == 99999999999999999999.0",),
    "recursion": ("recursion", "mutual"),  # a warning of the lint
    "tabs": ("tabs",),  # no file of PMM may have them
    "a word of Python": ("keyword_as_name",),
    "taken by one side": ("return_big", "return_range"),  # in no field of a finding
    "not a number": ("return_nan",),
    "search in elems()": ("elems_in",),
}
ALLOWED = {one for every in KNOWN.values() for one in every}


@pytest.fixture(scope="module")
def ours() -> InProcess:
    return InProcess()


def both(ours: InProcess, source: str, docs: object = DOCS) -> tuple[Any, Any]:
    """The values of both, "error" for an error; as JSON, as tuples and lists travel alike."""
    try:
        mine = ours.value(source, docs)
    except (ScriptEndedError, ScriptError):
        mine = "error"
    try:
        theirs = go.value(source, docs)
    except (starlark_go.StarlarkError, go.PmmError):
        theirs = "error"
    return mine, theirs


def of_expression(expression: str) -> str:
    return (
        f"def check_context(docs, context):\n    x = {expression}\n    return [repr(x), type(x)]\n"
    )


def test_every_expression_has_the_value_that_go_gives_it(ours: InProcess) -> None:
    other: set[str] = set()
    for expression in (DATA / "expressions.txt").read_text().splitlines():
        mine, theirs = both(ours, of_expression(expression))
        if mine != theirs:
            other.add(expression)
    assert other - ALLOWED == set()


def test_every_script_ends_as_in_go(ours: InProcess) -> None:
    texts = re.split(r"^# --- (\w+)\n", (DATA / "scripts.star").read_text(), flags=re.MULTILINE)
    scripts = dict(zip(texts[1::2], texts[2::2], strict=True))
    assert len(scripts) > 100
    other = {
        name for name, script in scripts.items() if len(set(map(repr, both(ours, script)))) > 1
    }
    assert other - ALLOWED == set()


def test_random_expressions_have_the_values_that_go_gives_them(ours: InProcess) -> None:
    expressions = Expressions(SEED)
    other: list[tuple[str, Any, Any]] = []
    values = 0
    for _ in range(COUNT):
        expression = expressions.next()
        mine, theirs = both(ours, of_expression(expression))
        values += theirs != "error"
        if mine != theirs:
            other.append((expression, mine, theirs))
    assert other == [], f"seed {SEED}: {len(other)} of {COUNT}, the first: {other[0]}"
    # Else the generator only makes errors, and nothing is compared.
    assert values > COUNT / 4


def test_half_a_character_leaves_as_one_sign_for_each_byte_as_in_gos_json(ours: InProcess) -> None:
    # Nothing to compare with: the binding of starlark-go cannot give such a text to Python.
    script = 'def check_context(docs, context):\n    return ["日本"[:5], {"日"[1:]: "é"[0]}]\n'
    assert ours.value(script, DOCS) == ["日\ufffd\ufffd", {"\ufffd\ufffd": "\ufffd"}]
