"""Named points at which a process under test kills itself, so that tests can cause every crash.

STT_FAULT_POINT=<name> kills at the first hit of that point, STT_FAULT_POINT=<name>:<n> at the
n-th. Without the variable, as in production, a point does nothing.
"""

from __future__ import annotations

import os
import signal
from collections import Counter

VARIABLE = "STT_FAULT_POINT"
POINTS = {
    "after-commit-before-ack": "coordinator: results are stored but not acknowledged",
    "after-tick-before-jobs": "coordinator: the slot is decided, its run is not stored",
    "mid-dispatch": "coordinator: some jobs of a run are published, none is marked as published",
    "mid-store-copy": "stt store copy: some rows of a table are copied",
    "before-store-copy-finish": "stt store copy: all rows are copied, the copy has no name yet",
    "after-publish-before-ack": "worker: the result is stored, its job is not acknowledged",
}

_hits: Counter[str] = Counter()


def reach(name: str) -> None:
    """Kill this process with SIGKILL if the environment names this point.

    Raises KeyError for an unknown name.
    """
    POINTS[name]
    wanted, _, count = os.environ.get(VARIABLE, "").partition(":")
    if wanted != name:
        return
    _hits[name] += 1
    if _hits[name] >= int(count or 1):
        os.kill(os.getpid(), signal.SIGKILL)
