"""Runs are compared and days counted over a real NATS, with the store on the disk and a restart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from stt_coordinator.local.servers.process import Running
from stt_coordinator.store.sqlite.store import open_store
from stt_coordinator.tasks.retention import RetentionLimits, prune
from stt_shared import clock
from stt_shared.bus.jetstream import JetStreamBus
from stt_shared.bus.values import RequestError
from stt_shared.protocol.control import RunReply, RunRequest, Verb
from stt_shared.protocol.enums import Family, Kind, Outcome
from stt_shared.protocol.findings import FindingsReply, FindingsRequest
from stt_shared.protocol.messages import CheckOutcome, Job
from stt_shared.protocol.queries.history import DiffReply, DiffRequest, TrendsReply, TrendsRequest
from tests.support.coordinator.coordination import (
    FakeWorker,
    ask,
    at_work,
    enable,
    failed,
    finding,
    finished,
    passed,
    status,
    until,
)
from tests.support.coordinator.on_nats import connected, coordinating
from tests.support.coordinator.scheduling import agreed_now

TARGETS = tuple((f"t{number:03}", Family.MYSQL) for number in range(30))


@dataclass(kw_only=True)
class Fleet:
    """What is wrong with which database, and which of them do not answer."""

    wrong: dict[str, str] = field(default_factory=dict[str, str])
    silent: frozenset[str] = frozenset()

    def answer(self, job: Job) -> Sequence[CheckOutcome]:
        if job.target in self.silent:
            kind = Kind.UNREACHABLE
            return [
                CheckOutcome(check=r.check, outcome=Outcome.ERROR, kind=kind) for r in job.checks
            ]
        key = self.wrong.get(job.target, "")
        return [failed(r.check, finding(key)) if key else passed(r.check) for r in job.checks]


async def checked(bus: JetStreamBus) -> str:
    reply = await ask(bus, Verb.RUN, RunRequest(by="test", checks=("mysql_version",)), RunReply)
    await finished(bus, reply.run.run_id)
    return reply.run.run_id


async def known(bus: JetStreamBus) -> bool:
    return (await status(bus)).summary.counts.targets == len(TARGETS)


async def test_runs_before_and_after_a_restart_are_compared_until_they_are_pruned(
    broker: Running, tmp_path: Path
) -> None:
    async with connected(broker) as ours, connected(broker) as theirs:
        fleet = Fleet(wrong={"t001": "a", "t002": "a", "t003": "a"})
        worker = FakeWorker(bus=theirs, targets=TARGETS, answer=fleet.answer)
        async with coordinating(ours, tmp_path), at_work(worker):
            await until(lambda: known(ours))
            await finished(ours, (await enable(ours)).run_id)
            first = await checked(ours)
        fleet.wrong = {"t001": "b", "t003": "a", "t004": "a"}
        fleet.silent = frozenset({"t003", "t009"})
        async with coordinating(ours, tmp_path), at_work(worker):
            second = await checked(ours)
            both = DiffRequest(run_a=first, run_b=second)
            reply = await ask(ours, Verb.DIFF, both, DiffReply)
            assert sorted((one.target, str(one.change)) for one in reply.differences) == [
                ("t001", "opened"),
                ("t001", "resolved"),
                ("t002", "resolved"),
                ("t004", "opened"),
            ]
            assert [one.target for one in reply.unchecked] == ["t003", "t009"]
            assert all(one.last_checked for one in reply.unchecked)
            trends = await ask(ours, Verb.TRENDS, TrendsRequest(days=7), TrendsReply)
            still_open = await ask(ours, Verb.FINDINGS, FindingsRequest(), FindingsReply)
            assert trends.days[-1].open.critical == still_open.total
    await forget_everything(tmp_path)
    async with connected(broker) as ours, coordinating(ours, tmp_path):
        with pytest.raises(RequestError, match="are no longer kept"):
            await ask(ours, Verb.DIFF, both, DiffReply)
        assert await ask(ours, Verb.TRENDS, TrendsRequest(days=7), TrendsReply) == trends
        found = await ask(ours, Verb.FINDINGS, FindingsRequest(), FindingsReply)
        assert found == still_open


async def forget_everything(folder: Path) -> None:
    """Prune as if a month had gone by."""
    store = await open_store(folder)
    limits = RetentionLimits(full=timedelta(0), daily=timedelta(days=400))
    await prune(store, limits, agreed_now)
    left = await store.read(lambda ledger: ledger.history.since(clock.now() - timedelta(9), 0, 9))
    assert left == ([], 0)
    await store.close()
