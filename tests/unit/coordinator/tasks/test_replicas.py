"""A nats-server is named when its replicas stay behind, and only for as long as they do."""

from __future__ import annotations

import pytest

from stt_coordinator.tasks.replicas import Replicas
from stt_shared.bus.memory import MemoryBroker
from stt_shared.errors import UnreachableError


async def seen(replicas: Replicas) -> list[str]:
    await replicas.compare()
    return list(replicas.degraded)


async def test_a_server_is_named_at_the_second_look_and_until_its_replicas_are_up_to_date() -> None:
    broker = MemoryBroker()
    replicas = Replicas(broker.connect())
    broker.behind = {"n1", "n2"}
    assert await seen(replicas) == []  # as after each election
    broker.behind = {"n0", "n1"}
    (sentence,) = await seen(replicas)
    assert sentence.startswith("replicas are not up to date on nats-server n1: nothing is lost")
    broker.down = True
    with pytest.raises(UnreachableError):
        await seen(replicas)
    assert list(replicas.degraded) == [sentence]  # no report that they came back
    broker.down = False
    broker.behind = set()
    assert await seen(replicas) == []
