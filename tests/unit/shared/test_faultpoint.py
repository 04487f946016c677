"""A fault point kills its own process where the test asked for it, and is nothing otherwise."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from stt_shared import faultpoint

SCRIPT = """
from stt_shared import faultpoint
for number in range(5):
    faultpoint.reach("mid-dispatch")
    print(number, flush=True)
"""


def ended(wanted: str) -> tuple[int, int]:
    """The exit code of a process that reaches a point five times, and how often it got beyond."""
    environment = os.environ | {
        faultpoint.VARIABLE: wanted,
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=environment, capture_output=True, check=False
    )
    return done.returncode, len(done.stdout.split())


@pytest.mark.parametrize(
    ("wanted", "beyond"), [("mid-dispatch", 0), ("mid-dispatch:1", 0), ("mid-dispatch:3", 2)]
)
def test_named_point_kills_the_process_at_the_hit_asked_for(wanted: str, beyond: int) -> None:
    assert ended(wanted) == (-signal.SIGKILL, beyond)


@pytest.mark.parametrize("wanted", ["", "after-tick-before-jobs", "mid-dispatch:6"])
def test_without_its_name_a_point_does_nothing(wanted: str) -> None:
    assert ended(wanted) == (0, 5)


def test_point_that_nobody_documented_is_an_error() -> None:
    with pytest.raises(KeyError):
        faultpoint.reach("somewhere")
