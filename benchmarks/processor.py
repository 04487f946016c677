"""Processor time of this process and all that came from it, with or without one of them."""

from __future__ import annotations

import os
from pathlib import Path

TICK_S = 1 / os.sysconf("SC_CLK_TCK")
PARENT, FIRST_TIME, LAST_TIME = 1, 11, 15  # fields of /proc/PID/stat behind the name


def seconds(*, without: int = 0) -> float:
    """User and system time so far, with that of processes that ended; `without` is a process id.

    Of other processes the kernel tells it in ticks of 10 ms.
    """
    times = os.times()
    total = times.user + times.system + times.children_user + times.children_system
    table = _processes()
    left = [pid for pid, (parent, _) in table.items() if parent == os.getpid() and pid != without]
    while left:
        pid = left.pop()
        total += table[pid][1]
        left += [child for child, (parent, _) in table.items() if parent == pid]
    return total


def _processes() -> dict[int, tuple[int, float]]:
    """By process id its parent, and its time with that of its children that ended."""
    found: dict[int, tuple[int, float]] = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # it ended meanwhile
            continue
        ticks = sum(int(one) for one in fields[FIRST_TIME:LAST_TIME])
        found[int(folder.name)] = (int(fields[PARENT]), ticks * TICK_S)
    return found
