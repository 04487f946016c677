"""How many results a second each store takes in, SQLite and PostgreSQL in turns, both durable.

Run: python -m benchmarks.store [--jobs 512] [--outcomes 45] [--rounds 5]
Each round records the same results in both stores, without a bus: the ratio is of one machine in
one minute. The first round of each store is not counted: it inserts what the others update.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from pathlib import Path

import psycopg

from benchmarks.ingest import checks, planned, results, through_the_store
from stt_coordinator.local.servers import postgresql as server
from stt_coordinator.store.port import Store
from stt_coordinator.store.postgresql.store import open_store as open_postgresql
from stt_coordinator.store.sqlite.store import open_store as open_sqlite
from stt_shared.telemetry import logs

DURABLE = ("fsync", "synchronous_commit", "full_page_writes")
WARM_UP = 1  # rounds
Measured = tuple[float, float]  # results a second, and results a second of this process' CPU time


def check_durable(url: str) -> None:
    """Raise SystemExit unless a commit of the server is on the disk."""
    with psycopg.connect(url) as session:
        for name in DURABLE:
            found = session.execute("SELECT current_setting(%s)", (name,)).fetchone()
            if found != ("on",):
                raise SystemExit(
                    f"PostgreSQL has {name} = {found}, the figures would compare nothing"
                )


async def measured(stores: dict[str, Store], options: argparse.Namespace) -> None:
    known = checks(options.outcomes)
    rates: dict[str, list[Measured]] = {name: [] for name in stores}
    for number in range(WARM_UP + options.rounds):
        for name, store in stores.items():
            run = f"{name[:2]}-{number}"
            messages = results(run, options.jobs, known)
            await planned(store, run, options.jobs, known)
            cpu = time.process_time()
            seconds = await through_the_store(store, messages)
            spent = time.process_time() - cpu
            if number >= WARM_UP:
                rates[name].append((options.jobs / seconds, options.jobs / spent))
    for name, found in rates.items():
        wall, cpus = ([one[place] for one in found] for place in (0, 1))
        print(
            f"{name:12} {statistics.median(wall):7.0f} results/s"
            f"   (median of {len(wall)}, {min(wall):.0f} to {max(wall):.0f})"
            f"   {statistics.median(cpus):7.0f} results per CPU second of the client"
        )
    ratios = [
        theirs / ours
        for (theirs, _), (ours, _) in zip(rates["postgresql"], rates["sqlite"], strict=True)
    ]
    print(
        f"{'ratio':12} {statistics.median(ratios):7.2f}   ({min(ratios):.2f} to {max(ratios):.2f})"
    )


async def both(url: str, folder: Path, options: argparse.Namespace) -> None:
    check_durable(url)
    stores: dict[str, Store] = {
        "sqlite": await open_sqlite(folder / "sqlite"),  # always synchronous = FULL
        "postgresql": await open_postgresql(url),
    }
    try:
        await measured(stores, options)
    finally:
        for store in stores.values():
            await store.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=512)
    parser.add_argument("--outcomes", type=int, default=45)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    logs.configure("error", "json")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL runs as another user if this is root
        # The embedded server of tests does not wait for its disk: the last setting counts.
        running = server.start(folder / "server", extra=("-c", "fsync=on"))
        try:
            url = f"postgresql://{running.user}@{running.host}:{running.port}/postgres"
            asyncio.run(both(url, folder, options))
        finally:
            running.stop()


if __name__ == "__main__":
    main()
