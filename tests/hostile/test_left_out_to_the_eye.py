"""From a closed database of a real server to the exit code, the reports and the open findings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
import pytest

from stt_coordinator.local.servers.process import Running
from stt_coordinator.store.port import Store
from stt_shared import clock
from stt_shared.checkfile.catalogue import builtin
from stt_shared.protocol.enums import Family, Outcome
from stt_shared.protocol.messages import CheckOutcome
from stt_worker.databases.port import Endpoint
from stt_worker.execution.job import execute
from stt_worker.execution.runtime import open_runtime
from tests.hostile.postgresql.postgresql_tenant import databases, do
from tests.support.checks.real import endpoint
from tests.support.coordinator.ledgers import minutes, planned, recorded, result
from tests.support.processes.scanning import report, stt, url
from tests.support.worker.fakes import job

CHECK = "postgresql_public_schema_create"
BAD = "GRANT CREATE ON SCHEMA public TO PUBLIC"
GOOD = "REVOKE CREATE ON SCHEMA public FROM PUBLIC"
CLOSE = "ALTER DATABASE stt_closed ALLOW_CONNECTIONS false"
OPEN = "ALTER DATABASE stt_closed ALLOW_CONNECTIONS true"


@pytest.fixture
def two_bad(postgresql: Running) -> Iterator[Running]:
    """A server with two databases in which everybody may create."""
    with databases(postgresql, "stt_closed", "stt_open"):
        for name in ("stt_closed", "stt_open"):
            do(postgresql, [BAD], name)
        yield postgresql


def scanned(server: Running, *words: str) -> tuple[int, str, str]:
    done = stt("scan", url(server, rest="/postgres?tls=off"), "--check", CHECK, *words)
    return done.returncode, done.stdout, done.stderr


def test_a_scan_names_the_closed_database_and_is_incomplete(two_bad: Running) -> None:
    do(two_bad, [CLOSE])
    code, out, err = scanned(two_bad, "--fail-on", "none")
    assert code == 3, err
    assert "1 database not checked: stt_closed (closed to every connection" in " ".join(
        (out + err).split()
    )
    assert "1 part of databases not checked" in err
    assert scanned(two_bad, "--fail-on", "none", "--allow-incomplete")[0] == 0


def test_a_scan_keeps_the_verdict_of_the_open_database(two_bad: Running) -> None:
    do(two_bad, [CLOSE])
    done = stt("scan", url(two_bad, rest="/postgres?tls=off"), "--check", CHECK, "-o", "json")
    (found,) = report(done)["results"]
    assert found["outcome"] == "failed"
    assert [one["name"] for one in found["parts_not_checked"]] == ["stt_closed"]
    assert [one["labels"] for one in found["findings"]] == [{"database": "stt_open"}]
    assert report(done)["summary"]["parts_not_checked"] == 1


async def outcome_of(where: Endpoint) -> CheckOutcome:
    """What the check says of the server now."""
    known = builtin()
    check = known.checks[CHECK]

    async def endpoint_of() -> Endpoint:
        return where

    wanted = job([check])
    async with open_runtime(known, 1) as runtime:
        dependencies = runtime.dependencies[Family.POSTGRESQL]
        _, (found,) = await execute(wanted, endpoint_of, dependencies, now=clock.now())
    return found


async def states(store: Store, outcomes: Sequence[CheckOutcome], run: int) -> dict[str, str]:
    """The findings by object after one more run with these outcomes."""
    run_id, at = f"standard-{run}", minutes(60 * run)
    await planned("t1", run_id=run_id, store=store, now=at)
    named = [msgspec.structs.replace(one, check="c1") for one in outcomes]
    await recorded(store, result("t1", *named, run_id=run_id, sequence=run, at=at))
    records = await store.read(lambda ledger: ledger.findings.of_targets(["t1"]))
    return {str(one.object): str(one.state) for one in records}


async def test_a_finding_stays_open_while_its_database_is_closed_and_is_resolved_after(
    two_bad: Running,
) -> None:
    where = endpoint(two_bad, Family.POSTGRESQL)
    store = await planned("t1", run_id="standard-0")
    before = await states(store, [await outcome_of(where)], 1)
    assert before == {"stt_closed.public": "open", "stt_open.public": "open"}
    do(two_bad, [GOOD], "stt_open")
    do(two_bad, [GOOD], "stt_closed")
    do(two_bad, [CLOSE])
    partial = await outcome_of(where)
    assert (partial.outcome, len(partial.parts_not_checked)) == (Outcome.PASSED, 1)
    closed = await states(store, [partial], 2)
    assert closed == {"stt_closed.public": "open", "stt_open.public": "resolved"}
    do(two_bad, [OPEN])
    after = await states(store, [await outcome_of(where)], 3)
    assert after == {"stt_closed.public": "resolved", "stt_open.public": "resolved"}
