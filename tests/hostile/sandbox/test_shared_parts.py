"""A script whose parts are compiled for several scripts ends as its whole text does.

The parts of a check precede its script as one text; these are what a text after them may do to
that, and what one script may do to the part of another.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from stt_shared.checkfile.catalogue import builtin
from stt_worker.sandbox.interpreter.definition import Definer
from stt_worker.sandbox.interpreter.evaluation import Evaluation
from stt_worker.sandbox.port import Broken, Returned, Skipped, Task, Verdict
from stt_worker.sandbox.starlark import StarlarkSandbox
from tests.support.worker.scripts import source

PART = "LIST = [1]\n\n\ndef size_of(values):\n    return len(values) + len(LIST)"
ENTRY = "def check_context(docs, context):\n"
CALLS = f"{ENTRY}    return size_of(docs[0])\n"
PLAIN = Returned(value=3)
PAIRS: dict[str, tuple[list[str], str, Verdict]] = {
    "nothing special": ([PART], CALLS, PLAIN),
    "two parts, one uses the other": (
        [PART, "def twice(values):\n    return 2 * size_of(values)"],
        f"{ENTRY}    return twice(docs[0])\n",
        Returned(value=6),
    ),
    "two names on a line": (
        ["ONE, TWO = 1, 2"],
        f"{ENTRY}    return [ONE, TWO]\n",
        Returned(value=[1, 2]),
    ),
    "binds a name of the part again, which its functions then read": (
        [PART],
        f"LIST = [1, 2, 3]\n\n{CALLS}",
        Returned(value=5),
    ),
    "defines a function of the part again": (
        [PART],
        f"def size_of(values):\n    return 7\n\n{CALLS}",
        Returned(value=7),
    ),
    "binds it behind brackets that begin at the left": (
        [PART],
        f"OTHER = [\n1,\n]\nLIST = OTHER + [1, 2]\n\n{CALLS}",
        Returned(value=5),
    ),
    "the second part binds a name of the first again": (
        [PART, "LIST = []"],
        CALLS,
        Returned(value=2),
    ),
    "changes a list of the part while it is defined": (
        [PART],
        f"_ = LIST.append(2)\n\n{CALLS}",
        Returned(value=4),
    ),
    "changes a list of the part when it runs": (
        [PART],
        f"{ENTRY}    LIST.append(2)\n    return size_of(docs[0])\n",
        Broken(reason="line 9: Immutable"),
    ),
    "the part names what the script binds": (
        ["def here(docs):\n    return there(docs)"],
        f"def there(docs):\n    return len(docs)\n\n{ENTRY}    return here(docs)\n",
        Returned(value=1),
    ),
    "the part binds a function that every script finds": (
        ["def fail(text):\n    return text"],
        f"{ENTRY}    return fail('no end')\n",
        Returned(value="no end"),
    ),
    "the part binds skip": (
        ["def skip(text):\n    return text"],
        f"{ENTRY}    skip('no end')\n    return 1\n",
        Returned(value=1),
    ),
    "the script skips": ([PART], f"{ENTRY}    skip('no reason')\n", Skipped(reason="no reason")),
    "a function of the part skips": (
        ["def end():\n    skip('no reason')"],
        f"{ENTRY}    end()\n    return 1\n",
        Skipped(reason="no reason"),
    ),
    "the part has the entry": ([f"{ENTRY}    return len(docs)"], "OTHER = 1\n", Returned(value=1)),
    "a line of a text looks like a name": (
        ['TEXT = """\nsize_of = 1\n"""\n\n\ndef size_of(values):\n    return len(TEXT)'],
        CALLS,
        Returned(value=13),
    ),
    "it loads what the sandbox names": (
        [PART],
        f'load("0", size="size_of")\n\n{ENTRY}    return size(docs[0])\n',
        Broken(reason="line 8"),
    ),
    "an error in a function of the part": (
        ["def broken(values):\n    return values[7]"],
        f"{ENTRY}    return broken(docs[0])\n",
        Broken(reason="line 2: Index `7` is out of bound"),
    ),
    "an error in the script": (
        [PART],
        f"{ENTRY}    return docs[0][7]\n",
        Broken(reason="line 9: Index `7` is out of bound"),
    ),
    "a script that is no Starlark": ([PART], f"{ENTRY}    while True:\n", Broken(reason="line 9")),
    "a part that is no Starlark": (["def ("], CALLS, Broken(reason="line 1")),
    "an unknown name": ([PART], f"{ENTRY}    return sizes(docs)\n", Broken(reason="line 9")),
}


def with_parts(parts: list[str], own: str) -> Task:
    """The task of the whole text, and where its parts end."""
    text = "\n\n\n".join([*parts, own])
    ends = [len("\n\n\n".join(parts[: number + 1])) for number in range(len(parts))]
    return replace(source(text), places=(0,), part_ends=tuple(ends))


@pytest.fixture
async def sandbox() -> AsyncIterator[StarlarkSandbox]:
    made = StarlarkSandbox(1, script_s=60.0)
    yield made
    await made.close()


@pytest.mark.parametrize("name", PAIRS)
async def test_a_script_ends_as_its_whole_text_and_harms_no_script_of_the_same_parts(
    sandbox: StarlarkSandbox, name: str
) -> None:
    parts, own, expected = PAIRS[name]
    cut = with_parts(parts, own)
    whole = replace(cut, digest=f"{cut.digest} whole", part_ends=())
    beside = [with_parts([PART], CALLS), with_parts([PART], f"{CALLS}\n# another\n")]
    for _ in range(2):
        verdicts = await sandbox.run([beside[0], cut, whole, beside[1]], [b"[1, 2]"], {})
        assert verdicts[1] == verdicts[2]
        assert is_like(verdicts[1], expected), verdicts[1]
        assert [verdicts[0], verdicts[3]] == [PLAIN, PLAIN]


def is_like(verdict: Verdict, wanted: Verdict) -> bool:
    if isinstance(wanted, Broken):
        return isinstance(verdict, Broken) and wanted.reason in verdict.reason
    return verdict == wanted


async def test_a_part_without_end_costs_its_scripts_alone() -> None:
    sandbox = StarlarkSandbox(1, script_s=0.5)
    endless = "LIST = [0 for one in range(1 << 30)]"
    tasks = [with_parts([PART], CALLS), with_parts([endless], CALLS.replace("size_of", "len"))]
    try:
        good, bad = await sandbox.run(tasks, [b"[1, 2]"], {})
    finally:
        await sandbox.close()
    assert good == PLAIN
    assert isinstance(bad, Broken)


def test_the_parts_of_every_check_of_the_library_have_modules_of_their_own() -> None:
    definer = Definer(Evaluation(lambda: False))
    checks = [one for one in builtin().checks.values() if one.part_ends]
    assert checks
    whole = [
        one.name for one in checks if not definer.of_parts(one.script, one.digest, one.part_ends)
    ]
    assert whole == []
