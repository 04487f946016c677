"""A hostile script ends within its limits, reaches nothing, and changes no other verdict."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator

import psutil
import pytest

from stt_worker.sandbox.port import JOB_OUTPUT_BYTES, JOB_TIME_S, Broken, Returned, Verdict
from stt_worker.sandbox.starlark import StarlarkSandbox
from tests.hostile.sandbox.scripts import GREEDY, LOOP, PRYING, SILENT, TAMPERING, TOP_LEVEL
from tests.support.worker.scripts import Run, runner, script

TIME_S = 1.0
MARGIN_S = 20.0  # of a machine under load
PATIENT_S = 240.0
HONEST = script(
    'version = context["parse_version"]("8.0.33")["num"]\n'
    'user = docs[0][0]["user"]\n'
    'return [user, docs[0][0]["roles"], len(docs), len(docs[0]), version,'
    ' context["server"], context["now"], context["releases"]]'
)
DOCS = [[{"user": "root", "roles": ["admin"]}, {"user": "app", "roles": []}]]
CONTEXT = {
    "server": {"version": [8, 0, 33]},
    "now": 5,
    "releases": {"as_of": "2026-11-01", "series": ["8.0"]},
}
TRUTH = Returned(value=["root", ["admin"], 1, 2, 80033, *CONTEXT.values()])


@pytest.fixture
async def sandbox() -> AsyncIterator[StarlarkSandbox]:
    made = StarlarkSandbox(2, script_s=TIME_S)
    yield made
    await made.close()


@pytest.fixture
def run(sandbox: StarlarkSandbox) -> Run:
    return runner(sandbox)


async def beside_honest(run: Run, hostile: object) -> Verdict:
    """The verdict of `hostile`, which runs between honest scripts twice."""
    found: list[Verdict] = []
    for _ in range(2):
        before, verdict, after = await run([HONEST, hostile, HONEST], DOCS, context=CONTEXT)
        assert (before, after) == (TRUTH, TRUTH)
        found.append(verdict)
    return found[-1]


@pytest.mark.parametrize("kind", list(GREEDY))
async def test_a_greedy_script_is_broken_and_harms_no_other(run: Run, kind: str) -> None:
    began = time.monotonic()
    verdict = await beside_honest(run, script(GREEDY[kind]))
    assert isinstance(verdict, Broken), verdict
    assert verdict.reason
    assert time.monotonic() - began < 2 * (TIME_S + MARGIN_S)


@pytest.mark.parametrize("kind", list(PRYING))
async def test_a_prying_script_is_broken_and_harms_no_other(run: Run, kind: str) -> None:
    verdict = await beside_honest(run, script(PRYING[kind]))
    assert isinstance(verdict, Broken), verdict


@pytest.mark.parametrize("kind", list(TAMPERING))
async def test_what_is_given_to_a_script_cannot_be_changed(run: Run, kind: str) -> None:
    verdict = await beside_honest(run, script(f"{TAMPERING[kind]}\nreturn context['releases']"))
    assert isinstance(verdict, Broken), verdict
    assert "Immutable" in verdict.reason


@pytest.mark.parametrize("kind", list(SILENT))
async def test_names_of_a_script_are_its_own(run: Run, kind: str) -> None:
    source = f"{SILENT[kind]}\ndef check_context(docs, context):\n    return [1]\n"
    assert await beside_honest(run, source) == Returned(value=[1])


@pytest.mark.parametrize("kind", list(TOP_LEVEL))
async def test_a_top_level_that_harms_is_the_fault_of_its_script_alone(
    run: Run, sandbox: StarlarkSandbox, kind: str
) -> None:
    source = f"{TOP_LEVEL[kind]}\ndef check_context(docs, context):\n    return []\n"
    verdict = await beside_honest(run, source)
    if kind != "a long line of sums":  # may be compiled, or be too deep
        assert isinstance(verdict, Broken), verdict
    (reason, good) = await sandbox.define([script("fail(1)"), HONEST])
    assert (reason, good) == ("", "")


async def test_nothing_is_kept_from_one_run_of_a_script_to_the_next(run: Run) -> None:
    counting = (
        "STATE = []\n\ndef check_context(docs, context):\n"
        "    own = []\n    own.append(1)\n    docs_of_mine = [1]\n    docs_of_mine.append(2)\n"
        "    return [len(STATE), own, docs_of_mine]\n"
    )
    keeping = (
        "STATE = []\n\ndef check_context(docs, context):\n    STATE.append(1)\n    return []\n"
    )
    for _ in range(2):
        verdicts = await run([counting, keeping])
        assert verdicts[0] == Returned(value=[0, [1], [1, 2]])
        assert verdicts[1] == Broken(reason="line 4: Immutable")


@pytest.mark.parametrize(
    "odd",
    [
        b'["\\ud800"]',
        b"[NaN]",
        b"[1e400]",
        b"[" * 200 + b"]" * 200,
        b"[" * 200_000 + b"]" * 200_000,
        b"[",
        b"",
        b"\xff\xfe",
        b'[{"a": 1}] tail',
    ],
    ids=["surrogate", "nan", "1e400", "nested", "deep", "cut", "empty", "no text", "tail"],
)
async def test_an_answer_that_cannot_be_read_breaks_only_who_asks_for_it(odd: bytes) -> None:
    sandbox = StarlarkSandbox(1, script_s=TIME_S)
    good, bad, both = script("return docs"), script("return docs[0]"), script("return docs[1]")
    answers = [b'{"n": 1}', odd]
    placed = [
        type(one)(digest=one.digest, source=one.source, places=places)
        for one, places in ((good, (0,)), (bad, (1,)), (both, (0, 1)), (good, (0,)))
    ]
    try:
        for _ in range(2):
            verdicts = await sandbox.run(placed, answers, {})
            assert verdicts[0] == verdicts[3] == Returned(value=[{"n": 1}])
            assert isinstance(verdicts[1], Broken)
            assert isinstance(verdicts[2], Broken)
            assert "answer" in verdicts[1].reason
    finally:
        await sandbox.close()


async def test_release_data_that_cannot_be_read_break_only_who_uses_them(run: Run) -> None:
    nested: list[object] = []
    for _ in range(300):
        nested = [nested]
    uses = script('return context["releases"]')
    for releases in ({"a": nested}, {"a": "\ud800"}):
        verdicts = await run([script("return 1"), uses], context={"releases": releases})
        assert verdicts[0] == Returned(value=1)
        assert isinstance(verdicts[1], Broken)
        assert "release data" in verdicts[1].reason


async def test_facts_that_cannot_be_read_break_the_job_and_not_the_sandbox(run: Run) -> None:
    (verdict,) = await run([script("return 1")], context={"server": {"text": "\ud800"}})
    assert isinstance(verdict, Broken)
    assert "context" in verdict.reason
    assert await run([script("return 1")]) == [Returned(value=1)]


async def test_output_of_a_script_is_in_no_outcome_of_another_job() -> None:
    sandbox = StarlarkSandbox(1, script_s=TIME_S)
    run = runner(sandbox)
    good, telling = script("return docs[0]"), script('fail("of the other target")')
    try:
        for answer, facts in ((b"[NaN]", {}), (b"1", {"text": "\ud800"})):
            await run([good, telling], [1])
            (verdict,) = await run([good], [answer], context={"server": facts})
            assert isinstance(verdict, Broken)
            assert "other target" not in verdict.reason
    finally:
        await sandbox.close()


async def test_what_a_pack_gives_back_is_bounded_and_the_largest_lose_theirs() -> None:
    # The limit of bytes is tried, not that of time: a machine under load needs longer than a job.
    sandbox = StarlarkSandbox(2, job_s=PATIENT_S)
    run = runner(sandbox)
    returned = [script(f"x = {number}\nreturn [[]] * 40000") for number in range(20)]
    printed = [script(f'x = {number}\nprint("a" * 900000)\nreturn []') for number in range(20)]
    try:
        verdicts = await run([HONEST, *returned, *printed, HONEST], DOCS, context=CONTEXT)
    finally:
        await sandbox.close()
    assert (verdicts[0], verdicts[-1]) == (TRUTH, TRUTH)
    assert sum(isinstance(one, Returned) for one in verdicts[1:21]) <= 2
    assert sum(len(one.printed) for one in verdicts) <= JOB_OUTPUT_BYTES
    lost = [one.reason for one in verdicts[1:-1] if isinstance(one, Broken)]
    assert all("16 MiB; this is the largest" in reason for reason in lost)


async def test_a_pack_of_endless_loops_costs_a_job_its_budget_and_others_one_limit() -> None:
    sandbox = StarlarkSandbox(2)
    run = runner(sandbox)
    numbers = itertools.count()
    loops = [script(f"x = {next(numbers)}\n{LOOP}") for _ in range(40)]
    good = script("return [1]")
    try:
        ends: list[list[Verdict]] = []
        for _ in range(2):
            began = time.monotonic()
            hostile = [asyncio.create_task(run([*loops, good])) for _ in range(3)]
            waits: list[float] = []
            while not all(one.done() for one in hostile):
                asked = time.monotonic()
                assert await run([good, HONEST], DOCS, context=CONTEXT) == [
                    Returned(value=[1]),
                    TRUTH,
                ]
                waits.append(time.monotonic() - asked)
                await asyncio.sleep(0.05)
            took = time.monotonic() - began
            assert took < JOB_TIME_S + MARGIN_S
            assert max(waits) < JOB_TIME_S / 2
            ends = [job.result() for job in hostile]
            assert all(isinstance(one, Broken) for verdicts in ends for one in verdicts[:40])
        assert [verdicts[40] for verdicts in ends] == [Returned(value=[1])] * 3
    finally:
        await sandbox.close()


async def test_closing_ends_the_jobs_under_way_and_leaves_no_process() -> None:
    sandbox = StarlarkSandbox(2, script_s=PATIENT_S, job_s=PATIENT_S)
    run = runner(sandbox)
    before = set(psutil.Process().children(recursive=True))
    jobs = [
        asyncio.create_task(run([script(f"x = {number}\n{LOOP}"), script("return 1")]))
        for number in range(5)
    ]
    await asyncio.sleep(0.6)
    began = time.monotonic()
    await sandbox.close()
    ends = await asyncio.gather(*jobs)
    assert time.monotonic() - began < MARGIN_S
    assert all(isinstance(verdicts[0], Broken) for verdicts in ends)
    (late,) = await run([script("return 1")])
    assert isinstance(late, Broken)
    assert set(psutil.Process().children(recursive=True)) <= before


async def test_a_slow_honest_script_waits_for_one_runaway_at_most() -> None:
    sandbox = StarlarkSandbox(1, script_s=2.0)
    run = runner(sandbox)
    loops = [script(f"x = {number}\n{LOOP}") for number in range(4)]
    slow = script("x = 0\nfor n in range(25000000):\n    x = (x + n) % 1000\nreturn x")
    try:
        await run(loops)
        hostile = asyncio.create_task(run(loops))
        await asyncio.sleep(0.3)
        (verdict,) = await run([slow])
        assert isinstance(verdict, Returned | Broken)
        assert not hostile.done()  # the others of them come after it
    finally:
        await sandbox.close()
    await hostile
