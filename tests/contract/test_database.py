"""What every implementation of the database port guarantees, on every server at hand."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from stt_coordinator.local.servers.process import free_port
from stt_shared.checkfile.model import Question
from stt_shared.protocol.enums import Kind
from stt_shared.protocol.messages import Facts
from stt_worker.databases.port import (
    Failure,
    Limits,
)
from tests.support.worker.database_subjects import (
    memory_subject,
)
from tests.support.worker.driver_harness import LIMITS, QUICK, TIMEOUT_S, DriverHarness, kind_of


async def test_facts_tell_flavour_numeric_version_provider_and_role(harness: DriverHarness) -> None:
    seen: list[Facts] = []

    def choose(facts: Facts) -> list[Question]:
        seen.append(facts)
        return []

    inspection = await harness.database.inspect(harness.subject.endpoint, choose, LIMITS)
    assert seen == [inspection.facts]
    assert inspection.facts.flavour == harness.subject.flavour
    assert inspection.facts.version[: len(harness.subject.version)] == harness.subject.version
    assert ".".join(map(str, inspection.facts.version)) in inspection.facts.version_text
    assert inspection.facts.provider == "self-managed"
    assert inspection.facts.role == harness.subject.role


async def test_equal_questions_have_one_answer(harness: DriverHarness) -> None:
    answers = await harness.ask(harness.subject.good, harness.subject.good)
    (rows,) = answers.values()
    assert isinstance(rows, list)
    assert len(rows) == 1


async def test_a_failing_question_leaves_the_others_answered(harness: DriverHarness) -> None:
    subject = harness.subject
    answers = await harness.ask(subject.bad, subject.good)
    assert kind_of(answers[subject.bad]) is Kind.QUERY
    assert isinstance(answers[subject.good], list)


async def test_a_question_of_another_family_is_a_failure_of_its_own(harness: DriverHarness) -> None:
    foreign = memory_subject().bad
    if harness.subject.flavour in {"mysql", "mariadb"}:
        foreign = replace(foreign, type=foreign.type.POSTGRESQL_SELECT)
    answers = await harness.ask(foreign, harness.subject.good)
    assert kind_of(answers[foreign]) is Kind.QUERY
    assert isinstance(answers[harness.subject.good], list)


async def test_a_missing_grant_is_no_privilege(harness: DriverHarness) -> None:
    subject = harness.subject
    answers = await harness.ask(subject.secret, subject.good, endpoint=subject.limited)
    assert kind_of(answers[subject.secret]) is Kind.NO_PRIVILEGE
    assert isinstance(answers[subject.good], list)


async def test_a_wrong_password_is_auth(harness: DriverHarness) -> None:
    wrong = replace(harness.subject.endpoint, password="wrong \u00e4 password")
    assert (await harness.refusal(wrong)).kind is Kind.AUTH


async def test_an_unknown_user_is_auth(harness: DriverHarness) -> None:
    unknown = replace(harness.subject.endpoint, user="nobody at all")
    assert (await harness.refusal(unknown)).kind is Kind.AUTH


async def test_a_closed_port_is_unreachable(harness: DriverHarness) -> None:
    host = harness.subject.endpoint.host if harness.subject.endpoint.host != "canned" else "nobody"
    closed = replace(harness.subject.endpoint, host=host, port=free_port())
    error = await harness.refusal(closed)
    assert error.kind is Kind.UNREACHABLE
    assert "refused" in error.reason.lower()


async def test_a_name_that_does_not_exist_is_unreachable(harness: DriverHarness) -> None:
    nowhere = replace(harness.subject.endpoint, host="nowhere.invalid")
    error = await harness.refusal(nowhere, Limits(connect_s=TIMEOUT_S))
    assert error.kind is Kind.UNREACHABLE
    assert "nowhere.invalid" in error.reason


async def test_a_slow_statement_times_out_and_the_others_are_answered(sql: DriverHarness) -> None:
    subject = sql.subject
    assert subject.slow is not None
    answers = await sql.ask(subject.slow, subject.good, limits=QUICK)
    assert kind_of(answers[subject.slow]) is Kind.TIMEOUT
    assert isinstance(answers[subject.good], list)


async def test_a_write_is_refused(harness: DriverHarness) -> None:
    subject = harness.subject
    answers = await harness.ask(subject.write, subject.good)
    assert kind_of(answers[subject.write]) is Kind.QUERY
    assert isinstance(answers[subject.good], list)


async def test_an_answer_over_the_limit_is_too_large_and_names_it(harness: DriverHarness) -> None:
    subject = harness.subject
    limits = replace(LIMITS, bytes=2_000)
    answers = await harness.ask(subject.good, subject.many, subject.large, limits=limits)
    for question, limit in ((subject.many, "100 rows"), (subject.large, "2000 bytes")):
        answer = answers[question]
        assert isinstance(answer, Failure)
        assert answer.kind is Kind.TOO_LARGE
        if question != subject.many or subject.flavour != "mongodb":  # an answer is one document
            assert answer.reason == f"more than {limit}{' of rows' * limit.endswith('bytes')}"


async def test_questions_after_an_answer_over_the_limit_are_answered(
    harness: DriverHarness,
) -> None:
    subject = harness.subject
    limits = replace(LIMITS, bytes=2_000)
    answers = await harness.ask(subject.large, subject.bad, subject.good, limits=limits)
    assert kind_of(answers[subject.large]) is Kind.TOO_LARGE
    assert kind_of(answers[subject.bad]) is Kind.QUERY
    assert isinstance(answers[subject.good], list)


async def test_many_concurrent_inspections_are_all_answered(harness: DriverHarness) -> None:
    good = harness.subject.good
    found = await asyncio.gather(*(harness.ask(good) for _ in range(12)))
    assert all(isinstance(answers[good], list) for answers in found)
