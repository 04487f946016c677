"""A runner of jobs with everything it stands on in memory."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any

from stt_shared.bus.memory import MemoryBroker
from stt_shared.bus.values import Outgoing
from stt_shared.checkfile.model import Check
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.enums import Family, Kind, Outcome
from stt_shared.protocol.messages import ControlState, Result
from stt_worker.databases.inspection import DirectInspector
from stt_worker.databases.memory import MemoryDatabase
from stt_worker.execution.admission import Admission
from stt_worker.jobs.control_state import ControlStateReader
from stt_worker.jobs.dependencies import JobDependencies
from stt_worker.jobs.runner import Runner
from stt_worker.outbox.memory import MemoryOutbox
from stt_worker.outbox.sender import Sender
from stt_worker.targets.model import Inventory
from tests.support.worker.fakes import (
    RecordingInbox,
    admit_at_once,
    check,
    delivery,
    dependencies,
    job,
    target,
)

CHECKS = [check("a"), check("b")]


@dataclass
class RunnerHarness:
    """A runner with everything it stands on in memory."""

    runner: Runner
    broker: MemoryBroker
    outbox: MemoryOutbox
    database: MemoryDatabase
    inbox: RecordingInbox = field(default_factory=RecordingInbox)
    alone: list[bool] = field(default_factory=list[bool])  # of each admission

    def admit(self, target: str, *, alone: bool = False) -> AbstractAsyncContextManager[Admission]:
        self.alone.append(alone)
        return admit_at_once(target)

    async def serve(self, **fields: Any) -> None:
        delivered = fields.pop("delivered", 1)
        one = delivery(job(CHECKS, **fields), delivered=delivered)
        await self.runner.serve(one, self.inbox, Family.POSTGRESQL, self.admit)

    def results(self) -> list[Result]:
        kept = self.broker.streams[subjects.STREAM_RESULTS].messages.values()
        return [codec.decode(Result, one.data) for one in kept]

    def kinds(self) -> set[tuple[Outcome, Kind | None]]:
        (result,) = self.results()
        return {(one.outcome, one.kind) for one in result.outcomes}

    async def control(self, state: ControlState) -> None:
        subject = subjects.kv(subjects.BUCKET_CONTROL, subjects.KEY_STATE)
        await self.broker.connect().publish([Outgoing(subject=subject, data=codec.encode(state))])


def runner_of(bus: Any, outbox: Any, sender: Sender, database: Any, checks: list[Check]) -> Runner:
    check_dependencies = dependencies(checks, inspector=DirectInspector(database))
    return Runner(
        JobDependencies(
            worker="w1",
            site="default",
            inventory=Inventory([target()]),
            outbox=outbox,
            sender=sender,
            control_state=ControlStateReader(bus),
            check_dependencies={Family.POSTGRESQL: check_dependencies},
        )
    )
