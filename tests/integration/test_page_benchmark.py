"""The benchmarks of pages and counts: a fleet's store is made, served, and counted."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from pathlib import Path

from benchmarks.page_fleet import ACCEPTED_EVERY, Size
from benchmarks.page_site import serving
from benchmarks.page_store import seed

ROOT = Path(__file__).parents[2]


def test_every_page_of_a_small_fleet_is_timed() -> None:
    words = [
        "--targets",
        "20",
        "--findings",
        "300",
        "--days",
        "40",
        "--rounds",
        "1",
        "--requests",
        "2",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.page", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows = [line for line in done.stdout.splitlines() if " ms |" in line]
    assert len(rows) == 36


def test_kept_counts_of_a_small_fleet_are_those_of_its_rows() -> None:
    words = ["--targets", "20", "--findings", "300", "--repeats", "1"]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.counts", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert len([line for line in done.stdout.splitlines() if " ms |" in line]) == 3


def test_what_is_measured_is_the_fleet_that_was_asked_for(tmp_path: Path) -> None:
    seed(tmp_path, Size(targets=20, findings=300, days=40))
    with (
        serving(str(tmp_path)) as port,
        urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/status", timeout=30) as answer,
    ):
        counts = json.load(answer)["summary"]["counts"]
    accepted = 300 // ACCEPTED_EVERY
    assert counts["accepted"] == accepted
    assert sum(counts[name] for name in ("critical", "major", "trivial")) == 300 - accepted
    assert (counts["targets"], counts["targets_checked"]) == (20, 19)
