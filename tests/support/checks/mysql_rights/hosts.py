"""Asks a part of the checks for what it says of hosts, in the real sandbox."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec
import yaml

from stt_shared.checkfile.catalogue import builtin_folder
from stt_worker.sandbox.port import Returned, Sandbox, Task

PART = "mysql_hosts"


async def asked(sandbox: Sandbox, expression: str, values: Sequence[object]) -> list[Any]:
    """What `expression` of the part gives for each of `values`, which it calls `one`."""
    file = builtin_folder() / "parts" / f"{PART}.yaml"
    (part,) = yaml.safe_load(file.read_text(encoding="utf-8"))["parts"]
    asking = f"def check_context(docs, context):\n    return [{expression} for one in docs[0]]\n"
    source = part["script"] + "\n" + asking
    digest = hashlib.sha256(source.encode()).hexdigest()
    task = Task(digest=digest, source=source, places=(0,), pmm=False)
    context = {"server": {"flavour": "mysql"}, "releases": {}, "now": 0}
    (verdict,) = await sandbox.run([task], [msgspec.json.encode(list(values))], context)
    assert isinstance(verdict, Returned), verdict
    found: list[Any] = verdict.value
    return found
