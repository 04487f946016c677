"""A process that uses the sandbox and ends, for the test that looks at how it ends."""

from __future__ import annotations

import asyncio
import json

from stt_worker.sandbox.monty import MontySandbox
from stt_worker.sandbox.port import Task


async def main() -> None:
    sandbox = MontySandbox(time_s=0.2)
    sources = ["def check_context(:", "def check_context(d, c):\n  while True:\n    pass"]
    sources.append("def check_context(d, c):\n  return []")
    verdicts = await sandbox.run([Task(source=source, docs=[]) for source in sources], {})
    await sandbox.close()
    print(json.dumps([type(verdict).__name__ for verdict in verdicts]))


asyncio.run(main())
