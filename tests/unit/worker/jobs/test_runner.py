"""A delivered job is acknowledged only when its result is safe, and run only when it should be."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from stt_shared.bus.memory import MemoryBroker
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.enums import Family, Kind, Outcome
from stt_shared.protocol.messages import ControlState, Result, Watermark
from stt_shared.telemetry import logs
from stt_worker.databases.inspection import DirectInspector
from stt_worker.databases.memory import MemoryDatabase
from stt_worker.jobs.intake import MAX_DELIVERIES_UNKNOWN, UNKNOWN_TARGET_DELAY_S
from stt_worker.jobs.runner import OUTBOX_DELAY_S, Runner
from stt_worker.outbox.memory import MemoryOutbox
from stt_worker.outbox.port import OutboxError, Row
from stt_worker.outbox.sender import Sender
from stt_worker.targets.model import Inventory
from tests.support.worker.fakes import (
    AT,
    admit_at_once,
    delivery,
    dependencies,
    job,
    server,
    target,
)
from tests.support.worker.runner_harness import CHECKS, RunnerHarness, runner_of


@pytest.fixture
async def harness() -> AsyncIterator[RunnerHarness]:
    broker, outbox = MemoryBroker(), MemoryOutbox()
    bus = broker.connect()
    await bus.ensure(subjects.STREAMS, [])
    sender = Sender(bus=bus, outbox=outbox, worker="w1", expected=lambda: 0)
    database = MemoryDatabase({"db": server()})
    made = RunnerHarness(runner_of(bus, outbox, sender, database, CHECKS), broker, outbox, database)
    await made.control(ControlState(enabled=True))
    sending = asyncio.create_task(sender.run())
    yield made
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)


async def test_a_job_is_run_stored_published_and_only_then_acknowledged(
    harness: RunnerHarness,
) -> None:
    await harness.serve()
    (result,) = harness.results()
    assert (result.job_id, result.worker, result.execution) == ("run-1.t1", "w1", "1-7-1")
    assert (result.sequence, result.epoch) == (1, harness.outbox.epoch)
    assert harness.kinds() == {(Outcome.PASSED, None)}
    assert result.started <= result.finished
    assert len(harness.inbox.acked) == 1
    assert harness.outbox.size == 1


async def test_a_result_published_but_not_acknowledged_is_published_again_not_run_again(
    harness: RunnerHarness,
) -> None:
    harness.inbox.down = True
    await harness.serve()
    harness.inbox.down = False
    await harness.serve(delivered=2)
    assert len(harness.results()) == 1
    assert len(harness.database.inspected) == 1
    assert [one.delivered for one in harness.inbox.acked] == [2]


async def test_a_job_whose_result_the_store_has_is_just_acknowledged(
    harness: RunnerHarness,
) -> None:
    await harness.serve()
    mark = Watermark(worker="w1", epoch=harness.outbox.epoch, sequence=1)
    await harness.outbox.covered(mark, AT)
    await harness.serve(delivered=2)
    assert len(harness.database.inspected) == 1
    assert len(harness.inbox.acked) == 2


async def test_a_job_issued_again_is_run_again(harness: RunnerHarness) -> None:
    await harness.serve()
    await harness.serve(dispatch=2)
    assert len(harness.database.inspected) == 2
    assert [result.dispatch for result in harness.results()] == [1, 2]


@pytest.mark.parametrize("state", [ControlState(), ControlState(enabled=False, since=AT)])
async def test_nothing_is_run_while_checks_are_disabled(
    harness: RunnerHarness, state: ControlState
) -> None:
    await harness.control(state)
    await harness.serve()
    assert harness.kinds() == {(Outcome.SKIPPED, Kind.DISABLED)}
    assert harness.database.inspected == []
    assert len(harness.inbox.acked) == 1


async def test_a_check_that_is_switched_off_is_left_out(harness: RunnerHarness) -> None:
    await harness.control(ControlState(enabled=True, disabled_checks=("a",)))
    await harness.serve()
    (result,) = harness.results()
    assert [(one.check, one.kind) for one in result.outcomes] == [
        ("a", Kind.DISABLED),
        ("b", None),
    ]


async def test_without_knowing_the_control_state_nothing_is_run(harness: RunnerHarness) -> None:
    harness.broker.down = True
    await harness.serve()
    assert harness.database.inspected == []
    assert len(harness.inbox.retried) == 1


async def test_a_nudge_makes_a_new_state_count_at_once(harness: RunnerHarness) -> None:
    await harness.serve()
    await harness.control(ControlState(enabled=False))
    await harness.serve(dispatch=2)
    assert len(harness.database.inspected) == 2  # read less than FRESH_S ago
    harness.runner._dependencies.control_state.forget()
    await harness.serve(dispatch=3)
    assert len(harness.database.inspected) == 2


async def test_an_expired_job_is_not_run(harness: RunnerHarness) -> None:
    await harness.serve(expires=AT - timedelta(days=400))
    assert harness.kinds() == {(Outcome.SKIPPED, Kind.EXPIRED)}
    assert harness.database.inspected == []


async def test_a_job_that_ended_five_deliveries_without_a_result_is_given_up(
    harness: RunnerHarness,
) -> None:
    for _ in range(2):
        await harness.outbox.count_start("run-1.t1", 1, AT)
    await harness.serve(delivered=6)
    assert harness.kinds() == {(Outcome.ERROR, Kind.DEAD)}
    assert harness.database.inspected == []
    assert len(harness.inbox.acked) == 1


async def test_a_job_that_another_took_along_runs_alone_and_is_not_given_up(
    harness: RunnerHarness,
) -> None:
    await harness.serve(delivered=2)
    assert harness.alone == [False]
    for dispatch, starts in ((2, 0), (3, 1)):
        for _ in range(starts):
            await harness.outbox.count_start("run-1.t1", dispatch, AT)
        await harness.serve(dispatch=dispatch, delivered=6)
    assert harness.alone == [False, False, True]
    outcomes = [one.outcome for result in harness.results() for one in result.outcomes]
    assert set(outcomes) == {Outcome.PASSED}


async def test_a_job_that_only_went_round_other_workers_is_run(harness: RunnerHarness) -> None:
    await harness.serve(delivered=9)
    assert harness.kinds() == {(Outcome.PASSED, None)}
    assert await harness.outbox.starts("run-1.t1", 1) == 1


async def test_a_job_for_a_target_of_another_worker_is_left_to_it(harness: RunnerHarness) -> None:
    await harness.serve(target="elsewhere")
    assert harness.inbox.retried == [UNKNOWN_TARGET_DELAY_S]
    assert harness.results() == []


async def test_a_target_that_nobody_serves_ends_as_dead(harness: RunnerHarness) -> None:
    await harness.serve(target="elsewhere", delivered=MAX_DELIVERIES_UNKNOWN + 1)
    assert harness.kinds() == {(Outcome.ERROR, Kind.DEAD)}
    (result,) = harness.results()
    assert "no worker of site default serves target elsewhere" in result.outcomes[0].reason


async def test_two_deliveries_of_one_job_at_once_run_it_once(harness: RunnerHarness) -> None:
    harness.database.servers["db"] = server(latency_s=0.05)
    await asyncio.gather(harness.serve(), harness.serve(delivered=2))
    assert len(harness.database.inspected) == 1
    assert len(harness.inbox.acked) == 2
    assert harness.runner._busy == {}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"data": b"\x00garbage"}, "malformed"),
        ({"data": b"{}"}, "malformed"),
        ({"data": b'{"schema": "stt.job/v2"}'}, "newer_major"),
        ({"data": b'{"schema": "stt.result/v1"}'}, "wrong_schema"),
        ({"data": b" " * (codec.MAX_MESSAGE_BYTES + 1)}, "too_large"),
        ({"subject": "stt.v1.job.postgresql.default.t2"}, "wrong_subject"),
        ({"data": codec.encode(job(CHECKS, site="other"))}, "wrong_site"),
        ({"data": codec.encode(job(CHECKS, family=Family.MYSQL))}, "wrong_site"),
        ({"data": codec.encode(job(CHECKS, target="t.*"))}, "wrong_subject"),
    ],
)
async def test_what_is_no_job_for_this_worker_is_ended_counted_and_stops_nothing(
    harness: RunnerHarness, changes: dict[str, Any], code: str
) -> None:
    bad = delivery(job(CHECKS), **changes)
    await harness.runner.serve(bad, harness.inbox, Family.POSTGRESQL, admit_at_once)
    assert harness.inbox.ended == [bad]
    assert harness.runner.rejected == {code: 1}
    await harness.serve()
    assert harness.kinds() == {(Outcome.PASSED, None)}


class FullOutbox(MemoryOutbox):
    """An outbox on a full disk."""

    full = True

    async def append(self, result: Result, traceparent: str = "") -> Row:
        if self.full:
            raise OutboxError("database or disk is full")
        return await super().append(result, traceparent)


async def test_on_a_full_disk_the_job_is_put_back_and_done_when_there_is_room() -> None:
    broker, outbox = MemoryBroker(), FullOutbox()
    bus = broker.connect()
    await bus.ensure(subjects.STREAMS, [])
    sender = Sender(bus=bus, outbox=outbox, worker="w1", expected=lambda: 0)
    database = MemoryDatabase({"db": server()})
    harness = RunnerHarness(
        runner_of(bus, outbox, sender, database, CHECKS), broker, outbox, database
    )
    await harness.control(ControlState(enabled=True))
    await harness.serve()
    assert harness.inbox.retried == [OUTBOX_DELAY_S]
    assert harness.inbox.acked == []
    outbox.full = False
    sending = asyncio.create_task(sender.run())
    await harness.serve(delivered=2)
    assert harness.kinds() == {(Outcome.PASSED, None)}
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)


class BarrierDatabase:
    """A database whose inspections wait for each other and log meanwhile."""

    def __init__(self, number: int) -> None:
        self.database = MemoryDatabase({"db": server()})
        self.met = asyncio.Barrier(number)

    async def inspect(self, *given: Any) -> Any:
        for _ in range(3):
            await self.met.wait()
            logs.logger("database").info("inspecting")
        return await self.database.inspect(*given)

    async def close(self) -> None:
        await self.database.close()


async def test_lines_of_jobs_that_run_at_once_name_their_own_run_job_target_and_check(
    harness: RunnerHarness,
) -> None:
    names = ("t1", "t2", "t3")
    runner_dependencies = harness.runner._dependencies
    check_dependencies = {
        Family.POSTGRESQL: dependencies(
            CHECKS, inspector=DirectInspector(BarrierDatabase(len(names)))
        )
    }
    inventory = Inventory([target(name) for name in names])
    runner = Runner(
        replace(runner_dependencies, inventory=inventory, check_dependencies=check_dependencies)
    )
    stream = io.StringIO()
    logs.configure("debug", "json", stream)
    jobs = [job(CHECKS, name, run_id=f"run-{name}") for name in names]
    serving = [
        runner.serve(delivery(one), harness.inbox, Family.POSTGRESQL, admit_at_once) for one in jobs
    ]
    await asyncio.gather(*serving)
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert {(one["worker"], one["site"]) for one in lines} == {("w1", "default")}
    assert {(one["run"], one["job"], one["target"]) for one in lines} == {
        (one.run_id, one.job_id, one.target) for one in jobs
    }
    for name in names:
        mine = [one for one in lines if one["target"] == name]
        expected = ["job_started", *["inspecting"] * 3, *["check_finished"] * 2, "result_recorded"]
        assert [one["event"] for one in mine] == expected
        assert [one.get("check") for one in mine] == [*[None] * 4, "a", "b", None]
