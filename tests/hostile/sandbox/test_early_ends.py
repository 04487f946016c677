"""Scripts that end early by skip() end so whatever is written around it, and end no other script.

A call that is a statement of check_context is turned into a return, so that such scripts can run
by one evaluation with others; these sources are what such a line may be instead.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from stt_worker.sandbox.interpreter.engine import Engine
from stt_worker.sandbox.port import Broken, Returned, Skipped, Task, Verdict
from stt_worker.sandbox.starlark import StarlarkSandbox
from stt_worker.sandbox.wire import Ending, Item
from tests.support.worker.scripts import script, source

PATIENT_S = 60.0
HONEST = [script(f"return [len(docs), {number}]") for number in range(4)]
TRUTH = [Returned(value=[1, number]) for number in range(4)]
SKIPPED = Skipped(reason="no reason")
ENTRY = "def check_context(docs, context):\n"
EARLY: dict[str, tuple[str, Verdict]] = {
    "a statement": (ENTRY + "    skip('no reason')\n    return 1\n", SKIPPED),
    "in a loop": (
        ENTRY
        + "    for n in [1, 2]:\n        if n == 2:\n            skip('no reason')\n    return 1\n",
        SKIPPED,
    ),
    "another ending": (
        ENTRY + "    not_applicable('old')\n",
        Skipped(reason="old", applicable=False),
    ),
    "in a function of its own": (
        "def end():\n    skip('no reason')\n\n" + ENTRY + "    end()\n    return 1\n",
        SKIPPED,
    ),
    "in a function within": (
        ENTRY + "    def end():\n        skip('no reason')\n    end()\n    return 1\n",
        SKIPPED,
    ),
    "in an entry that another function calls": (
        ENTRY + "    if docs:\n        return [again()]\n    skip('no reason')\n\n"
        "def again():\n    return check_context([], {})\n",
        SKIPPED,
    ),
    "by another name": (ENTRY + "    end = skip\n    end('no reason')\n    return 1\n", SKIPPED),
    "with more behind it": (ENTRY + "    skip('no reason') or 1\n    return 1\n", SKIPPED),
    "with a choice behind it": (
        ENTRY + "    skip('no reason') if len(docs) > 5 else 1\n    return 1\n",
        Returned(value=1),
    ),
    "a line within brackets": (ENTRY + "    return [\n    skip('no reason')\n    ]\n", SKIPPED),
    "a line of a text": (
        ENTRY + '    return """\n    skip(\'no reason\')\n"""\n',
        Returned(value="\n    skip('no reason')\n"),
    ),
    "a line of a raw text": (
        ENTRY + "    return r'a\\\n    skip(\"b\")\n'\n",
        Broken(reason="unfinished"),
    ),
    "a function of the script": (
        "def  skip(why):\n    return why\n\n" + ENTRY + "    skip('no reason')\n    return 1\n",
        Returned(value=1),
    ),
    "a parameter": (
        "def check_context(docs, context, skip=len):\n    skip('no reason')\n    return 1\n",
        Returned(value=1),
    ),
    "a variable of a loop": (
        ENTRY + "    for skip in [len]:\n        skip('no reason')\n    return 1\n",
        Returned(value=1),
    ),
    "the name of what it becomes": (
        ENTRY + "    _skip_by_return('no reason')\n",
        Broken(reason="_skip_by_return"),
    ),
    "the name of what it becomes, beside it": (
        ENTRY + "    if len(docs) > 5:\n        skip('no')\n    _skip_by_return('no reason')\n",
        Broken(reason="_skip_by_return"),
    ),
    "nothing": (ENTRY + "    return None\n", Returned(value=None)),
}


def reading(task: Task, *places: int) -> Task:
    """The task with the answers of `places`, or the first."""
    return Task(digest=task.digest, source=task.source, places=places or (0,))


def is_like(verdict: Verdict, wanted: Verdict) -> bool:
    """Whether both are equal; of a reason why a script broke, `wanted` has a part."""
    if isinstance(wanted, Broken):
        return isinstance(verdict, Broken) and wanted.reason in verdict.reason
    return verdict == wanted


@pytest.fixture
async def sandbox() -> AsyncIterator[StarlarkSandbox]:
    made = StarlarkSandbox(1, script_s=PATIENT_S)
    yield made
    await made.close()


async def test_skip_ends_the_script_that_calls_it_and_no_other(sandbox: StarlarkSandbox) -> None:
    for name, (text, expected) in EARLY.items():
        first, last = EARLY["a statement"], EARLY["another ending"]
        for beside in ([], [EARLY["nothing"]]):
            ends = [first, *beside, (text, expected), last]
            tasks = [*map(source, (one for one, _ in ends)), *HONEST]
            for _ in range(3):
                verdicts = await sandbox.run([reading(one) for one in tasks], [b"1"], {})
                assert verdicts[len(ends) :] == TRUTH, name
                for verdict, (_, wanted) in zip(verdicts, ends, strict=False):
                    assert is_like(verdict, wanted), (name, verdict)


def test_scripts_that_skip_run_in_the_evaluation_of_the_others() -> None:
    engine = Engine(lambda: False)
    tasks = [source(EARLY[name][0]) for name in ("a statement", "in a loop")]
    scripts = {task.digest: engine.define(task.source, task.digest) for task in (*tasks, *HONEST)}
    items = [Item(one, (0,), whole=False, releases=False) for one in scripts]
    driver = engine.driver(1, items, scripts, b"{}", [b"1"])
    skipped = (Ending.SKIPPED, "no reason")
    returned = [(Ending.RETURNED, f"[1,{number}]") for number in range(4)]
    found = engine.call_together(driver, range(len(items)), list(scripts))
    assert found == [skipped, skipped, *returned]


async def test_a_malformed_answer_moves_no_other_to_its_place(sandbox: StarlarkSandbox) -> None:
    first, last = script("return docs"), script("return [docs, context['now']]")
    tasks = [reading(first), reading(last, 1, 2)]
    for bad in ("1],[2", "1,2", "", "1]],[[1", '"\\ud800"', "1],{}]//"):
        for _ in range(2):
            broken, found = await sandbox.run(tasks, [bad.encode(), b"2", b"3"], {"now": 4})
            assert isinstance(broken, Broken), bad
            assert found == Returned(value=[[2, 3], 4]), bad
