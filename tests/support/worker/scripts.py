"""Scripts for tests of the sandbox: short bodies become tasks, plain data become answers."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

import msgspec

from stt_shared.identity import digest
from stt_worker.sandbox.port import Sandbox, Task, Verdict

Run = Callable[..., Coroutine[Any, Any, list[Verdict]]]


def script(body: str, *, whole: bool = False) -> Task:
    """A script whose check_context is `body`; its places are given when it is run."""
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    return source(f"def check_context(docs, context):\n{lines}\n", whole=whole)


def source(text: str, *, whole: bool = False) -> Task:
    """A task of this very source."""
    return Task(digest=digest(text.encode()), source=text, whole=whole)


def runner(sandbox: Sandbox) -> Run:
    """Runs scripts that are each given all of `docs`."""

    async def run(
        scripts: Sequence[Task | str],
        docs: Sequence[object] = (),
        *,
        context: Mapping[str, Any] | None = None,
    ) -> list[Verdict]:
        answers = [one if isinstance(one, bytes) else msgspec.json.encode(one) for one in docs]
        places = tuple(range(len(answers)))
        tasks = [source(one) if isinstance(one, str) else one for one in scripts]
        placed = [
            Task(digest=one.digest, source=one.source, whole=one.whole, places=places)
            for one in tasks
        ]
        return await sandbox.run(placed, answers, context or {})

    return run
