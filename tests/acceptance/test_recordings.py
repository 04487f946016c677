"""What the page of events is written from is recorded by one command, as the copy holds it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tools.pages.events import RECORDED

ROOT = Path(__file__).parents[2]
RECORDING_S = 900  # events of real servers: half a minute on a machine with nothing else to do
# Instants, days, runs, installations, nonces and exceptions are new each time; digests of checks
# are new with each change of their text.
NEW = re.compile(
    r"\d{4}-\d\d-\d\d(T[\d:.]+Z)?|\d{8}t\d{6}z|\b[0-9a-f]{16}([0-9a-f]{16})?\b|\bx_[a-z0-9]{12}\b"
    r"|\b[0-9a-f]{64}\b"
)


def record(tool: str, place: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", f"tools.{tool}", str(place)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=RECORDING_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]


def comparable(value: Any) -> Any:
    """The value without what is new each time; a number is any number."""
    if isinstance(value, dict):
        return {key: comparable(one) for key, one in value.items()}
    if isinstance(value, list):
        return [comparable(one) for one in value]
    if isinstance(value, str):
        return NEW.sub("NEW", value)
    return value if value is None or isinstance(value, bool) else "a number"


@pytest.mark.timeout(RECORDING_S)
def test_events_that_happen_on_real_servers_are_those_of_the_recorded_copy(tmp_path: Path) -> None:
    record("record_events", tmp_path / "events.json")
    found, kept = (
        json.loads(path.read_text(encoding="utf-8"))
        for path in (tmp_path / "events.json", RECORDED)
    )
    assert list(found) == list(kept)
    for kind in kept:
        assert comparable(found[kind]) == comparable(kept[kind]), kind
