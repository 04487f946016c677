"""The checks of MySQL ask for the variables that they read, and miss none by that."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from stt_shared.checkfile.model import Check
from stt_shared.checkfile.samples import Sample
from stt_worker.execution.verdict import outcome_of
from stt_worker.oneshot.dry_run import given
from stt_worker.sandbox.port import Sandbox
from stt_worker.sandbox.starlark import StarlarkSandbox
from tests.support.checks.library import CHECKS, samples

pytestmark = pytest.mark.asyncio(loop_scope="module")
ASKS = "GLOBAL VARIABLES WHERE Variable_name IN ("
ASKED = Counter(query.text for check in CHECKS for query in check.queries if ASKS in query.text)
((QUESTION, _),) = ASKED.most_common(1)  # what a single check asks besides is its own
READERS = [check for check in CHECKS if any(query.text == QUESTION for query in check.queries)]
NAMES = frozenset(re.findall(r"'([\w.]+)'", QUESTION))
PREFIXES = tuple(re.findall(r"'([\w.]+)%'", QUESTION))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sandbox() -> AsyncIterator[Sandbox]:
    one = StarlarkSandbox(1)
    yield one
    await one.close()


def asked(row: object) -> bool:
    """Whether the server would send this row; rows of other questions stay."""
    name = row.get("Variable_name") if isinstance(row, dict) else None
    return name is None or str(name).lower() in NAMES or str(name).lower().startswith(PREFIXES)


def asked_of(check: Check, sample: Sample) -> list[object]:
    """The sample's answers as the question brings them."""
    place = next(at for at, query in enumerate(check.queries) if query.text == QUESTION)
    return [
        [row for row in rows if asked(row)] if at == place and isinstance(rows, list) else rows
        for at, rows in enumerate(sample.docs)
    ]


async def test_many_checks_share_the_question() -> None:
    assert len(READERS) == 19
    assert len(NAMES) > 20


@pytest.mark.parametrize("check", READERS, ids=[check.name for check in READERS])
async def test_what_the_question_leaves_out_changes_no_sample(
    check: Check, sandbox: Sandbox
) -> None:
    for sample in samples(check):
        found = []
        for docs in (sample.docs, asked_of(check, sample)):
            task, answers = given(check, docs)
            (verdict,) = await sandbox.run([task], answers, sample.context({}))
            found.append(outcome_of(check, verdict))
        assert found[0] == found[1], sample.name
