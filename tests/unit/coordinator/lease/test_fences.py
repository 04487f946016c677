"""Fences and consumers name epochs; whatever else somebody wrote there stops no coordinator."""

from __future__ import annotations

import pytest

from stt_coordinator.lease.fence import Fences
from stt_shared.bus.memory import MemoryBroker
from stt_shared.bus.values import Outgoing
from stt_shared.protocol import subjects

NO_EPOCHS = ["\u00b2", "\u0663", "9" * 19, "9" * 5_000, "-1", "", "two"]


@pytest.mark.parametrize("text", NO_EPOCHS)
async def test_a_fence_that_names_no_epoch_is_behind_all_that_do(text: str) -> None:
    bus = MemoryBroker().connect()
    await bus.ensure(subjects.STREAMS, ())
    subject = subjects.fence(subjects.STREAM_TICKS, 1, 1)
    await bus.publish([Outgoing(subject=subject, data=text.encode())])
    assert await Fences(bus).read() == 0


@pytest.mark.parametrize("text", NO_EPOCHS)
def test_a_consumer_that_names_no_epoch_is_none_of_a_coordinator(text: str) -> None:
    assert subjects.epoch_of_consumer(f"{subjects.RESULTS_STEM}{text}") is None
    assert subjects.epoch_of_consumer(text) is None


def test_the_epochs_of_consumers_are_read() -> None:
    assert subjects.epoch_of_consumer("results-12") == 12
    assert subjects.epoch_of_consumer("aggregator") == 0
