"""Databases that checks left out are named on the page and in the API, and never all clear."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

import msgspec

from stt_shared.bus.memory import MemoryBroker
from stt_shared.protocol.enums import Family, Kind
from stt_shared.protocol.messages import CheckOutcome, Finding, Job, PartNotChecked
from tests.support.coordinator.coordination import (
    FakeWorker,
    at_work,
    failed,
    finding,
    passed,
    until,
)
from tests.support.coordinator.ledgers import minutes, planned, recorded, result
from tests.support.coordinator.visitors import HTML, Client, visiting

PART = PartNotChecked(name="<old>", kind=Kind.QUERY, reason="invalid")
ESCAPED = "&lt;old&gt; (invalid)"


def partly(outcome: CheckOutcome) -> CheckOutcome:
    return msgspec.structs.replace(outcome, parts_not_checked=(PART,))


@asynccontextmanager
async def one_target(*findings: Finding) -> AsyncGenerator[Client]:
    """The page of a coordinator whose only target left a database out."""

    def answer(job: Job) -> Sequence[CheckOutcome]:
        name = job.checks[0].check
        first = partly(failed(name, *findings) if findings else passed(name))
        return [first, *(passed(ref.check) for ref in job.checks[1:])]

    broker = MemoryBroker()
    worker = FakeWorker(bus=broker.connect(), targets=(("t1", Family.MYSQL),), answer=answer)
    async with visiting(bus=broker.connect()) as client, at_work(worker):
        await client.post("/api/v1/enable", json={"by": "ann", "reason": "CHG-1"})

        async def is_over() -> bool:
            status = (await client.get("/api/v1/status")).json()
            run = status["summary"]["last_run"]
            return run is not None and run["state"] == "finished"

        await until(is_over)
        yield client


async def page(client: Client, path: str) -> str:
    answer = await client.get(path, headers=HTML)
    assert answer.status_code == 200, path
    assert "<old>" not in answer.text
    return " ".join(answer.text.split())


async def test_home_is_partial_and_names_the_database() -> None:
    async with one_target() as client:
        text = await page(client, "/")
        assert "No check failed, but not everything was checked" in text
        assert f"1 part of databases not checked (t1: {ESCAPED})" in text
        assert 'class="note good"' not in text
        assert "1 not checked" in await page(client, "/panel.svg")


async def test_home_with_findings_says_that_not_everything_was_checked() -> None:
    async with one_target(finding()) as client:
        text = await page(client, "/")
        assert "Not everything was checked: 1 part of databases not checked" in text


async def test_the_pages_of_targets_and_of_the_check_name_it() -> None:
    async with one_target(finding()) as client:
        targets = await page(client, "/targets")
        assert f"1 database not checked: {ESCAPED}" in targets
        assert "partly checked" in targets
        assert f"t1: {ESCAPED}" in await page(client, "/findings?target=t1")
        check = (await client.get("/api/v1/findings")).json()["findings"][0]["check"]
        assert "<h2>Not covered</h2>" in await page(client, f"/checks/{check}")
        assert "<h2>Not covered</h2>" not in await page(client, "/checks/postgresql_super_role")


async def test_programs_get_it_with_the_target_the_report_and_the_finding() -> None:
    async with one_target(finding()) as client:
        part = {"name": "<old>", "kind": "query", "reason": "invalid"}
        status = (await client.get("/api/v1/status")).json()
        assert status["summary"]["counts"]["parts_not_checked"] == 1
        assert status["parts_not_checked"] == [{"target": "t1", "part": part}]
        (target,) = (await client.get("/api/v1/targets")).json()["targets"]
        assert target["parts_not_checked"] == [part]
        run = status["summary"]["last_run"]["run_id"]
        for path in ("/api/v1/report", f"/api/v1/runs/{run}/report"):
            report = (await client.get(path)).json()
            assert report["counts"]["parts_not_checked"] == 1, path
            assert [one["parts_not_checked"] for one in report["results"]] == [[part], []]
        (found,) = (await client.get("/api/v1/findings")).json()["findings"]
        one = (await client.get(f"/api/v1/findings/{found['id']}")).json()
        assert one["parts_not_checked"] == [part]


async def test_a_verdict_that_leaves_a_database_out_keeps_what_was_found_there() -> None:
    def of(name: str) -> Finding:
        return msgspec.structs.replace(finding(name), labels={"database": name})

    store = await planned("t1")
    await recorded(store, result("t1", failed("c1", of("app"), of("<old>")), passed("c2")))
    await planned("t1", run_id="standard-2", store=store, now=minutes(60))
    later = result(
        *("t1", partly(passed("c1")), passed("c2")),
        run_id="standard-2",
        sequence=2,
        at=minutes(61),
    )
    await recorded(store, later)
    records = {
        one.object: one for one in await store.read(lambda led: led.findings.of_targets(["t1"]))
    }
    assert {name: str(one.state) for name, one in records.items()} == {
        "app": "resolved",
        "<old>": "open",
    }
    assert records["<old>"].last_confirmed < minutes(60)
