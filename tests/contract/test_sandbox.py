"""What the sandbox promises: scripts of PMM's style run unchanged, hostile ones harm nobody."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from stt_worker.sandbox.port import (
    JOB_TIME_S,
    SCRIPT_MEMORY_BYTES,
    SCRIPT_OUTPUT_BYTES,
    SCRIPT_TIME_S,
    Broken,
    Returned,
    Skipped,
)
from stt_worker.sandbox.starlark import StarlarkSandbox
from tests.support.worker.scripts import Run, runner, script

TIME_S = 1.0
OF_PMM = '''
def check_context(docs, context):
    """In the manner of PMM's files: nested functions, .get with fail, % and .format."""
    parse = context.get("parse_version", fail)
    format_num = context.get("format_version_num", fail)
    private = context.get("ip_is_private", fail)

    def worst(numbers):
        largest = 0
        for number in numbers:
            if number > largest:
                largest = number
        return largest

    results = []
    rows = docs[0]
    print("rows", len(rows))
    for row in rows:
        version = parse(row["version"])
        hosts = [h for h in row["hosts"] if private(h) == False]
        if version["num"] < 80034 or hosts:
            results.append({
                "summary": "MySQL {} is old".format(format_num(version["num"])),
                "description": "rest %s, patch %d, hosts %s" % (
                    version["rest"], version["patch"], ", ".join(hosts)),
                "severity": "warning" if worst([1, 3, 2]) == 3 else "error",
                "labels": {"num": str(version["numrest"])},
            })
    return results
'''


@pytest.fixture
async def run() -> AsyncIterator[Run]:
    sandbox = StarlarkSandbox(2, script_s=TIME_S)
    yield runner(sandbox)
    await sandbox.close()


async def test_a_script_of_pmm_runs_unchanged(run: Run) -> None:
    rows = [
        {"version": "8.0.33-25", "hosts": ["10.1.2.3", "8.8.8.8", "x", "0.0.0.0/0"]},
        {"version": "8.4.6", "hosts": ["fe80::1", "127.0.0.1", "192.168.0.0/16"]},
    ]
    (verdict,) = await run([OF_PMM], [rows])
    assert verdict == Returned(
        value=[
            {
                "summary": "MySQL 8.0.33 is old",
                "description": "rest -25, patch 33, hosts 8.8.8.8, 0.0.0.0/0",
                "severity": "warning",
                "labels": {"num": "25"},
            }
        ],
        printed="rows 2",
    )


@pytest.mark.parametrize(
    ("text", "num", "rest", "numrest"),
    [
        ("5.7.20-19-log", 50720, "-19-log", 19),
        ("10.11", 101100, "", 0),
        ("4.4.8-18", 40408, "-18", 18),
        ("8.0.33\n", 80033, "\n", 0),
    ],
)
async def test_versions_parse_as_in_pmm(
    run: Run, text: str, num: int, rest: str, numrest: int
) -> None:
    (verdict,) = await run([script("return parse_version(docs[0])")], [text])
    assert isinstance(verdict, Returned)
    found = verdict.value
    assert (found["num"], found["rest"], found["numrest"]) == (num, rest, numrest)


async def test_what_is_no_version_is_the_scripts_error(run: Run) -> None:
    (verdict,) = await run([script('return parse_version("eight")')])
    assert isinstance(verdict, Broken)
    assert "cannot parse version 'eight'" in verdict.reason


async def test_the_context_holds_facts_and_functions(run: Run) -> None:
    context = {"server": {"flavour": "mysql", "version": [8, 0, 33]}, "now": 5, "releases": {}}
    body = 'return [context["server"]["version"] < [8, 0, 100], context["now"], context.get("x")]'
    (verdict,) = await run([script(body)], context=context)
    assert verdict == Returned(value=[True, 5, None])


async def test_release_data_reach_the_scripts_that_mention_them_and_no_other(run: Run) -> None:
    scripts = [
        script('return context["releases"]["as_of"]'),
        script('return [name for name in context if name[0] == "r"]'),
    ]
    for as_of in ("2026-11-01", "2026-11-01", "2026-11-02"):
        context = {"server": {}, "releases": {"as_of": as_of}}
        assert await run(scripts, context=context) == [Returned(value=as_of), Returned(value=[])]


async def test_format_one_has_rows_and_format_two_a_list_of_places(run: Run) -> None:
    one, two = script("return docs[0]", whole=True), script("return docs[0][0]")
    assert await run([one, two], [[{"n": 1}]]) == [Returned(value={"n": 1})] * 2


async def test_fail_and_skip_and_an_error_each_end_as_what_they_are(run: Run) -> None:
    bodies = ['fail("broken %s" % 1)', 'skip("no data")', 'row = docs[0]\nreturn row["missing"]']
    verdicts = await run([script(body) for body in (*bodies, "return x")], [{"here": 1}])
    assert verdicts[0] == Broken(reason="fail: broken 1")
    assert verdicts[1] == Skipped(reason="no data")
    (outside,) = await run([script('not_applicable("no replica")')])
    assert outside == Skipped(reason="no replica", applicable=False)
    assert verdicts[2] == Broken(reason='line 3: Key `"missing"` was not found')
    assert verdicts[3] == Broken(reason="line 2: Variable `x` not found")


async def test_printing_shows_values_as_starlark_writes_them(run: Run) -> None:
    (verdict,) = await run([script('print("a", 1, [True, None], {"b": "c"}, sep="-")\nreturn []')])
    assert verdict == Returned(value=[], printed='a-1-[True, None]-{"b": "c"}')


async def test_a_text_over_several_lines_keeps_its_lines(run: Run) -> None:
    source = 'TEXT = """a\nb"""\n\ndef check_context(docs, context):\n    return [TEXT]\n'
    assert await run([source, script("return []")]) == [
        Returned(value=["a\nb"]),
        Returned(value=[]),
    ]


async def test_a_script_that_cannot_be_read_is_broken_alone(run: Run) -> None:
    bad = "def check_context(:\n    return []"
    without = "def check(docs, context):\n    return []"
    verdicts = await run([bad, without, script("return []")])
    assert isinstance(verdicts[0], Broken)
    assert verdicts[0].reason.startswith("line 1: ")
    assert verdicts[1] == Broken(reason="Variable `check_context` not found")
    assert verdicts[2] == Returned(value=[])


async def test_rows_of_any_text_come_through_unharmed(run: Run) -> None:
    texts = ["\x00\x07", "\u2028😀 é'\"\\", "'''\n\"\"\"", "%s {} {0}"]
    assert await run([script("return docs")], texts) == [Returned(value=texts)]


