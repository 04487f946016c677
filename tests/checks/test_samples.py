"""Each check says of its recorded samples what it must, on both engines."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import msgspec
import pytest

from stt_shared import clock
from stt_shared.checkfile.catalogue import builtin
from stt_shared.checkfile.model import Check
from stt_shared.protocol.words import Kind, Outcome
from stt_worker.sandbox.monty import MontySandbox
from stt_worker.sandbox.port import Task, Verdict
from stt_worker.verdict import judge
from tests.checks import samples, starlark_engine

ALL = samples.everything()


@pytest.fixture(scope="module")
def sandbox() -> Iterator[MontySandbox]:
    made = MontySandbox()
    yield made
    asyncio.run(made.close())


async def verdict_of(
    check: Check, sample: samples.Sample, engine: str, sandbox: MontySandbox
) -> Verdict:
    context = {
        "server": msgspec.to_builtins(sample.server),
        "releases": builtin().releases,
        "now": clock.unix_nanoseconds(sample.at),
    }
    task = Task(source=check.script, docs=list(sample.docs))
    if engine == "starlark":
        return starlark_engine.run(task, context)
    return (await sandbox.run([task], context))[0]


@pytest.mark.parametrize("engine", ["monty", "starlark"])
@pytest.mark.parametrize(
    ("check", "sample"), ALL, ids=[f"{check.name}: {sample.name}" for check, sample in ALL]
)
async def test_a_check_says_of_a_sample_what_it_must(
    check: Check, sample: samples.Sample, engine: str, sandbox: MontySandbox
) -> None:
    outcome = judge(check, await verdict_of(check, sample, engine, sandbox))
    assert outcome.outcome is sample.outcome, outcome
    assert {f.object: f.severity for f in outcome.findings} == sample.findings
    if outcome.outcome is Outcome.SKIPPED:
        assert outcome.kind is Kind.UNDECIDED
    for finding in outcome.findings:
        assert finding.summary
        assert finding.description
        assert finding.remediation
        assert finding.evidence


@pytest.mark.parametrize("check", builtin().checks.values(), ids=list(builtin().checks))
def test_every_check_has_samples_that_pass_fail_and_are_malformed(check: Check) -> None:
    outcomes = {sample.outcome for sample in samples.of(check)}
    assert outcomes >= {Outcome.PASSED, Outcome.FAILED, Outcome.ERROR}
    assert any(s.name.startswith("malformed") for s in samples.of(check))
