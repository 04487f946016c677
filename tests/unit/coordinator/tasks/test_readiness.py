"""Readiness is proven anew by each part: what stands still is named, and the answer is 503."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from stt_coordinator.store.memory.store import MemoryStore
from stt_coordinator.tasks.control_state import ControlStateWriter
from stt_coordinator.tasks.guards.clock_guard import ClockGuard
from stt_coordinator.tasks.guards.nonce_gate import NonceGate
from stt_coordinator.tasks.ingest import Ingest
from stt_coordinator.tasks.readiness import INGEST_LATE_S, Readiness
from stt_coordinator.tasks.wakeups import Wakeups
from stt_shared import clock
from stt_shared.bus.memory import MemoryBroker
from stt_shared.protocol import subjects
from stt_shared.protocol.enums import Family, Role
from tests.support.coordinator.coordination import (
    QUICK,
    FakeWorker,
    FullStore,
    at_work,
    enable,
    finished,
    passed,
    until,
)
from tests.support.coordinator.visitors import JSON, bearing, login_with, tokens_in, visiting


async def test_readiness_reports_the_state_of_each_part() -> None:
    async with visiting() as client:
        answer = await client.get("/readyz")
        assert answer.status_code == 200
        assert answer.json()["wrong"] == []
        parts = answer.json()["parts"]
        assert list(parts) == ["nats", "store", "results"]
        assert parts["results"] == "none received since the start"


async def test_a_store_that_takes_nothing_is_not_ready() -> None:
    store = FullStore()
    async with visiting(store=store) as client:
        store.full = True
        answer = await client.get("/readyz", headers=JSON)
        assert (answer.status_code, answer.json()["wrong"]) == (503, ["store: the disk is full"])
        store.full = False
        assert (await client.get("/readyz")).status_code == 200


async def test_nats_that_does_not_answer_is_not_ready() -> None:
    broker = MemoryBroker()
    async with visiting(bus=broker.connect()) as client:
        broker.down = True
        answer = await client.get("/readyz", headers=JSON)
        assert (answer.status_code, answer.json()["wrong"]) == (503, ["nats: the broker is down"])
        broker.down = False


async def test_details_of_a_failure_are_shown_only_to_authorized_visitors(tmp_path: Path) -> None:
    tokens = tokens_in(tmp_path / "tokens", vic=Role.VIEWER)
    store = FullStore()
    async with visiting(login_with(tmp_path / "tokens"), store=store) as client:
        assert (await client.get("/readyz", headers=JSON)).json() == {"wrong": []}
        store.full = True
        nobody = await client.get("/readyz", headers=JSON)
        assert (nobody.status_code, nobody.json()) == (
            503,
            {"wrong": ["log in to see the problems"]},
        )
        viewer = await client.get("/readyz", headers=bearing(tokens["vic"]))
        assert viewer.json()["wrong"] == ["store: the disk is full"]
        store.full = False


@pytest.mark.parametrize(
    ("still_s", "is_well"), [(0.0, True), (INGEST_LATE_S - 5, True), (INGEST_LATE_S + 5, False)]
)
async def test_results_that_are_not_taken_in_make_it_unready(
    still_s: float, *, is_well: bool
) -> None:
    bus, store = MemoryBroker().connect(), MemoryStore()
    await bus.ensure(subjects.STREAMS, [])
    control_state = ControlStateWriter(bus, store)
    wakeups = Wakeups()
    ingest = Ingest(
        bus=bus,
        store=store,
        wakeups=wakeups,
        timing=QUICK,
        nonces=NonceGate(store, ClockGuard(bus=bus, store=store, wakeups=wakeups).now),
    )
    ingest.turned = clock.monotonic() - still_s
    ingest.last = datetime(2026, 11, 23, 16, 4, 11, tzinfo=UTC)
    results = (await Readiness(control_state=control_state, store=store, ingest=ingest).check())[-1]
    assert results.is_well is is_well
    if is_well:
        assert results.seen == "last recorded 2026-11-23T16:04:11Z"
    else:
        assert results.seen.startswith("none recorded for 3")


async def test_the_time_of_the_newest_result_is_reported() -> None:
    broker = MemoryBroker()
    worker = FakeWorker(
        bus=broker.connect(),
        targets=(("orders", Family.MYSQL),),
        answer=lambda job: [passed(one.check) for one in job.checks],
    )
    async with visiting(bus=broker.connect()) as client, at_work(worker):
        reply = await enable(broker.connect())
        await finished(broker.connect(), reply.run_id)

        async def is_reported() -> bool:
            parts = (await client.get("/readyz", headers=JSON)).json()["parts"]
            return str(parts["results"]).startswith("last recorded 20")

        await until(is_reported)