async def test_numbers_come_through_as_they_are(run: Run) -> None:
    numbers = [0, -(2**63), 2**64 - 1, 0.1, 1234567.891, True]
    assert await run([script("return docs")], numbers) == [Returned(value=numbers)]


async def test_a_script_is_compiled_once_and_its_time_is_not_that_of_others(run: Run) -> None:
    scripts = [script(f"return {number}") for number in range(50)]
    for _ in range(3):
        assert await run(scripts) == [Returned(value=number) for number in range(50)]


async def test_closing_leaves_no_process_and_no_descriptor() -> None:
    here = psutil.Process()
    before, others = here.num_fds(), set(here.children(recursive=True))
    for _ in range(3):
        made = StarlarkSandbox(2, script_s=TIME_S)
        await runner(made)([script("return []"), script("return [0] * (1000 * 1000 * 1000)")])
        children = set(here.children(recursive=True)) - others
        assert children
        await made.close()
        assert [one for one in children if one.is_running()] == []
    assert here.num_fds() == before


def test_the_interpreter_ends_in_peace_after_scripts_that_broke() -> None:
    program = Path(__file__).parents[1] / "support" / "worker" / "sandbox_process.py"
    for _ in range(3):
        done = subprocess.run(
            [sys.executable, str(program)], capture_output=True, timeout=60, check=False
        )
        assert (done.returncode, json.loads(done.stdout)) == (0, ["Broken", "Broken", "Returned"])


def test_the_limits_are_those_of_the_format() -> None:
    limits = SCRIPT_TIME_S, SCRIPT_MEMORY_BYTES, SCRIPT_OUTPUT_BYTES, JOB_TIME_S
    assert limits == (5, 64 * 1024 * 1024, 1024 * 1024, 15)
