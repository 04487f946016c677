"""The benchmark of the library runs a whole job beside the bare driver and prints its line."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import processor

ROOT = Path(__file__).parents[2]
NUMBER = r"\d+\.\d+"
LINE = re.compile(
    rf"(?P<name>\w+) ratio (?P<ratio>{NUMBER}) \({NUMBER}-{NUMBER}\) job \d+/s bare \d+/s"
    rf" sandbox (?P<ms>{NUMBER}) ms (?P<share>\d+) % \((?P<own>\d+) %\) inspection/bare {NUMBER}"
)


@pytest.mark.parametrize("name", ["postgresql", "mongodb"])
def test_a_server_has_its_line(name: str) -> None:
    words = ["--rounds", "1", "--jobs", "8", name]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.library", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = LINE.fullmatch(done.stdout.strip())
    assert found is not None, done.stdout
    assert found["name"] == name
    assert float(found["ratio"]) > 0
    assert 0 <= int(found["share"]) <= 100


BUSY = """
import time
while time.process_time() < 0.3:
    pass
print("done", flush=True)
input()
"""


def test_processor_time_counts_children_but_not_the_one_left_out() -> None:
    words = [sys.executable, "-c", BUSY]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        spent = processor.seconds(without=0) - processor.seconds(without=child.pid)
        child.communicate(b"\n")
    assert spent >= 0.2
