"""A coordinator whose target has findings on lines of files, before and after lines were moved.

`python -m tests.support.coordinator.file_lines FILE` writes down the store that the code of its
commit fills. `tests/data/stores/lines_22.sql` is of 8cd74a87, the last one to name these findings
by the number of the line.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from stt_coordinator.store.sqlite import store as sqlite
from stt_coordinator.store.sqlite.file.folder import FILE
from stt_shared import clock
from stt_shared.bus.memory import MemoryBroker
from stt_shared.checkfile.catalogue import builtin
from stt_shared.protocol.enums import Family
from stt_shared.protocol.messages import CheckOutcome, Job
from stt_worker.execution.verdict import outcome_of
from stt_worker.oneshot.dry_run import given
from stt_worker.sandbox.starlark import StarlarkSandbox
from tests.support.checks.library import CHECKS, samples
from tests.support.coordinator import stores
from tests.support.coordinator.coordination import FakeWorker, at_work, finished, passed, running
from tools import record_stores

TARGETS = (("p1", Family.POSTGRESQL),)
SAMPLES = {
    "postgresql_hba_trust": "initdbs_own_default_is_trust_on_the_machine",
    "postgresql_hba_errors": "a_hostssl_line_without_tls",
    "postgresql_ident_map_wide": "patterns_that_more_than_the_listed_names_fit",
}
MOVED = ("postgresql_hba_trust", "postgresql_ident_map_wide")
ACCEPTED = "pg_hba.conf:12 "
INSERTED = {"address": "10.9.9.9", "netmask": "255.255.255.255", "method": "trust"}


def moved(rows: Any) -> list[dict[str, Any]]:
    """The rows of a file behind a new second line; of pg_hba.conf it is a rule with trust."""
    found: list[dict[str, Any]] = []
    for place, row in enumerate(rows):
        if place == 1 and row.get("method"):
            found.append({**row, **INSERTED})
        found.append({**row, "line": row["line"] + 1} if place else row)
    return found


async def outcomes(*, is_moved: bool) -> dict[str, CheckOutcome]:
    """What the checks of files say, by check."""
    sandbox = StarlarkSandbox(1)
    found: dict[str, CheckOutcome] = {}
    try:
        for check in CHECKS:
            if check.name in SAMPLES:
                sample = next(s for s in samples(check) if s.name == SAMPLES[check.name])
                first, *rest = sample.docs
                docs = [moved(first) if is_moved and check.name in MOVED else first, *rest]
                task, answers = given(check, docs)
                context = sample.context(builtin().releases)
                (verdict,) = await sandbox.run([task], answers, context)
                found[check.name] = outcome_of(check, verdict)
    finally:
        await sandbox.close()
    return found


def worker(broker: MemoryBroker, found: Mapping[str, CheckOutcome]) -> FakeWorker:
    """One that answers with these outcomes; what is not among them passed."""

    def answer(job: Job) -> list[CheckOutcome]:
        return [found.get(ref.check) or passed(ref.check) for ref in job.checks]

    return FakeWorker(bus=broker.connect(), targets=TARGETS, answer=answer)


async def write(file: Path) -> None:
    """Fill a store: a run, and one finding accepted; write it down."""
    broker = MemoryBroker()
    bus = broker.connect()
    with tempfile.TemporaryDirectory() as folder:
        store = await sqlite.open_store(Path(folder))
        found = await outcomes(is_moved=False)
        async with running(bus, store, checks=builtin), at_work(worker(broker, found)):
            run = await record_stores.ask(bus, "enable", record_stores.BY)
            await finished(bus, run["run_id"])
            opened = (await record_stores.ask(bus, "findings", {}))["findings"]
            (mine,) = [one["id"] for one in opened if one["summary"].startswith(ACCEPTED)]
            until = clock.now() + timedelta(days=365)
            accepted = {"finding": mine, "until": f"{until:%Y-%m-%d}", **record_stores.BY}
            await record_stores.ask(bus, "accept", accepted)
            await record_stores.ask(bus, "disable", record_stores.BY)
        await store.close()
        stores.write(Path(folder) / FILE, file, {})


if __name__ == "__main__":
    asyncio.run(write(Path(sys.argv[1])))
