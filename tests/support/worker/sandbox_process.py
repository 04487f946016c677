"""A process that uses the sandbox and ends, for the test that looks at how it ends."""

from __future__ import annotations

import asyncio
import json

from stt_worker.sandbox.port import Task
from stt_worker.sandbox.starlark import StarlarkSandbox


async def main() -> None:
    sandbox = StarlarkSandbox(script_s=0.2)
    loops = "  for a in range(1000000000):\n    for b in range(1000000000):\n      pass"
    sources = ["def check_context(:", f"def check_context(d, c):\n{loops}"]
    sources.append("def check_context(d, c):\n  return []")
    tasks = [Task(digest=source, source=source) for source in sources]
    verdicts = await sandbox.run(tasks, [], {})
    await sandbox.close()
    print(json.dumps([type(verdict).__name__ for verdict in verdicts]))


asyncio.run(main())
