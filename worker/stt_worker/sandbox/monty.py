"""The sandbox on pydantic-monty: a pool of limited processes that run a subset of Python.

The scripts of a job travel in one feed, each in a function of its own, rows and verdicts as one
JSON text. Where that feed breaks, each script runs again alone in a fresh session, so that only
the one that broke it bears the consequence.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import Any

import pydantic_monty as monty

from stt_shared.telemetry.logs import in_thread
from stt_worker.sandbox.addresses import ip_is_private
from stt_worker.sandbox.port import (
    SCRIPT_MEMORY_BYTES,
    SCRIPT_OUTPUT_BYTES,
    SCRIPT_TIME_S,
    Broken,
    Returned,
    Skipped,
    Task,
    Verdict,
)

PRELUDE = (Path(__file__).parent / "prelude.txt").read_text(encoding="utf-8")
GRACE_S = 2.0  # above the script's own time: then the process is killed
MAX_DEPTH = 200  # nested calls
MAX_CALLS = 100_000  # of the host's functions in one session
INDENT = "    "
MAX_REASON_CHARACTERS = 500


class MontySandbox:
    """A pool of `processes` that start when they are first needed; see the port.

    The blocking pool in threads of our own: with the asynchronous one the interpreter aborted at
    its end, once in ten to twenty times.
    """

    def __init__(self, processes: int = 2, *, time_s: float = SCRIPT_TIME_S) -> None:
        self._processes = processes
        self._time_s = time_s
        self._threads = ThreadPoolExecutor(processes, thread_name_prefix="sandbox")
        self._pool: monty.Monty | None = None
        self._opening = Lock()

    async def run(self, tasks: Sequence[Task], context: Mapping[str, Any]) -> list[Verdict]:
        """See the port."""
        return await in_thread(self._threads, self._run, tasks, json.dumps(context))

    async def close(self) -> None:
        """See the port."""
        await asyncio.to_thread(self._threads.shutdown, wait=True, cancel_futures=True)
        pool, self._pool = self._pool, None
        if pool is not None:
            await asyncio.to_thread(pool.__exit__, None, None, None)

    def _opened(self) -> monty.Monty:
        with self._opening:
            if self._pool is None:
                self._pool = monty.Monty(
                    min_processes=1,
                    max_processes=self._processes,
                    request_timeout=self._time_s + GRACE_S,
                )
                self._pool.__enter__()
            return self._pool

    def _run(self, tasks: Sequence[Task], shared: str) -> list[Verdict]:
        together = [task for task in tasks if _may_be_indented(task.source)]
        found: dict[int, Verdict] = {}
        if len(together) > 1:
            verdicts = self._feed(together, shared)
            if isinstance(verdicts, list):
                found = {id(t): v for t, v in zip(together, verdicts, strict=True)}
        return [found.get(id(task)) or self._alone(task, shared) for task in tasks]

    def _alone(self, task: Task, shared: str) -> Verdict:
        verdicts = self._feed([task], shared)
        return verdicts[0] if isinstance(verdicts, list) else verdicts

    def _feed(self, tasks: Sequence[Task], shared: str) -> list[Verdict] | Broken:
        """The verdicts of all `tasks`, or what broke the feed they shared."""
        try:
            data = json.dumps(
                {
                    "docs": [task.docs for task in tasks],
                    "context": shared,
                    "output": SCRIPT_OUTPUT_BYTES,
                }
            )
            with self._opened().checkout(limits=self._limits()) as session:
                raw: object = session.feed_run(
                    _program(tasks),
                    inputs={"_json": data},
                    external_lookup={"_ip_is_private": ip_is_private},
                    print_callback=monty.CollectString(),
                )
        except (monty.MontyError, ValueError, TypeError) as error:
            return Broken(reason=_short(str(error)))
        return _verdicts(raw, len(tasks))

    def _limits(self) -> monty.ResourceLimits:
        return {
            "max_feed_duration_secs": self._time_s,
            "max_turn_duration_secs": self._time_s,
            "max_memory": SCRIPT_MEMORY_BYTES,
            "max_recursion_depth": MAX_DEPTH,
            "max_suspensions": MAX_CALLS,
            "max_total_sleep_secs": 0.0,
        }


def _may_be_indented(source: str) -> bool:
    """Whether moving the lines to the right changes nothing: no text runs over several lines."""
    return not any(mark in source for mark in ('"""', "'''", "\\\n"))


def _program(tasks: Sequence[Task]) -> str:
    if len(tasks) == 1:
        # Alone it stands at the top, as its author wrote it.
        last = "json.dumps([_call(lambda: check_context, _input['docs'][0])])"
        return f"{PRELUDE}\n{tasks[0].source}\n{last}"
    parts = [PRELUDE]
    for index, task in enumerate(tasks):
        body = "".join(f"{INDENT}{line}\n" for line in task.source.splitlines())
        parts.append(f"def _task_{index}():\n{body}\n{INDENT}return check_context\n")
    calls = ", ".join(f"_call(_task_{n}, _input['docs'][{n}])" for n in range(len(tasks)))
    return "\n".join([*parts, f"json.dumps([{calls}])"])


def _verdicts(raw: object, number: int) -> list[Verdict] | Broken:
    limit = SCRIPT_OUTPUT_BYTES * number
    if not isinstance(raw, str) or len(raw) > limit:
        return Broken(reason=f"returned more than the limit of {SCRIPT_OUTPUT_BYTES} bytes")
    try:
        found: list[dict[str, Any]] = json.loads(raw, parse_constant=_refuse_constant)
        return [_verdict(one) for one in found]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        return Broken(reason=_short(f"returned no plain data: {error}"))


def _refuse_constant(text: str) -> float:
    raise ValueError(f"{text} is not a JSON number")


def _verdict(one: Mapping[str, Any]) -> Verdict:
    printed = str(one["printed"])
    if one["kind"] in ("skipped", "not_applicable"):
        applicable = one["kind"] == "skipped"
        return Skipped(reason=_short(str(one["reason"])), applicable=applicable, printed=printed)
    if one["kind"] == "broken":
        return Broken(reason=_short(str(one["reason"])), printed=printed)
    if isinstance(one["value"], float) and not math.isfinite(one["value"]):
        return Broken(reason="returned a number that is not finite", printed=printed)
    return Returned(value=one["value"], printed=printed)


def _short(text: str) -> str:
    return " ".join(text.split())[:MAX_REASON_CHARACTERS]
