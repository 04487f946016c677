"""A coordinator works although nats-server cannot make a consumer that checks can run without."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from stt_coordinator.store.memory.store import MemoryStore
from stt_shared.bus.memory import MemoryBroker, MemoryBus
from stt_shared.errors import UnreachableError
from stt_shared.protocol import subjects
from stt_shared.protocol.specs import ConsumerSpec, StreamSpec
from tests.support.coordinator.coordination import FakeWorker, at_work, enable, finished, running

REJECTED = "JetStream rejects the request (error creating store for consumer, 10012)"


class Damaged(MemoryBus):
    """A bus whose server has a damaged file for the consumer that nobody reads."""

    async def ensure(
        self, streams: Sequence[StreamSpec], consumers: Sequence[ConsumerSpec]
    ) -> tuple[str, ...]:
        if any(one.name == subjects.RESULTS_BEFORE_EPOCHS for one in consumers):
            raise UnreachableError(REJECTED)
        return await super().ensure(streams, consumers)


async def test_a_damaged_placeholder_keeps_no_coordinator_from_its_work_and_is_logged(
    capsys: pytest.CaptureFixture[str],
) -> None:
    broker = MemoryBroker()
    bus = broker.connect()
    async with running(Damaged(broker), MemoryStore()), at_work(FakeWorker(bus=bus)):
        run = await finished(bus, (await enable(bus)).run_id)
        assert (run.done, run.unanswered) == (1, 0)
    logged = capsys.readouterr().out
    assert "coordinators of a release before epochs are not kept from acting" in logged
    assert REJECTED in logged
