"""How fast the pages answer from a store of a large fleet: p50 and p99 of each over real HTTP.

Run: python -m benchmarks.page [--store sqlite] [--targets 2000] [--findings 60000] [--days 365]
        [--rounds 5] [--requests 100]
With --store postgresql an embedded PostgreSQL has the store. In each round every page is asked for
`requests` times, in turn with /version, which asks the store nothing; the figures are medians of
the rounds. The last line names the pages whose p99 is above the limit of that size.
"""

from __future__ import annotations

import argparse
import http.client
import statistics
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.page_fleet import Size
from benchmarks.page_site import serving
from benchmarks.page_store import There, seed, seed_postgresql
from stt_coordinator.local.servers import postgresql as server
from stt_shared import clock
from stt_shared.telemetry import logs

WARM_UP = 5  # requests of each page that are not counted
LIMIT_MS, LIMIT_LARGE_MS = 100, 300  # of the p99 at MODERATE findings, and above
MODERATE = 60_000
TRIVIAL = "/version"
TIMEOUT_S = 60.0
# Nothing that is measured writes: rows that are made in bulk need not outlive a power cut.
BULK = ("-c", "max_wal_size=32GB", "-c", "full_page_writes=off")


def addresses(there: There, findings: int) -> dict[str, str]:
    """What is asked for, by what it is called."""
    run, last = there.run, findings * 29 // 30 - 25  # one of 30 is accepted
    return {
        "Home": "/",
        "Panel": "/panel",
        "Findings": "/findings",
        "Findings, filtered": "/findings?severity=critical&site=site-03&check=mysql_version",
        "Findings, one target": "/findings?target=t00002",
        "Findings, page 400": "/findings?offset=20000",
        "Findings by check": "/findings?group=check",
        "Findings by target": "/findings?group=target",
        "Findings by site": "/findings?group=site",
        "Findings, last page": f"/findings?offset={last}",
        "Findings, all": "/findings?state=all",
        "Findings, resolved": "/findings?state=resolved&site=site-03",
        "Findings, accepted": "/findings?state=accepted",
        "a finding": f"/findings/{there.finding}",
        "Targets": "/targets",
        "Targets, unchecked": "/targets?state=unchecked",
        "Checks": "/checks",
        "Runs": "/runs",
        "a run": f"/runs/{run}",
        "What changed": "/changes",
        "Accepted": "/accepted",
        "Settings": "/settings",
        "/metrics": "/metrics",
        "API status": "/api/v1/status",
        "API health": "/api/v1/health",
        "API targets": "/api/v1/targets",
        "API findings": "/api/v1/findings",
        "API findings, 1,000": "/api/v1/findings?limit=1000",
        "API groups of one site": "/api/v1/finding-groups?by=check&site=site-03",
        "API changes": "/api/v1/changes",
        "API exceptions": "/api/v1/exceptions",
        "API trends": "/api/v1/trends?days=365",
        "API report": "/api/v1/report",
        "API report of a run": f"/api/v1/runs/{run}/report",
        "API report of a run, page 2": f"/api/v1/runs/{run}/report?after=t00002/",
        "API diff": f"/api/v1/diff?run_b={run}",
    }


def asked(connection: http.client.HTTPConnection, path: str) -> float:
    """Seconds until the whole answer is here."""
    begun = clock.monotonic()
    connection.request("GET", path, headers={"Accept": "*/*"})
    answer = connection.getresponse()
    answer.read()
    if answer.status != http.client.OK:
        raise SystemExit(f"{path} answers {answer.status}")
    return clock.monotonic() - begun


def timed(
    connection: http.client.HTTPConnection, path: str, number: int
) -> tuple[float, float, float]:
    """The p50 and p99 of the page in ms, and its p50 by that of the trivial one, asked in turn."""
    taken: list[list[float]] = [[], []]
    for _ in range(number):
        for times, one in zip(taken, (path, TRIVIAL), strict=True):
            times.append(asked(connection, one))
    p50, p99 = (1_000 * statistics.quantiles(taken[0], n=100)[at - 1] for at in (50, 99))
    return p50, p99, p50 / 1_000 / statistics.median(taken[1])


def measured(port: int, pages: dict[str, str], options: argparse.Namespace) -> None:
    """Print the medians of the rounds for each page, and which are above the limit."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
    rounds: dict[str, list[tuple[float, float, float]]] = {name: [] for name in pages}
    for path in pages.values():
        for _ in range(WARM_UP):
            asked(connection, path)
    for _ in range(options.rounds):
        for name, path in pages.items():
            rounds[name].append(timed(connection, path, options.requests))
    connection.close()
    print("| page | p50 | p99 | p50 by that of `/version` |\n|---|---|---|---|")
    above: list[str] = []
    limit_ms = LIMIT_MS if options.findings <= MODERATE else LIMIT_LARGE_MS
    for name, found in rounds.items():
        p50, p99, ratio = (statistics.median(column) for column in zip(*found, strict=True))
        print(f"| {name} | {p50:.1f} ms | {p99:.1f} ms | {ratio:.1f} |", flush=True)
        if p99 > limit_ms:
            above.append(name)
    print(f"\np99 above {limit_ms} ms: {', '.join(above) or 'none'}")


@contextmanager
def seeded(options: argparse.Namespace, folder: Path) -> Generator[tuple[str, There]]:
    """A store with the fleet that was asked for, where it is, and names in it."""
    size = Size(targets=options.targets, findings=options.findings, days=options.days)
    if options.store == "sqlite":
        yield str(folder), seed(folder, size)
        return
    running = server.start(folder / "server", extra=BULK)
    try:
        url = f"postgresql://{running.user}@{running.host}:{running.port}/postgres"
        yield url, seed_postgresql(url, size)
    finally:
        running.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--targets", type=int, default=2_000)
    parser.add_argument("--findings", type=int, default=60_000)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=100)
    options = parser.parse_args()
    logs.configure("error", "json")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL runs as another user if this is root
        begun = clock.monotonic()
        with seeded(options, folder) as (place, there):
            print(f"seeded in {clock.monotonic() - begun:.0f} s\n", flush=True)
            with serving(place) as port:
                measured(port, addresses(there, options.findings), options)


if __name__ == "__main__":
    main()
