"""Every sample of every check ends as it says, on the product's engine."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
import pytest_asyncio

from stt_shared.checkfile.catalogue import builtin
from stt_shared.checkfile.model import Check
from stt_shared.checkfile.samples import Sample
from stt_shared.protocol.enums import Outcome
from stt_shared.protocol.messages import CheckOutcome
from stt_worker.execution.verdict import outcome_of
from stt_worker.oneshot.dry_run import bare, differing, given
from stt_worker.sandbox.port import Sandbox
from stt_worker.sandbox.starlark import StarlarkSandbox
from tests.support.checks.library import CHECKS, samples

pytestmark = pytest.mark.asyncio(loop_scope="module")
PAIRS = [
    pytest.param(check, sample, id=f"{check.name}-{sample.name}")
    for check in CHECKS
    for sample in samples(check)
]
RELEASES = builtin().releases


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sandbox() -> AsyncIterator[Sandbox]:
    one = StarlarkSandbox(1)
    yield one
    await one.close()


async def evaluated(
    check: Check, docs: Sequence[object], sample: Sample, sandbox: Sandbox
) -> CheckOutcome:
    task, answers = given(check, docs)
    verdicts = await sandbox.run([task], answers, sample.context(RELEASES))
    return outcome_of(check, verdicts[0])


def compare(found: CheckOutcome, sample: Sample) -> None:
    assert (found.outcome, found.reason) == (sample.outcome, found.reason)
    assert sample.reason in found.reason
    by_object = {finding.object: finding for finding in found.findings}
    wanted = {finding.object: finding for finding in sample.findings}
    assert {key: one.severity for key, one in by_object.items()} == {
        key: one.severity for key, one in wanted.items()
    }
    for key, one in wanted.items():
        assert one.summary in ("", by_object[key].summary)
        assert list(differing(one, by_object[key])) == []


def columns(rows: Any) -> set[str]:
    """The columns of the rows of one place, or of every database's."""
    if isinstance(rows, dict):
        return {name for each in rows.values() for name in columns(each)}
    return {name for row in rows[:1] for name in row}


def without(rows: Any, column: str) -> Any:
    if isinstance(rows, dict):
        return {database: without(each, column) for database, each in rows.items()}
    return [{k: v for k, v in row.items() if k != column} for row in rows]


@pytest.mark.parametrize(("check", "sample"), PAIRS)
async def test_sample_ends_as_it_says_in_the_sandbox(
    check: Check, sample: Sample, sandbox: Sandbox
) -> None:
    found = await evaluated(check, sample.docs, sample, sandbox)
    compare(found, sample)
    assert list(bare(check, found)) == []


@pytest.mark.parametrize("check", CHECKS, ids=[check.name for check in CHECKS])
async def test_every_check_has_samples_that_pass_fail_and_are_malformed(check: Check) -> None:
    outcomes = {sample.outcome for sample in samples(check)}
    assert {Outcome.PASSED, Outcome.FAILED, Outcome.ERROR} <= outcomes


@pytest.mark.parametrize("check", CHECKS, ids=[check.name for check in CHECKS])
async def test_rows_that_lack_any_one_column_are_never_a_pass(
    check: Check, sandbox: Sandbox
) -> None:
    failing = next(one for one in samples(check) if one.outcome is Outcome.FAILED)
    for place, rows in enumerate(failing.docs):
        for column in columns(rows) if check.family != "mongodb" else ():
            docs = [*failing.docs[:place], without(rows, column), *failing.docs[place + 1 :]]
            found = await evaluated(check, docs, failing, sandbox)
            assert found.outcome is Outcome.ERROR, column


@pytest.mark.parametrize("check", CHECKS, ids=[check.name for check in CHECKS])
@pytest.mark.parametrize("docs", [[], [[]], [None], [[{}]], [[{}], [{}]], [[None]], [["x"]]])
async def test_answers_of_another_shape_are_an_error_and_never_a_pass(
    check: Check, docs: list[object], sandbox: Sandbox
) -> None:
    found = await evaluated(check, docs, samples(check)[0], sandbox)
    assert found.outcome is Outcome.ERROR
