"""Maintainers' command: writes down the stores of this level of the schema, filled by this code.

`python -m tools.record_stores` in a new migration's commit; `tests/integration/
test_upgrades.py` has later code open what is written here. It asks for nothing that the first
level did not have, so it runs on any commit: each file was written by the code of its level.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from stt_coordinator.control.service import VERBS
from stt_coordinator.store.sqlite import store as sqlite
from stt_coordinator.store.sqlite.file.folder import FILE
from stt_shared import clock
from stt_shared.bus.memory import MemoryBroker
from stt_shared.bus.port import Bus
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.control import Verb
from stt_shared.protocol.enums import Family, Kind, Outcome, Severity
from stt_shared.protocol.messages import CheckOutcome, Job, Result, Watermark
from stt_shared.telemetry import logs
from stt_worker.outbox import sqlite as outbox_file
from tests.support.coordinator import stores
from tests.support.coordinator.coordination import (
    FakeWorker,
    at_work,
    failed,
    finding,
    finished,
    passed,
    running,
)

BY = {"by": "ann", "reason": "CHG-4411"}
LISTS: dict[str, dict[str, Any]] = {
    "findings": {"state": "all"},
    "runs": {},
    "targets": {},
    "checks": {},
    "report": {},
    "changes": {"since": "2026-01-01T00:00:00Z"},
    "exceptions": {},
    "audit": {},
}


def first(job: Job) -> Sequence[CheckOutcome]:
    """Two findings in MySQL; PostgreSQL cannot be reached."""
    if job.family is Family.POSTGRESQL:
        why = "connection refused"
        return [
            CheckOutcome(check=r.check, outcome=Outcome.ERROR, kind=Kind.UNREACHABLE, reason=why)
            for r in job.checks
        ]
    return [
        failed(r.check, finding(), finding("'old'@'%'"))
        if r.check == "mysql_empty_password"
        else passed(r.check)
        for r in job.checks
    ]


def second(job: Job) -> Sequence[CheckOutcome]:
    """One finding stays, one is fixed, one is new; PostgreSQL is there and has one of its own."""
    found = {
        "mysql_empty_password": (finding(), finding("'new'@'%'", Severity.MAJOR)),
        "postgresql_super_role": (finding("app", Severity.MAJOR),),
    }
    return [
        failed(r.check, *found[r.check]) if r.check in found else passed(r.check)
        for r in job.checks
    ]


async def ask(bus: Bus, verb: str, request: dict[str, Any]) -> dict[str, Any]:
    """The answer to a verb, as it goes over the wire."""
    schema = codec.schema_of(VERBS[Verb(verb)][0])
    message = json.dumps({**request, "schema": schema}).encode()
    data = await bus.request(subjects.control(Verb(verb)), message, timeout=5)
    reply: dict[str, Any] = json.loads(data)
    return reply


async def answers(bus: Bus) -> dict[str, Any]:
    """What is answered of everything that lasts, by every verb this code knows."""
    known = {str(verb) for verb in Verb}
    found: dict[str, Any] = {"at": clock.to_text(clock.now())}
    for verb in LISTS.keys() & known:
        found[verb] = await ask(bus, verb, LISTS[verb])
    found["changes"].pop("kept_since", None)  # it moves with the clock
    of_findings = found["findings"]["findings"]
    found["finding"] = {
        one["id"]: await ask(bus, "finding", {"id": one["id"]}) for one in of_findings
    }
    return found


async def live(bus: Bus, worker: FakeWorker) -> None:
    """Two runs and what people do meanwhile; off at the end."""
    known = {str(verb) for verb in Verb}
    await finished(bus, (await ask(bus, "enable", BY))["run_id"])
    if "accept" in known:
        opened = (await ask(bus, "findings", {}))["findings"]
        mine = next(one["id"] for one in opened if one["object"] == "'app'@'%'")
        until = clock.now() + timedelta(days=30)
        accepted = {"finding": mine, "until": f"{until:%Y-%m-%d}", **BY}
        await ask(bus, "accept", accepted)
    worker.answer = second
    run = (await ask(bus, "run", {"by": "ann"}))["run"]
    await finished(bus, run["run_id"])
    await ask(bus, "check-disable", {"check": "mysql_version", **BY})
    await ask(bus, "disable", BY)


async def of_coordinator(folder: Path) -> dict[str, Any]:
    """Fill a coordinator's store; what it answers."""
    broker = MemoryBroker()
    bus = broker.connect()
    store = await sqlite.open_store(folder)
    targets = (("t1", Family.MYSQL), ("p1", Family.POSTGRESQL))
    worker = FakeWorker(bus=broker.connect(), targets=targets, answer=first)
    async with running(bus, store):
        async with at_work(worker):
            await live(bus, worker)
        found = await answers(bus)
    await store.close()
    return found


async def of_outbox(folder: Path) -> dict[str, Any]:
    """Fill a worker's outbox; what is pending in it."""
    worker = FakeWorker(bus=MemoryBroker().connect())
    outbox = await outbox_file.open_outbox(folder)
    now = clock.now()
    for number in range(3):
        job = Job(
            job_id=f"standard-1.t{number}",
            run_id="standard-1",
            dispatch=1,
            target=f"t{number}",
            family=Family.MYSQL,
            site="eu-west",
            checks=(),
            created=now,
            expires=now + timedelta(days=1),
        )
        result = codec.decode(Result, worker.message(job, [failed("c1")]).data)
        await outbox.append(result)
        await outbox.count_start(job.job_id, 1, now)
    seen = Watermark(worker="w1", epoch=outbox.epoch, sequence=1)
    outbox.confirm([1])
    await outbox.covered(seen, now)
    pending = [[row.sequence, row.subject, row.message_id] for row in await outbox.pending()]
    found = {"epoch": outbox.epoch, "pending": pending}
    await outbox.close()
    return found


async def record() -> None:
    """Write both files."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for what, fill, file in (
            ("coordinator", of_coordinator, FILE),
            ("outbox", of_outbox, outbox_file.FILE),
        ):
            found = await fill(folder)
            store = folder / file
            target = stores.FOLDER / f"{what}_{stores.version(store)}.sql"
            if not target.exists():  # what was released is not written again
                stores.write(store, target, found)
                sys.stdout.write(f"{target}\n")


if __name__ == "__main__":
    logs.configure("error", "auto")
    asyncio.run(record())
