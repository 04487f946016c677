"""How fast the pages answer from a store of a large fleet: p50 and p99 of each over real HTTP.

Run: python -m benchmarks.page [--targets 2000] [--findings 60000] [--days 365] [--requests 200]
Beside each, in turn with it on the same connection: /version, which asks the store nothing.
"""

from __future__ import annotations

import argparse
import http.client
import statistics
import tempfile
from pathlib import Path

from benchmarks.page_fleet import Size
from benchmarks.page_site import serving
from benchmarks.page_store import seed
from stt_shared import clock
from stt_shared.telemetry import logs

WARM_UP = 5  # requests of each page that are not counted
TRIVIAL = "/version"
TIMEOUT_S = 60.0


def addresses(finding: str, run: str) -> dict[str, str]:
    """What is asked for, by what it is called."""
    return {
        "Home": "/",
        "Panel": "/panel",
        "Findings": "/findings",
        "Findings, filtered": "/findings?severity=critical&site=site-03&check=mysql_version",
        "Findings, one target": "/findings?target=t00042",
        "Findings, page 400": "/findings?offset=20000",
        "Findings by check": "/findings?group=check",
        "Findings by target": "/findings?group=target",
        "Findings, all": "/findings?state=all",
        "a finding": f"/findings/{finding}",
        "Targets": "/targets",
        "Targets, unchecked": "/targets?state=unchecked",
        "Checks": "/checks",
        "Runs": "/runs",
        "a run": f"/runs/{run}",
        "What changed": "/changes",
        "Accepted": "/accepted",
        "Settings": "/settings",
        "/metrics": "/metrics",
        "API findings": "/api/v1/findings",
        "API changes": "/api/v1/changes",
        "API report": "/api/v1/report",
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


def timed(connection: http.client.HTTPConnection, path: str, number: int) -> list[list[float]]:
    """Of the page and of the trivial one, asked in turn."""
    taken: list[list[float]] = [[], []]
    for count in range(WARM_UP + number):
        both = asked(connection, path), asked(connection, TRIVIAL)
        if count >= WARM_UP:
            for times, one in zip(taken, both, strict=True):
                times.append(one)
    return taken


def measured(port: int, pages: dict[str, str], number: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
    print("| page | p50 | p99 | p50 by that of `/version` |\n|---|---|---|---|")
    for name, path in pages.items():
        page, trivial = timed(connection, path, number)
        p50, p99 = (1_000 * statistics.quantiles(page, n=100)[at - 1] for at in (50, 99))
        ratio = p50 / (1_000 * statistics.median(trivial))
        print(f"| {name} | {p50:.1f} ms | {p99:.1f} ms | {ratio:.1f} |", flush=True)
    connection.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--targets", type=int, default=2_000)
    parser.add_argument("--findings", type=int, default=60_000)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--requests", type=int, default=200)
    options = parser.parse_args()
    logs.configure("error", "json")
    size = Size(targets=options.targets, findings=options.findings, days=options.days)
    with tempfile.TemporaryDirectory() as folder:
        begun = clock.monotonic()
        there = seed(Path(folder), size)
        print(f"seeded in {clock.monotonic() - begun:.0f} s\n", flush=True)
        with serving(Path(folder)) as port:
            measured(port, addresses(there.finding, there.run), options.requests)


if __name__ == "__main__":
    main()
