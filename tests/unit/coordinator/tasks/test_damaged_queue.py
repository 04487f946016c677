"""Late jobs whose message the NATS server cannot read: the queue is emptied, once per consumer."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from stt_coordinator.tasks.stream_upkeep import free_unreadable
from stt_shared.bus.memory import MemoryBroker, MemoryBus
from stt_shared.protocol import subjects
from stt_shared.protocol.enums import Family
from stt_shared.protocol.specs import ConsumerSpec
from tests.support.coordinator.store_rows import job


class Damaged(MemoryBus):
    """A bus whose server cannot read any message of a suspect."""

    def __init__(self) -> None:
        super().__init__(MemoryBroker())
        self.asked: list[tuple[str, set[str]]] = []

    async def free(self, consumer: ConsumerSpec, suspects: Collection[str] = ()) -> tuple[str, ...]:
        self.asked.append((consumer.name, set(suspects)))
        return tuple(sorted(suspects))


async def test_every_late_job_that_waits_is_suspected_at_the_consumer_of_its_site_and_type(
    capsys: pytest.CaptureFixture[str],
) -> None:
    bus = Damaged()
    jobs = [job("t1"), job("t2"), job("t9", site="us", family=Family.MONGODB)]
    await free_unreadable(bus, jobs)
    assert bus.asked == [
        (
            subjects.jobs_consumer("eu", Family.MYSQL).name,
            {subjects.job(Family.MYSQL, "eu", name) for name in ("t1", "t2")},
        ),
        (
            subjects.jobs_consumer("us", Family.MONGODB).name,
            {subjects.job(Family.MONGODB, "us", "t9")},
        ),
    ]
    assert capsys.readouterr().out.count("queue_damaged") == 2


async def test_no_job_is_suspected_while_none_is_late() -> None:
    bus = Damaged()
    await free_unreadable(bus, ())
    assert bus.asked == []
