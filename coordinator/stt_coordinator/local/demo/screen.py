"""The output of the demo: what it starts, the findings, and commands to try next."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from stt_coordinator.local.demo.databases import NAMES
from stt_coordinator.local.servers.process import Running
from stt_shared import clock
from stt_shared.command import output
from stt_shared.errors import SttError
from stt_shared.protocol.control import TargetInfo
from stt_shared.protocol.enums import Family, Severity
from stt_shared.protocol.records import RunRecord
from stt_shared.report import readable
from stt_shared.report.model import Report
from stt_shared.report.views.table import (
    SHORT_ID,
    findings_grid,
    rows_of_report,
    totals,
    unchecked_grid,
)

WORST = 10  # findings shown
WIDTH = 58  # columns before the seconds
NAME_WIDTH = 18  # columns of a target's name


def opening(folder: Path) -> None:
    """The first line: where everything runs, and what is removed at the end."""
    output.note(f"Starting on this computer only (127.0.0.1); Ctrl-C ends it and removes {folder}.")


def started(what: str, seconds: float) -> None:
    """A line about a process that is up."""
    output.note(f"  ok  {what:<{WIDTH}}{seconds:.1f} s", "ok")


def killed(what: str) -> None:
    """A line about a process that was killed on purpose."""
    output.note(f"  !!  kill -9 of {what}", "warn")


def awaiting(lease_s: float) -> None:
    """A line about why nothing happens for a while."""
    output.note(
        f"      the lease of that coordinator ends within {lease_s:g} s, then the other one acts"
    )


def the_same(before: Report, after: Report, run: RunRecord) -> None:
    """The counts before and after the kills, and what else stayed as it was."""
    rows = {"before": before, "after": after}
    for name, one in rows.items():
        output.note(f"      {name:<8}{counted(one)}")
    findings = readable.number(len(rows_of_report(after)), "finding")
    jobs = readable.number(run.jobs, "job")
    output.note(f"      the numbers stand: the same {findings}, and one result of each of {jobs}")


def counted(report: Report) -> str:
    """The counts of a report in one line."""
    one = report.summary
    counts = {
        "critical": one.critical,
        "major": one.major,
        "trivial": one.trivial,
        "passed": one.passed,
        "not checked": one.not_checked,
    }
    return ", ".join(f"{number} {name}" for name, number in counts.items())


def left_out(family: Family, error: SttError) -> None:
    """A line about a database that is left out: the reason, and how to get it."""
    hint = f"; {error.hint}" if error.hint and "\n" not in error.hint else ""
    output.note(f"  --  {NAMES[family]} is left out: {error.message}{hint}", "warn")


def versions(targets: Iterable[TargetInfo]) -> None:
    """The product and version of each server."""
    for target in targets:
        if target.facts is not None:
            output.note(f"      {target.target:<{NAME_WIDTH}}{readable.server(target.facts)}")


def result(report: Report) -> None:
    """The three counts, the most severe findings, and what was not checked."""
    rows = rows_of_report(report)
    output.print_rich("", *totals(report.summary), "")
    output.print_grid(findings_grid(rows[:WORST], clock.now()))
    if rest := readable.more(len(rows) - WORST):
        output.note(f"... {rest}: stt findings list", "hint")
    unchecked = unchecked_grid(report)
    if unchecked.rows:
        output.print_rich("")
        output.print_grid(unchecked)


def next_steps(url: str, page: str, report: Report, servers: Mapping[Family, Running]) -> None:
    """Commands to type in another terminal, all of them complete as they stand."""
    stt = "stt" if shutil.which("stt") else sys.argv[0]
    rows = rows_of_report(report)
    server = servers[Family.POSTGRESQL]
    beside = server.binary.parent / "psql" if server.binary is not None else Path("psql")
    psql = "psql" if shutil.which("psql") else str(beside)
    login = f"-h {server.host} -p {server.port} -U postgres"
    output.note(f"\nThe page: http://{page}/")
    output.note("\nNow try, in another terminal:")
    output.hint(
        [
            f"export STT_NATS_URL={url}",
            f"{stt} status",
            f"{stt} findings list --severity {rows[0].severity if rows else Severity.CRITICAL}",
            *(f"{stt} findings show {row.id[:SHORT_ID]}" for row in rows[:1]),
            f"{stt} findings watch",
        ]
    )
    output.note("and fix something:")
    output.hint(
        [
            f"{psql} {login} -c 'ALTER ROLE app NOSUPERUSER'",
            f"{stt} run --target demo-{Family.POSTGRESQL} --wait",
            f"{stt} findings diff --since today",
        ]
    )
    output.note("\nRunning until Ctrl-C, which stops and removes all of it.")


def ended() -> None:
    """The last line."""
    output.note("Stopped; everything of the demo is removed.")


def checked(report: Report) -> str:
    """How much was checked, in words."""
    counts = report.summary
    targets = readable.number(counts.targets, "database")
    return f"{counts.targets_checked} of {targets} checked"
