"""A coordinator that is paused in or before a transaction commits nothing in a later epoch."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from stt_coordinator.local.servers.process import Running
from stt_coordinator.store.port import StoreBusyError
from stt_coordinator.store.postgresql.store import PostgresqlStore, open_store
from stt_shared.clock import monotonic
from tests.support.coordinator.postgresql_stores import database, fresh_schema
from tests.support.coordinator.store_rows import run

LIMIT_S = 60.0
STOPPED = "T"  # of a process, as /proc names it


async def stopped(child: subprocess.Popen[bytes]) -> None:
    ends = monotonic() + LIMIT_S
    while Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()[0] != STOPPED:
        assert child.poll() is None
        assert monotonic() < ends
        await asyncio.sleep(0.05)


async def begun(store: PostgresqlStore, epoch: int) -> float:
    """Begin as a coordinator does, again and again; the seconds that it took."""
    since = monotonic()
    while monotonic() - since < LIMIT_S:
        try:
            await store.begin(epoch)
        except StoreBusyError:
            continue
        return monotonic() - since
    raise AssertionError(f"epoch {epoch} did not begin")


@pytest.mark.parametrize("where", ["inside", "outside"])
async def test_what_a_paused_coordinator_had_begun_is_never_committed_after_its_successor_began(
    store_server: Running, where: str
) -> None:
    url, schema = database(store_server), fresh_schema()
    store = await open_store(url, schema)
    words = ["-m", "tests.support.processes.paused_writer", url, schema, where]
    child = subprocess.Popen([sys.executable, *words], stdout=subprocess.PIPE, env=os.environ)
    try:
        await stopped(child)
        took = await begun(store, 2)
        print(f"paused {where} a transaction: epoch 2 began after {took:.1f} s")
        await store.transact(lambda ledger: ledger.runs.put(run("next", number=3)))
        child.send_signal(signal.SIGCONT)
        printed, _ = await asyncio.to_thread(child.communicate, None, LIMIT_S)
        assert "committed" not in printed.decode()
        assert "Error: " in printed.decode()
        found = await store.read(lambda ledger: ledger.runs.numbers(["early", "late", "next"]))
        assert found.keys() == {"early", "next"}
    finally:
        child.send_signal(signal.SIGCONT)
        child.kill()
        child.wait(LIMIT_S)
        await store.close()
