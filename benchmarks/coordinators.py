"""How many results a second one, two, ... processes record at once in one PostgreSQL.

Run: python -m benchmarks.coordinators [--jobs 1024] [--outcomes 45] [--rounds 5] [--most 2]
Each process records its share of the same results, as coordinators do that share a store. The
numbers of processes take turns within a round: the ratios are of one machine in one minute.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Sequence
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from pathlib import Path

from benchmarks.ingest import checks, planned, results
from benchmarks.store import check_durable
from stt_coordinator.ledger.received import ReceivedResult
from stt_coordinator.ledger.results import record_results
from stt_coordinator.ledger.sorted_batch import IntakeRules
from stt_coordinator.local.servers import postgresql as server
from stt_coordinator.store.postgresql.store import open_store
from stt_shared import clock
from stt_shared.bus.values import Outgoing
from stt_shared.protocol import codec
from stt_shared.protocol.messages import Result
from stt_shared.telemetry import logs

BATCH = 256  # results a transaction
READY_S = 120.0  # for all processes to have opened the store

Share = Sequence[tuple[str, bytes]]  # subject and message of each result


async def record(url: str, share: Share, barrier: Barrier) -> tuple[float, float, float]:
    """When this process began and ended to record its share, and the CPU time that it took."""
    store = await open_store(url)
    await store.read(lambda ledger: ledger.runs.last())
    await asyncio.to_thread(barrier.wait, READY_S)
    begun, cpu = time.monotonic(), time.process_time()
    for first in range(0, len(share), BATCH):
        taken = [
            ReceivedResult(result=codec.decode(Result, data), subject=subject, data=data)
            for subject, data in share[first : first + BATCH]
        ]
        now = clock.now()
        await store.transact_beside(
            lambda ledger, taken=taken, now=now: record_results(  # type: ignore[misc]  # bound now
                ledger, taken, now, IntakeRules(nonce_required=False)
            )
        )
    ended = time.monotonic()
    await store.close()
    return begun, ended, time.process_time() - cpu


def process(url: str, share: Share, barrier: Barrier) -> tuple[float, float, float]:
    """One coordinator's part, in a process of its own."""
    logs.configure("error", "json")
    return asyncio.run(record(url, share, barrier))


def together(url: str, messages: Sequence[Outgoing], number: int) -> tuple[float, float]:
    """Results a second of `number` processes, and results a second of their CPU time."""
    rows = [(one.subject, one.data) for one in messages]
    context = get_context("spawn")
    with context.Manager() as manager, context.Pool(number) as pool:
        barrier = manager.Barrier(number)
        calls = [(url, rows[place::number], barrier) for place in range(number)]
        found = pool.starmap(process, calls, chunksize=1)
    seconds = max(ended for _, ended, _ in found) - min(begun for begun, _, _ in found)
    return len(rows) / seconds, len(rows) / sum(cpu for _, _, cpu in found)


async def plan(url: str, run: str, options: argparse.Namespace) -> list[Outgoing]:
    """A run in the store, and its results."""
    known = checks(options.outcomes)
    store = await open_store(url)
    await planned(store, run, options.jobs, known)
    await store.close()
    return results(run, options.jobs, known)


def measured(url: str, options: argparse.Namespace) -> None:
    """Print the rates of 1 to `most` processes, and their ratios to one."""
    rates: dict[int, list[tuple[float, float]]] = {n + 1: [] for n in range(options.most)}
    # The first round inserts what the others update, and is not counted.
    for number in range(options.rounds + 1):
        for processes, found in rates.items():
            messages = asyncio.run(plan(url, f"x{processes}-{number}", options))
            rate = together(url, messages, processes)
            if number:
                found.append(rate)
    one = statistics.median(wall for wall, _ in rates[1])
    for processes, found in rates.items():
        wall, cpus = ([pair[place] for pair in found] for place in (0, 1))
        print(
            f"x{processes} {statistics.median(wall):7.0f} results/s, {statistics.median(wall) / one:.2f}"
            f" of x1   (median of {len(wall)}, {min(wall):.0f} to {max(wall):.0f})"
            f"   {statistics.median(cpus):7.0f} results per CPU second of the clients"
        )


def main() -> None:
    """Start a PostgreSQL and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=1_024)
    parser.add_argument("--outcomes", type=int, default=45)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--most", type=int, default=2)
    options = parser.parse_args()
    logs.configure("error", "json")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL runs as another user if this is root
        running = server.start(folder / "server", extra=("-c", "fsync=on"))
        try:
            url = f"postgresql://{running.user}@{running.host}:{running.port}/postgres"
            check_durable(url)
            measured(url, options)
        finally:
            running.stop()


if __name__ == "__main__":
    main()
