"""What a test's own process holds, so that a test can say that nothing was left."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

SETTLE_S = 60.0


@dataclass(frozen=True, slots=True)
class Holdings:
    descriptors: int
    threads: frozenset[threading.Thread]
    processes: frozenset[int]


def holdings() -> Holdings:
    gc.collect()
    return Holdings(
        len(list(Path("/proc/self/fd").iterdir())),
        frozenset(threading.enumerate()),
        frozenset(descendants(os.getpid())),
    )


async def leftovers(before: Holdings, *, descriptors: int = 0, processes: int = 0) -> list[str]:
    """What is held beyond `before` and the numbers given, once it no longer shrinks.

    Threads and descriptors of an earlier test may end meanwhile: fewer is never a fault.
    """
    deadline = time.monotonic() + SETTLE_S
    while found := _more(before, holdings(), descriptors, processes):
        if time.monotonic() > deadline:
            return found
        await asyncio.sleep(0.05)
    return []


def _more(before: Holdings, now: Holdings, descriptors: int, processes: int) -> list[str]:
    more: list[str] = []
    if now.descriptors > before.descriptors + descriptors:
        more.append(f"{now.descriptors} descriptors, {before.descriptors} before")
    more += [f"thread {one.name}" for one in now.threads - before.threads]
    new = sorted(now.processes - before.processes)
    if len(new) > processes:
        more.append(f"processes {new}")
    return more


def descendants(of: int, without: Iterable[int] = ()) -> list[int]:
    """Processes that descend from `of` but by way of none of `without`."""
    parents: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    left = set(without)
    found = {of}
    while more := {pid for pid, parent in parents.items() if parent in found} - found - left:
        found |= more
    return sorted(found - {of})
