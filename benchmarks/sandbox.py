"""Cost of a job's scripts and the fate of hostile ones, on both engines, side by side."""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, Any

from stt_worker.sandbox.monty import MontySandbox
from stt_worker.sandbox.port import Returned, Task

REPEATS = 101
SCRIPTS, ROWS = 7, 5
TIME_S = 1.0
MARGIN_S = 3.0
SCRIPT = """
def check_context(docs, context):
    parse = context.get("parse_version", fail)
    results = []
    for row in docs[0]:
        if parse(row["version"])["num"] < 80034 and row["user"] != "root":
            results.append({
                "summary": "account {} on an old server".format(row["user"]),
                "description": "host %s" % row["host"],
                "severity": "warning",
            })
    return results
"""
HOSTILE = {
    "endless loop": "for a in range(1000000000):\n        for b in range(1000000000):\n            pass",
    "endless sum": "x = 0\n    for n in range(10**12):\n        x += n",
    "string doubling": "x = 'a'\n    for n in range(60):\n        x = x + x",
    "giant list": "x = [0] * (1000 * 1000 * 1000)",
    "endless recursion": "def f(n):\n        return f(n + 1)\n    f(0)",
    "printing without end": "for n in range(1000000000):\n        print('x' * 100000)",
    "deep nesting": "x = []\n    for n in range(200000):\n        x = [x]\n    return [len(str(x))]",
    "sorting lists": "x = sorted([[n] for n in range(3000000)])",
}
ROW = {"version": "8.0.33-25", "user": "app", "host": "10.1.2.3"}


class Child:
    """The kept child of the second engine."""

    def __init__(self) -> None:
        program = str(Path(__file__).with_name("starlark_child.py"))
        self.process = subprocess.Popen(
            [sys.executable, program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def ask(self, tasks: list[tuple[str, str]]) -> list[str]:
        stdin, stdout = _pipe(self.process.stdin), _pipe(self.process.stdout)
        stdin.write(json.dumps(tasks) + "\n")
        stdin.flush()
        answer: list[str] = json.loads(stdout.readline())
        return answer

    def fate(self, source: str) -> str:
        """How a hostile script ends: its verdict, the child's death, or the deadline."""
        line = json.dumps([(source, '{"docs": [], "context": {}}')]) + "\n"
        try:
            out, _ = self.process.communicate(line, timeout=TIME_S + MARGIN_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
            return "killed by the parent at the deadline"
        if self.process.returncode < 0:
            return f"child died of signal {-self.process.returncode}"
        return str(json.loads(out)[0]).splitlines()[0][:60] if out else "child ended"


def _pipe(stream: IO[str] | None) -> IO[str]:
    if stream is None:
        raise RuntimeError("the child has no pipe")
    return stream


def milliseconds(seconds: list[float]) -> float:
    return statistics.median(seconds) * 1_000


async def main() -> None:
    """Print cost per job and the fates."""
    docs: list[Any] = [[ROW] * ROWS]
    data = json.dumps({"docs": docs, "context": {}})
    sandbox, child = MontySandbox(time_s=TIME_S), Child()
    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(REPEATS):
        begun = time.perf_counter()
        verdicts = await sandbox.run([Task(source=SCRIPT, docs=docs)] * SCRIPTS, {})
        middle = time.perf_counter()
        answers = await asyncio.to_thread(child.ask, [(SCRIPT, data)] * SCRIPTS)
        ours.append(middle - begun)
        theirs.append(time.perf_counter() - middle)
        same = all(
            isinstance(v, Returned) and v.value == json.loads(a)
            for v, a in zip(verdicts, answers, strict=True)
        )
        if not same:
            raise RuntimeError(f"the engines differ: {verdicts[0]} and {answers[0]}")
    child.process.kill()
    child.process.communicate()
    print(f"a job of {SCRIPTS} scripts over {ROWS} rows, medians of {REPEATS}:")
    print(f"  monty    {milliseconds(ours):.2f} ms")
    print(
        f"  starlark {milliseconds(theirs):.2f} ms  ratio {milliseconds(ours) / milliseconds(theirs):.1f}"
    )
    for kind, body in HOSTILE.items():
        source = f"def check_context(docs, context):\n    {body}\n"
        begun = time.perf_counter()
        (verdict,) = await sandbox.run([Task(source=source, docs=[])], {})
        took = time.perf_counter() - begun
        words = getattr(verdict, "reason", "returned")[:60]
        begun = time.perf_counter()
        fate = Child().fate(source)
        other = time.perf_counter() - begun
        print(f"  {kind:22} monty {took:4.1f} s {words:60}  starlark {other:4.1f} s {fate}")
    await sandbox.close()


if __name__ == "__main__":
    asyncio.run(main())
