"""A database that a check left out is named in its outcome; the others keep their verdict."""

from __future__ import annotations

from typing import Any

from stt_shared.protocol.enums import Kind, Outcome
from stt_shared.protocol.messages import CheckOutcome, PartNotChecked
from stt_worker.databases.port import Answer
from stt_worker.execution.job import execute
from stt_worker.execution.parts import MAX_PARTS
from stt_worker.execution.verdict import fit
from tests.support.worker.fakes import AT, check, dependencies, endpoint, job, query, server

EVERY = query("2", all_dbs=True)
ALSO = query("3", all_dbs=True)
CLOSED = PartNotChecked(name="billing", kind=Kind.CONFIG, reason="closed")
INVALID = PartNotChecked(name="old", kind=Kind.QUERY, reason="invalid")
FAILS = """
def check_context(docs, context):
    return [{"summary": "bad", "severity": "critical", "object": name,
             "labels": {"database": name}} for docs_of in docs for name in docs_of]
"""


async def outcome(script: str, answers: dict[Any, Answer], parts: dict[Any, Any]) -> CheckOutcome:
    one = check("a", script, queries=list(answers))
    asked = {key.what: value for key, value in parts.items()}
    by_question = {key.what: value for key, value in answers.items()}
    having = dependencies([one], {"db": server(by_question, parts=asked)})

    async def endpoint_of() -> Any:
        return endpoint()

    _, (found,) = await execute(job([one]), endpoint_of, having, now=AT)
    return found


PASSES = "def check_context(docs, context):\n    return []\n"
SKIPS = "def check_context(docs, context):\n    skip('no idea')\n"


async def test_a_check_passes_for_the_databases_that_were_asked_and_names_the_others() -> None:
    found = await outcome(PASSES, {EVERY: {"app": [{"n": 1}]}}, {EVERY: (INVALID, CLOSED)})
    assert found.outcome is Outcome.PASSED
    assert found.parts_not_checked == (CLOSED, INVALID)


async def test_a_check_fails_for_the_databases_that_were_asked_and_names_the_others() -> None:
    found = await outcome(FAILS, {EVERY: {"app": [{"n": 1}]}}, {EVERY: (CLOSED,)})
    assert (found.outcome, len(found.findings)) == (Outcome.FAILED, 1)
    assert found.parts_not_checked == (CLOSED,)


async def test_a_database_that_one_of_two_questions_left_out_is_named_once() -> None:
    both: dict[Any, Answer] = {EVERY: {"app": []}, ALSO: {"app": []}}
    found = await outcome(PASSES, both, {EVERY: (CLOSED,), ALSO: (INVALID, CLOSED)})
    assert found.parts_not_checked == (CLOSED, INVALID)


async def test_a_check_that_no_database_could_be_asked_for_is_an_error_and_no_pass() -> None:
    found = await outcome(PASSES, {EVERY: {}}, {EVERY: (CLOSED,)})
    assert (found.outcome, found.kind) == (Outcome.ERROR, Kind.CONFIG)
    assert found.reason == "no database could be checked: billing: closed"


async def test_an_outcome_without_a_verdict_names_no_parts() -> None:
    found = await outcome(SKIPS, {EVERY: {"app": []}}, {EVERY: (CLOSED,)})
    assert (found.outcome, found.parts_not_checked) == (Outcome.SKIPPED, ())


async def test_only_checks_that_ask_every_database_have_parts() -> None:
    found = await outcome(PASSES, {query("1"): []}, {EVERY: (CLOSED,)})
    assert (found.outcome, found.parts_not_checked) == (Outcome.PASSED, ())


async def test_a_reason_of_any_length_is_bounded() -> None:
    long = PartNotChecked(name="x", kind=Kind.QUERY, reason="r" * 5_000)
    found = await outcome(PASSES, {EVERY: {"app": []}}, {EVERY: (long,)})
    assert len(found.parts_not_checked[0].reason) == 200


async def test_more_databases_than_the_limit_make_an_error_that_counts_them() -> None:
    many = tuple(
        PartNotChecked(name=f"tenant_{number:04d}", kind=Kind.NO_PRIVILEGE, reason="no CONNECT")
        for number in range(MAX_PARTS + 1)
    )
    found = await outcome(PASSES, {EVERY: {"app": []}}, {EVERY: many[:-1]})
    assert (found.outcome, len(found.parts_not_checked)) == (Outcome.PASSED, MAX_PARTS)
    found = await outcome(PASSES, {EVERY: {"app": []}}, {EVERY: many})
    assert (found.outcome, found.kind) == (Outcome.ERROR, Kind.TOO_LARGE)
    assert found.reason.startswith("1001 databases not checked, the limit is 1000; the first: ten")
    assert found.parts_not_checked == ()


def test_parts_that_do_not_fit_into_a_result_make_an_error_that_counts_them() -> None:
    many = tuple(
        PartNotChecked(name=f"tenant_{number}", kind=Kind.NO_PRIVILEGE, reason="no CONNECT")
        for number in range(5_000)
    )
    large = CheckOutcome(check="a", outcome=Outcome.PASSED, parts_not_checked=many)
    small = CheckOutcome(check="b", outcome=Outcome.PASSED)
    reduced, kept = fit([large, small], 100_000)
    assert kept == small
    assert (reduced.outcome, reduced.kind) == (Outcome.ERROR, Kind.TOO_LARGE)
    assert "5000 databases not checked" in reduced.reason
    assert reduced.parts_not_checked == ()
