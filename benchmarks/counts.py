"""What counts cost in a large fleet: kept counts beside counting every row, in one run.

Run: python -m benchmarks.counts [--targets 20000] [--findings 60000] [--repeats 7]
Both ways are asked in turn, and give the same numbers or the benchmark fails. Times are CPU time.
"""

from __future__ import annotations

import argparse
import sqlite3
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from benchmarks.page_fleet import Size
from benchmarks.page_store import seed
from stt_coordinator.domain.summary import Tallies, TargetTally, summaries
from stt_coordinator.metrics import prometheus
from stt_coordinator.metrics.counters import Counters
from stt_coordinator.store.sql_ledger import sql_ledger
from stt_coordinator.store.sqlite.dialect import SqliteConnection
from stt_coordinator.store.sqlite.file.folder import FILE
from stt_shared import clock
from stt_shared.protocol.enums import Family, Outcome, Severity
from stt_shared.protocol.messages import ControlState

DAYS = 2  # of history; counts depend on what is there now
CACHE_KIB = 65_536  # as the store has it
SITES = (200, 1_600)
# As counts were read before migration 0016: from the rows, in the order of an index of their own.
PAIRS = """
SELECT outcome, count(*) FROM pairs INDEXED BY pairs_by_count
WHERE +target IN (SELECT target FROM targets WHERE NOT gone)
    AND +check_name IN (SELECT check_name FROM checks WHERE enabled)
GROUP BY site, outcome, kind
"""
FINDINGS = """
SELECT severity, count(*) FROM findings INDEXED BY findings_by_check
WHERE state <> 'resolved' AND accepted = ''
    AND +target IN (SELECT target FROM targets WHERE NOT gone)
    AND +check_name IN (SELECT check_name FROM checks WHERE enabled)
GROUP BY site, family, severity
"""
INDEX = "CREATE INDEX pairs_by_count ON pairs (site, outcome, kind, target, check_name)"


def milliseconds(work: Callable[[], object]) -> float:
    begun = time.process_time()
    work()
    return 1_000 * (time.process_time() - begun)


def row(name: str, ways: tuple[Callable[[], object], Callable[[], object]], repeats: int) -> None:
    """Print the medians of both ways, asked in turn, and their ratio."""
    taken = [[milliseconds(way) for way in ways] for _ in range(repeats + 1)][1:]
    new, old = (statistics.median(times) for times in zip(*taken, strict=True))
    print(f"| {name} | {new:.1f} ms | {old:.1f} ms | {old / new:.0f} |", flush=True)


def counted(connection: sqlite3.Connection) -> tuple[Counter[str], Counter[str]]:
    """Outcomes and open findings by counting every row."""
    found: tuple[Counter[str], Counter[str]] = Counter(), Counter()
    for counter, statement in zip(found, (PAIRS, FINDINGS), strict=True):
        for name, number in connection.execute(statement):
            counter[name] += number
    return found


def kept(tallies: Tallies) -> tuple[Counter[str], Counter[str]]:
    """The same from the tallies."""
    found: tuple[Counter[str], Counter[str]] = Counter(), Counter()
    for _, _, outcome, _, number in tallies.outcomes:
        found[0][outcome] += number
    for _, _, severity, number in tallies.findings:
        found[1][severity] += number
    return found


def fleet_of(sites: int) -> Tallies:
    """The tallies of a fleet of so many sites."""
    names = [f"site-{number}" for number in range(sites)]
    family = Family.MYSQL
    return Tallies(
        findings=[(name, family, severity, 1) for name in names for severity in Severity],
        outcomes=[(name, family, outcome, None, 1) for name in names for outcome in Outcome],
        targets=[TargetTally(name, family, learned=True, number=9) for name in names],
        checks={family: 4},
    )


def summed_up(sites: int) -> Callable[[], object]:
    tallies, state, now = fleet_of(sites), ControlState(), clock.now()
    return lambda: summaries(tallies, state, None, now)


def measured(connection: sqlite3.Connection, repeats: int) -> None:
    ledger = sql_ledger(SqliteConnection(connection))
    state, counters = ControlState(), Counters()

    def scrape() -> bytes:
        return prometheus.render(prometheus.snapshot(ledger, state, None, counters))

    if kept(ledger.counts.tallies()) != counted(connection):
        raise SystemExit("kept counts are not those of the rows")
    print("| | kept | counting every row | ratio |\n|---|---|---|---|")
    row("counts", (ledger.counts.tallies, lambda: counted(connection)), repeats)
    row("a scrape of /metrics", (scrape, lambda: counted(connection)), repeats)
    few, many = SITES
    print(f"\n| | {few} sites | {many:,} sites | ratio |\n|---|---|---|---|")
    row("summaries", (summed_up(few), summed_up(many)), repeats)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--targets", type=int, default=20_000)
    parser.add_argument("--findings", type=int, default=60_000)
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    size = Size(targets=options.targets, findings=options.findings, days=DAYS)
    with tempfile.TemporaryDirectory() as folder:
        seed(Path(folder), size)
        with closing(sqlite3.connect(Path(folder) / FILE)) as connection:
            connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
            connection.execute(INDEX)
            measured(connection, options.repeats)


if __name__ == "__main__":
    main()
