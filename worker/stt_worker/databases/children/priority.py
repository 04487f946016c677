"""Lowers the priority of a child that uses much CPU, so that others are not delayed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from stt_worker.processes.child import Child

BURST_CPU_S = 0.15  # of one inspection at full priority: most need 0.05
FIRST_CHECK_S = 0.15
CHECK_AGAIN_S = 0.25
LOWEST = 19  # nice
_SCHEDULED = 2  # CPUCLOCK_SCHED


class Watch:
    """Checks a child's CPU time repeatedly; `busy` is set once it exceeds BURST_CPU_S."""

    def __init__(self, child: Child) -> None:
        self._child = child
        self._loop = asyncio.get_running_loop()
        self._begun = cpu_seconds(child.pid)
        self._lowered = False
        self.busy = False
        self._timer = self._loop.call_later(FIRST_CHECK_S, self._check)

    def _check(self) -> None:
        if cpu_seconds(self._child.pid) - self._begun < BURST_CPU_S:
            self._timer = self._loop.call_later(CHECK_AGAIN_S, self._check)
            return
        self.busy = True
        self.lower()

    def lower(self) -> None:
        """Set the lowest priority; the child is ended after its work."""
        self._lowered = True
        with contextlib.suppress(OSError):  # the child or a thread has ended
            # Each thread: on Linux the priority belongs to the thread, not to the process.
            for thread in Path(f"/proc/{self._child.pid}/task").iterdir():
                os.setpriority(os.PRIO_PROCESS, int(thread.name), LOWEST)

    def stop(self) -> None:
        """Stop the checks; end a child whose priority was lowered."""
        self._timer.cancel()
        if self._lowered:
            self._child.end()


@contextmanager
def lowered_when_busy(child: Child, *, at_once: bool = False) -> Generator[Watch]:
    """Lower the priority of a child that uses more than BURST_CPU_S during the block.

    Only root can raise it again, so such a child is ended after the block.
    """
    watch = Watch(child)
    try:
        if at_once:
            watch.lower()
        yield watch
    finally:
        watch.stop()


def cpu_seconds(pid: int) -> float:
    """The CPU time of a child that is not reaped yet, in seconds."""
    # The id of a process's CPU clock, computed as clock_getcpuclockid(3) does on Linux.
    return time.clock_gettime(~pid << 3 | _SCHEDULED)
