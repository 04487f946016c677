"""Takes the priority of a child that computes for long, so that it costs its neighbours little."""

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
FIRST_LOOK_S = 0.15
LOOK_AGAIN_S = 0.25
LOWEST = 19  # nice
_SCHEDULED = 2  # CPUCLOCK_SCHED


class Watch:
    """Looks at a child's CPU time now and then; `busy` once it was too much."""

    def __init__(self, child: Child) -> None:
        self._child = child
        self._loop = asyncio.get_running_loop()
        self._begun = cpu_seconds(child.pid)
        self._lowered = False
        self.busy = False
        self._timer = self._loop.call_later(FIRST_LOOK_S, self._look)

    def _look(self) -> None:
        if cpu_seconds(self._child.pid) - self._begun < BURST_CPU_S:
            self._timer = self._loop.call_later(LOOK_AGAIN_S, self._look)
            return
        self.busy = True
        self.lower()

    def lower(self) -> None:
        """The lowest priority from now on; it is ended after its work."""
        self._lowered = True
        with contextlib.suppress(OSError):  # it has ended, and so may its threads
            # Linux gives each thread a priority of its own.
            for thread in Path(f"/proc/{self._child.pid}/task").iterdir():
                os.setpriority(os.PRIO_PROCESS, int(thread.name), LOWEST)

    def stop(self) -> None:
        """The work is over."""
        self._timer.cancel()
        if self._lowered:
            self._child.end()


@contextmanager
def lowered_when_busy(child: Child, *, at_once: bool = False) -> Generator[Watch]:
    """While the block runs: a child that used BURST_CPU_S goes on at the lowest priority.

    No account but root's may raise it again: such a child is ended after its work.
    """
    watch = Watch(child)
    try:
        if at_once:
            watch.lower()
        yield watch
    finally:
        watch.stop()


def cpu_seconds(pid: int) -> float:
    """CPU time that a child which is not reaped has used."""
    # The clock of a whole process, as clock_getcpuclockid(3) makes its number on Linux.
    return time.clock_gettime(~pid << 3 | _SCHEDULED)
