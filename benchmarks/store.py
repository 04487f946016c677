"""How many results a second each store takes in, SQLite and PostgreSQL in turns, both durable.

Run: python -m benchmarks.store [--jobs 512] [--outcomes 45] [--rounds 5]
In each round every store records the results of targets that are new, then of the same targets on
the next day, on which nothing has changed; without a bus: the ratios are of one machine in one
minute. Beside each store the same one without kept counts shows what these cost. The first round is
not counted.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from unittest import mock

import psycopg

from benchmarks.ingest import checks, planned, results, through_the_store
from stt_coordinator.local.servers import postgresql as server
from stt_coordinator.store.port import Store
from stt_coordinator.store.postgresql.store import open_store as open_postgresql
from stt_coordinator.store.sql.counts import KeptCounts
from stt_coordinator.store.sqlite.store import open_store as open_sqlite
from stt_shared.telemetry import logs

DURABLE = ("fsync", "synchronous_commit", "full_page_writes")
WARM_UP = 1  # rounds
DAYS = ("first day", "unchanged day")
COUNTING = ("touch_outcomes", "touch_findings", "touch_targets", "touch_all", "recount")
UNCOUNTED = ", no counts"  # suffix of a store that keeps none
Measured = tuple[float, float]  # results a second, and results a second of this process' CPU time
Rates = dict[tuple[str, str], list[Measured]]  # by store and day


def check_durable(url: str) -> None:
    """Raise SystemExit unless a commit of the server is on the disk."""
    with psycopg.connect(url) as session:
        for name in DURABLE:
            found = session.execute("SELECT current_setting(%s)", (name,)).fetchone()
            if found != ("on",):
                raise SystemExit(
                    f"PostgreSQL has {name} = {found}, the figures would compare nothing"
                )


@contextmanager
def counting(name: str) -> Generator[None]:
    """Without kept counts for a store of that suffix."""
    if not name.endswith(UNCOUNTED):
        yield
        return
    with ExitStack() as stack:
        for method in COUNTING:
            stack.enter_context(mock.patch.object(KeptCounts, method))
        yield


async def measured(stores: dict[str, Store], options: argparse.Namespace) -> Rates:
    """The rates of every round, by store and day."""
    known = checks(options.outcomes)
    rates: Rates = {(name, day): [] for name in stores for day in DAYS}
    for number in range(WARM_UP + options.rounds):
        for name, store in stores.items():
            for day in DAYS:
                run, prefix = f"{name[:2]}{day[:1]}-{number}", f"t{number}-"
                messages = results(run, options.jobs, known, prefix)
                with counting(name):
                    await planned(store, run, options.jobs, known, prefix)
                    cpu = time.process_time()
                    seconds = await through_the_store(store, messages)
                    spent = time.process_time() - cpu
                if number >= WARM_UP:
                    rates[name, day].append((options.jobs / seconds, options.jobs / spent))
    return rates


def ratio(rates: Rates, one: tuple[str, str], other: tuple[str, str], place: int = 0) -> str:
    """The median of the rounds' ratios, with the least and the greatest."""
    pairs = zip(rates[one], rates[other], strict=True)
    found = [mine[place] / theirs[place] for mine, theirs in pairs]
    return f"{statistics.median(found):6.2f}   ({min(found):.2f} to {max(found):.2f})"


def report(rates: Rates, names: list[str]) -> None:
    for (name, day), found in rates.items():
        wall, cpu = ([one[place] for one in found] for place in (0, 1))
        print(
            f"{name:22} {day:14} {statistics.median(wall):7.0f} results/s"
            f"   (median of {len(wall)}, {min(wall):.0f} to {max(wall):.0f})"
            f"   {statistics.median(cpu):7.0f} results per CPU second of the client"
        )
    for day in DAYS:
        both = ratio(rates, ("postgresql", day), ("sqlite", day))
        print(f"postgresql by sqlite, {day:22} {both}")
    for name in names:
        first, second = ((name, day) for day in DAYS)
        print(f"unchanged by first day, {name:20} {ratio(rates, second, first)}")
        for day in DAYS:
            counted = ratio(rates, (name, day), (name + UNCOUNTED, day))
            print(f"kept counts by none, {name + ', ' + day:23} {counted}")


async def every(url: str, folder: Path, options: argparse.Namespace) -> None:
    check_durable(url)
    names = ["sqlite", "postgresql"]
    stores: dict[str, Store] = {}
    for number, name in enumerate((*names, *(name + UNCOUNTED for name in names))):
        if name.startswith("sqlite"):
            stores[name] = await open_sqlite(folder / str(number))  # always synchronous = FULL
        else:
            stores[name] = await open_postgresql(url, f"stt_{number}")
    try:
        report(await measured(stores, options), names)
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
            asyncio.run(every(url, folder, options))
        finally:
            running.stop()


if __name__ == "__main__":
    main()
