"""Scripts that run by one evaluation, because they only returned before, do not affect each other.

The first job of a program runs its scripts alone, the next ones together. The answer of a server
decides in these tests whether the script in the middle is honest.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable

import psutil
import pytest

from stt_worker.sandbox.port import Broken, Returned, Skipped, Task, Verdict
from stt_worker.sandbox.starlark import StarlarkSandbox
from tests.hostile.sandbox.scripts import GREEDY
from tests.support.worker.scripts import script

TIME_S = 1.0
PATIENT_S = 60.0
# Values of constants are made when a script is defined: it breaks before its first run.
AT_DEFINITION = {"a builtin without end", "a text of 10 GB"}
HONEST = [script(f"return [len(docs), {number}]") for number in range(4)]
TRUTH = [Returned(value=[1, number]) for number in range(4)]
Ask = Callable[[str], Awaitable[Verdict]]


@pytest.fixture
async def sandbox() -> AsyncIterator[StarlarkSandbox]:
    made = StarlarkSandbox(1, script_s=TIME_S)
    yield made
    await made.close()


def asking(sandbox: StarlarkSandbox, bodies: dict[str, str]) -> Ask:
    """Runs the same tasks with another answer: the middle one does what the answer names."""
    branches = "\n".join(
        f"if docs[0] == {name!r}:\n" + "\n".join(f"    {line}" for line in body.splitlines())
        for name, body in bodies.items()
    )
    middle = script(f"{branches}\nreturn ['honest']")
    tasks = [
        Task(digest=one.digest, source=one.source, places=(0,))
        for one in (*HONEST[:2], middle, *HONEST[2:])
    ]

    async def ask(answer: str) -> Verdict:
        first, second, verdict, *rest = await sandbox.run(tasks, [json.dumps(answer).encode()], {})
        assert [first, second, *rest] == TRUTH
        return verdict

    return ask


ENDS: dict[str, tuple[str, Verdict]] = {
    "skips": ('skip("no reason")', Skipped(reason="no reason")),
    "does not apply": ('not_applicable("old")', Skipped(reason="old", applicable=False)),
    "fails": ('fail("bad")', Broken(reason="fail: bad")),
    "prints": ('print("seen")\nreturn [1]', Returned(value=[1], printed="seen")),
    "prints and skips": ('print("a")\nskip("b")', Skipped(reason="b", printed="a")),
    "returns lines": ('return ["a\\nb", "\\r\\n"]', Returned(value=["a\nb", "\r\n"])),
    "returns nothing": ("return None", Returned(value=None)),
    "returns a number that is not finite": (
        'return [float("nan")]',
        Broken(reason="returned a number that is not finite"),
    ),
}


@pytest.mark.parametrize("name", list(ENDS))
async def test_every_end_of_a_script_is_its_own_after_it_had_returned(
    sandbox: StarlarkSandbox, name: str
) -> None:
    body, expected = ENDS[name]
    ask = asking(sandbox, {"odd": body})
    for answer in ("even", "even", "odd", "odd", "even", "odd"):
        verdict = await ask(answer)
        wanted = expected if answer == "odd" else Returned(value=["honest"])
        if isinstance(wanted, Broken):
            assert isinstance(verdict, Broken)
            assert wanted.reason in verdict.reason
        else:
            assert verdict == wanted


@pytest.mark.parametrize("kind", sorted(GREEDY.keys() - AT_DEFINITION))
async def test_a_script_that_turns_greedy_breaks_alone(sandbox: StarlarkSandbox, kind: str) -> None:
    ask = asking(sandbox, {"odd": GREEDY[kind]})
    assert await ask("even") == await ask("even") == Returned(value=["honest"])
    verdict = await ask("odd")
    assert isinstance(verdict, Broken), verdict
    assert verdict.reason
    assert await ask("even") == Returned(value=["honest"])


async def test_scripts_that_need_too_much_memory_only_together_all_return(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Memory has to be what ends the group, on a busy machine too.
    monkeypatch.setattr("stt_worker.sandbox.starlark.QUICK_S", PATIENT_S)
    sandbox = StarlarkSandbox(1, script_s=PATIENT_S, job_s=2 * PATIENT_S)
    # 24 lists of about 8 MiB each: one alone stays below the limit of 64 MiB.
    body = "texts = [('x' * 1024) + str(n) for n in range(docs[0])]\nreturn [len(texts), %d]"
    scripts = [script(body % number) for number in range(24)]
    tasks = [Task(digest=one.digest, source=one.source, places=(0,)) for one in scripts]
    children: list[set[int]] = []
    for size in (1, 1, 8192, 8192, 8192):
        verdicts = await sandbox.run(tasks, [str(size).encode()], {})
        assert verdicts == [Returned(value=[size, number]) for number in range(24)]
        children.append({one.pid for one in psutil.Process().children(recursive=True)})
    await sandbox.close()
    assert children[0] == children[1]
    assert children[1] != children[2], "the scripts together stayed below the limit"
    assert children[3] == children[4], "every job costs a child"
