"""What the sandbox promises: scripts of PMM's style run unchanged, hostile ones harm nobody."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from stt_worker.sandbox.monty import MontySandbox
from stt_worker.sandbox.port import SCRIPT_MEMORY_BYTES, Broken, Returned, Skipped, Task

TIME_S = 1.0
NOTHING: list[Any] = []
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


def task(body: str, docs: list[Any] | None = None) -> Task:
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    source = f"def check_context(docs, context):\n{lines}\n"
    return Task(source=source, docs=NOTHING if docs is None else docs)


@pytest.fixture
async def sandbox() -> AsyncIterator[MontySandbox]:
    made = MontySandbox(processes=2, time_s=TIME_S)
    yield made
    await made.close()


async def test_a_script_of_pmm_runs_unchanged(sandbox: MontySandbox) -> None:
    rows = [
        {"version": "8.0.33-25", "hosts": ["10.1.2.3", "8.8.8.8", "x", "0.0.0.0/0"]},
        {"version": "8.4.6", "hosts": ["fe80::1", "127.0.0.1", "192.168.0.0/16"]},
    ]
    (verdict,) = await sandbox.run([Task(source=OF_PMM, docs=[rows])], {})
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
    sandbox: MontySandbox, text: str, num: int, rest: str, numrest: int
) -> None:
    (verdict,) = await sandbox.run([task("return parse_version(docs[0])", [text])], {})
    assert isinstance(verdict, Returned)
    found = verdict.value
    assert (found["num"], found["rest"], found["numrest"]) == (num, rest, numrest)


async def test_the_context_holds_facts_and_functions(sandbox: MontySandbox) -> None:
    context = {"server": {"flavour": "mysql", "version": [8, 0, 33]}, "now": 5, "releases": {}}
    body = 'return [context["server"]["version"] < [8, 0, 100], context["now"], context.get("x")]'
    (verdict,) = await sandbox.run([task(body)], context)
    assert verdict == Returned(value=[True, 5, None])


async def test_fail_and_skip_and_an_error_each_end_as_what_they_are(
    sandbox: MontySandbox,
) -> None:
    bodies = ['fail("broken %s" % 1)', 'skip("no data")', 'return docs[0]["missing"]', "return x"]
    docs: list[Any] = [{"here": 1}]
    verdicts = await sandbox.run([task(body, docs) for body in bodies], {})
    assert verdicts[0] == Broken(reason="fail: broken 1")
    assert verdicts[1] == Skipped(reason="no data")
    (outside,) = await sandbox.run([task('not_applicable("no replica")')], {})
    assert outside == Skipped(reason="no replica", applicable=False)
    assert isinstance(verdicts[2], Broken)
    assert "KeyError" in verdicts[2].reason
    assert isinstance(verdicts[3], Broken)
    assert "NameError" in verdicts[3].reason


async def test_one_script_sees_nothing_of_another(sandbox: MontySandbox) -> None:
    first = Task(
        source="leak = 1\n\ndef check_context(docs, context):\n"
        "    context['leak'] = 1\n    return []\n",
        docs=NOTHING,
    )
    second = task("return [context.get('leak'), leak]")
    verdicts = await sandbox.run([first, second], {})
    assert verdicts[0] == Returned(value=[])
    assert isinstance(verdicts[1], Broken)
    assert "leak" in verdicts[1].reason


async def test_a_text_over_several_lines_keeps_its_lines(sandbox: MontySandbox) -> None:
    source = 'TEXT = """a\nb"""\n\ndef check_context(docs, context):\n    return [TEXT]\n'
    verdicts = await sandbox.run([Task(source=source, docs=NOTHING), task("return []")], {})
    assert verdicts == [Returned(value=["a\nb"]), Returned(value=[])]


HOSTILE = {
    "endless loop": "while True:\n    pass",
    "endless sum": "return sum(range(10**12))",
    "huge integer": "return str(10**(10**7))",
    "string doubling": 'x = "a"\nwhile True:\n    x = x + x',
    "giant list": "return [0] * 10**9",
    "millions of lists": "return sorted([[n] for n in range(3000000)])",
    "endless recursion": "def f():\n    return f()\nreturn f()",
    "printing without end": 'while True:\n    print("x" * 1000000)',
    "huge answer": 'return ["x" * 1000000] * 20',
    "environment": "import os\nreturn os.environ",
    "files": 'return open("/etc/passwd").read()',
    "network": "import socket\nreturn 1",
    "processes": "import subprocess\nreturn 1",
    "introspection": "return ().__class__.__bases__[0].__subclasses__()",
    "not a number": 'return float("nan")',
    "a function": "return print",
    "sleeping": "import time\ntime.sleep(100)\nreturn 1",
}


@pytest.mark.parametrize("kind", list(HOSTILE))
async def test_a_hostile_script_is_broken_and_harms_no_other(
    sandbox: MontySandbox, kind: str
) -> None:
    good = task("return [1]")
    verdicts = await sandbox.run([good, task(HOSTILE[kind]), good], {})
    assert verdicts[0] == verdicts[2] == Returned(value=[1])
    assert isinstance(verdicts[1], Broken), verdicts[1]
    assert verdicts[1].reason


async def test_deeply_nested_data_end_without_a_crash(sandbox: MontySandbox) -> None:
    body = "x = []\nfor n in range(200000):\n    x = [x]\nreturn [len(str(x))]"
    (verdict,) = await sandbox.run([task(body)], {})
    assert isinstance(verdict, Returned | Broken)
    assert await sandbox.run([task("return []")], {}) == [Returned(value=[])]


async def test_a_job_beside_a_runaway_script_is_served(sandbox: MontySandbox) -> None:
    runaway = asyncio.create_task(sandbox.run([task(HOSTILE["endless loop"])], {}))
    await asyncio.sleep(0)
    assert await sandbox.run([task("return []")], {}) == [Returned(value=[])]
    assert not runaway.done()
    (verdict,) = await runaway
    assert isinstance(verdict, Broken)


async def test_a_script_that_cannot_be_read_is_broken_alone(sandbox: MontySandbox) -> None:
    bad = Task(source="def check_context(:\n    return []", docs=NOTHING)
    verdicts = await sandbox.run([bad, task("return []")], {})
    assert isinstance(verdicts[0], Broken)
    assert verdicts[1] == Returned(value=[])


async def test_rows_of_any_text_come_through_unharmed(sandbox: MontySandbox) -> None:
    texts = ["\x00\x07", "\u2028😀 é'\"\\", "'''\n\"\"\"", "%s {} {0}"]
    (verdict,) = await sandbox.run([task("return docs", texts)], {})
    assert verdict == Returned(value=texts)


async def test_closing_leaves_no_process() -> None:
    made = MontySandbox(processes=2, time_s=TIME_S)
    await made.run([task("return []")], {})
    children = psutil.Process(os.getpid()).children(recursive=True)
    await made.close()
    assert [c for c in children if c.is_running() and "monty" in c.name()] == []


def test_the_interpreter_ends_in_peace_after_scripts_that_broke() -> None:
    """With the engine's asynchronous pool it aborted, once in ten to twenty times."""
    program = Path(__file__).with_name("sandbox_process.py")
    for _ in range(5):
        done = subprocess.run(
            [sys.executable, str(program)], capture_output=True, timeout=60, check=False
        )
        assert (done.returncode, json.loads(done.stdout)) == (0, ["Broken", "Broken", "Returned"])


def test_the_limits_are_those_of_the_format() -> None:
    assert SCRIPT_MEMORY_BYTES == 64 * 1024 * 1024
