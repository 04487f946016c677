"""Results that change nothing have a budget for each worker; what answers a job costs nothing."""

from __future__ import annotations

import pytest

from stt_coordinator.tasks.guards.unused_results import HOUR_S, MIB, UnusedResults, delete_handled
from stt_shared import clock
from stt_shared.bus.memory import MemoryBroker
from stt_shared.bus.values import Delivery, Outgoing
from stt_shared.protocol import subjects
from stt_shared.protocol.enums import Family


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(clock, "monotonic", lambda: now[0])
    return now


def delivery(size: int, worker: str = "w1", sequence: int = 1) -> Delivery:
    subject = subjects.result(Family.MYSQL, "eu", "t1", worker)
    return Delivery(
        subject=subject, data=b"x" * size, headers={}, sequence=sequence, delivered=1, lease="l"
    )


def test_sender_above_its_budget_is_named_until_half_of_it_is_there_again(at: list[float]) -> None:
    unused = UnusedResults(mib_per_hour=1)
    unused.charge([delivery(MIB // 2)])
    assert (unused.exceeded, unused.degraded, unused.due()) == (frozenset(), (), {})
    unused.charge([delivery(MIB // 2), delivery(1, "w2")])
    assert unused.exceeded == {("eu", "w1")}
    (sentence,) = unused.degraded
    assert "worker w1 of site eu" in sentence
    assert "limits.unused_results_mib_per_hour is 1" in sentence
    at[0] += HOUR_S * 0.6
    assert (unused.exceeded, unused.degraded) == (frozenset(), ())


def test_a_status_names_the_first_senders_and_counts_the_others(at: list[float]) -> None:
    unused = UnusedResults(mib_per_hour=1)
    for number in range(30):
        unused.charge([delivery(2 * MIB, f"w{number:02}")])
    assert len(unused.exceeded) == 30
    assert len(unused.degraded) == 6
    assert unused.degraded[-1].startswith("25 more workers send too many results")
    assert at == [100.0]


def test_small_messages_cost_more_than_their_bytes(at: list[float]) -> None:
    unused = UnusedResults(mib_per_hour=1)
    unused.charge([delivery(1)] * 256)
    assert unused.exceeded == {("eu", "w1")}
    assert at == [100.0]


def test_handled_messages_are_due_for_deletion_also_while_no_new_ones_come(
    at: list[float],
) -> None:
    unused = UnusedResults(mib_per_hour=1)
    unused.charge([delivery(MIB, sequence=7), delivery(1, sequence=5)])
    assert unused.due() == {}
    at[0] += 1
    assert unused.due() == {("eu", "w1"): 7}
    at[0] += 1
    assert unused.due() == {}


@pytest.mark.parametrize("is_shared", [False, True])
async def test_one_result_that_waits_keeps_no_flood_on_the_stream(
    at: list[float], *, is_shared: bool
) -> None:
    broker, results = MemoryBroker(), subjects.results_consumer(1)
    bus = broker.connect()
    await bus.ensure(subjects.STREAMS, [results])
    for worker in ("w2", *["w1"] * 20):
        subject = subjects.result(Family.MYSQL, "eu", "t1", worker)
        await bus.publish([Outgoing(subject=subject, data=b"x")])
    kept = broker.streams[subjects.STREAM_RESULTS].messages
    unused = UnusedResults(0, is_shared=is_shared)
    async with bus.consume(results.stream, results.name, capacity=99) as inbox:
        waits, *flood = await inbox.take(99, wait=1)
        await inbox.ack(flood)
        unused.charge(flood)
        at[0] += 1
        await unused.delete_due(bus, results)
        # Of what follows `waits` another coordinator may have taken something.
        assert len(kept) == (21 if is_shared else 1)
        await inbox.ack([waits])
        at[0] += 10
        await unused.delete_due(bus, results)
        assert list(kept) == [1]
        at[0] += 10
        assert unused.due() == {}


async def test_only_recorded_messages_of_the_sender_are_deleted() -> None:
    broker, results = MemoryBroker(), subjects.results_consumer(1)
    bus = broker.connect()
    await bus.ensure(subjects.STREAMS, [results])
    for worker in ("w1", "w2", "w1", "w1"):
        subject = subjects.result(Family.MYSQL, "eu", "t1", worker)
        await bus.publish([Outgoing(subject=subject, data=b"x")])
    kept = broker.streams[subjects.STREAM_RESULTS].messages
    async with bus.consume(results.stream, results.name, capacity=9) as inbox:
        given = await inbox.take(9, wait=1)
        # What is between, another coordinator has received and may not have recorded.
        await inbox.ack([given[0], given[1], given[3]])
        await delete_handled(bus, results, ("eu", "w1"), 1)
        await delete_handled(bus, results, ("eu", "w1"), 4)
        assert sorted(kept) == [2, 3, 4]
        await delete_handled(bus, results, ("eu", "*"), 9)  # a name that is none deletes nothing
        await inbox.ack([given[2]])
        await delete_handled(bus, results, ("eu", "w1"), 3)
        assert sorted(kept) == [2, 4]
