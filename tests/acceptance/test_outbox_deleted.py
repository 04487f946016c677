"""A real worker whose outbox is deleted while it runs says so, and loses no result."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

from stt_coordinator.local.servers.process import Running
from tests.support.processes.logging_processes import installed


def epoch_in(file: Path) -> str:
    with sqlite3.connect(f"file:{file}?mode=ro&immutable=1", uri=True) as connection:
        found: str = connection.execute("SELECT epoch FROM identity").fetchone()[0]
    connection.close()
    return found


def test_a_worker_whose_outbox_is_deleted_says_so_and_delivers_every_result(
    postgresql15: Running, tmp_path: Path
) -> None:
    state = tmp_path / "state" / "stt" / "worker"
    with installed(tmp_path, postgresql15, ("a", "b")) as site:
        site.run_once(3)
        for gone in (state / "outbox.db", state):
            before = (tmp_path / "worker.log").read_text().count("outbox_restored")
            gone.unlink() if gone.is_file() else shutil.rmtree(gone)
            ran = site.stt("run", "--wait", "--fail-on", "none", "--allow-incomplete")
            assert ran.returncode == 0, ran.stderr
            site.wait_for(
                lambda before=before: (  # type: ignore[misc]  # bound now
                    (tmp_path / "worker.log").read_text().count("outbox_restored") > before
                )
            )
            assert (state / "outbox.db").exists()
        numbers = [
            one["sequence"] for one in site.lines("worker") if one["event"] == "result_recorded"
        ]
    assert numbers == list(range(1, 10))
    assert epoch_in(state / "outbox.db")
