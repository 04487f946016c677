"""A coordinator that reaches NATS and not the store leaves the work to those that reach it."""

from __future__ import annotations

from pathlib import Path

import pytest

from stt_coordinator.control import control_commands
from stt_coordinator.lease.fenced_store import StoreWatch
from stt_coordinator.tasks.ingest import CAPACITY
from stt_shared.protocol.control import SwitchRequest
from stt_shared.protocol.coordinators import Standby
from stt_shared.protocol.subjects import MAX_UNACKED_SHARED
from tests.support.coordinator.coordination import FakeWorker, at_work, finished, until
from tests.support.coordinator.pair import TARGETS, Pair, working

TTL_S = 1.5


def test_two_coordinators_that_hold_all_they_can_leave_deliveries_for_a_third() -> None:
    assert MAX_UNACKED_SHARED > 2 * CAPACITY


async def test_what_it_holds_is_recorded_by_the_leader_and_the_leader_names_it(
    tmp_path: Path,
) -> None:
    async with working(Pair(tmp_path, ttl_s=TTL_S)) as pair:
        bus, leader = pair.broker.connect(), pair.contexts["a"]
        async with at_work(FakeWorker(bus=bus, targets=TARGETS)) as worker:
            await until(lambda: len(pair.kept.tables.targets) == len(TARGETS))
            pair.links["b"].is_cut = True
            made = await control_commands.enable(leader, SwitchRequest(by="ann", reason="r"))
            await until(lambda: made.run_id in pair.kept.tables.runs)
            await until(lambda: any("b on two: no route" in one for one in leader.degraded()))
            await until(lambda: pair.kept.tables.runs[made.run_id].done == len(TARGETS))
            assert pair.links["b"].is_cut
            assert len(worker.published) == len(TARGETS)
            ended = [(False, "no route to the store")]
            await until(lambda: [(one.active, one.obstacle) for one in standbys(pair)] == ended)
            pair.links["b"].is_cut = False
            await until(lambda: [one.active for one in standbys(pair)] == [True])
            await until(lambda: not any("no route" in one for one in leader.degraded()))


def standbys(pair: Pair) -> tuple[Standby, ...]:
    found = pair.contexts["a"].leader()
    return found.standbys if found else ()


async def test_a_leader_that_is_cut_off_hands_over_to_one_that_reaches_the_store(
    tmp_path: Path,
) -> None:
    async with working(Pair(tmp_path, ttl_s=TTL_S)) as pair:
        bus = pair.broker.connect()
        async with at_work(FakeWorker(bus=bus, targets=TARGETS)):
            await until(lambda: len(pair.kept.tables.targets) == len(TARGETS))
            await until(lambda: [one.active for one in standbys(pair)] == [True])
            pair.links["a"].is_cut = True
            await until(lambda: pair.leader() == "b")
            request = SwitchRequest(by="ann", reason="r")
            await until(lambda: pair.contexts["b"].leads)
            made = await control_commands.enable(pair.contexts["b"], request)
            run = await finished(bus, made.run_id)
            assert (run.done, run.unanswered) == (len(TARGETS), 0)
            pair.links["a"].is_cut = False


async def test_a_leader_that_is_cut_off_hands_over_to_nobody_with_an_obstacle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = Pair(tmp_path, ttl_s=TTL_S)
    looks: list[bool] = []  # of the leader at its store; whether b had an obstacle by then

    async def unreached(watch: StoreWatch) -> str:
        if watch.most_s <= TTL_S:  # of b, which reaches the store
            return ""
        looks.append(any(one.obstacle for one in standbys(pair)))
        return "the store is out of reach" if any(looks) else ""

    monkeypatch.setattr(StoreWatch, "inspect", unreached)
    async with working(pair):
        pair.troubles["b"].report("page", "no page")
        await until(lambda: sum(looks) > 2)
        assert [(one.active, one.obstacle) for one in standbys(pair)] == [(True, "no page")]
        assert pair.held.record is not None
        assert pair.held.record.epoch == 1
        pair.troubles["b"].resolve("page")
        await until(lambda: pair.held.record is not None and pair.held.record.epoch > 1)


async def test_while_nobody_reaches_the_store_the_leader_stays(tmp_path: Path) -> None:
    async with working(Pair(tmp_path, ttl_s=TTL_S)) as pair:
        await until(lambda: [one.active for one in standbys(pair)] == [True])
        for link in pair.links.values():
            link.is_cut = True
        await until(lambda: [one.active for one in standbys(pair)] == [False])
        await until(pair.contexts["a"].degraded)
        assert pair.held.record is not None
        assert (pair.leader(), pair.held.record.epoch) == ("a", 1)
        for link in pair.links.values():
            link.is_cut = False
        await until(lambda: [one.active for one in standbys(pair)] == [True])
        assert (pair.leader(), pair.held.record.epoch) == ("a", 1)


async def test_what_one_alone_cannot_write_others_record(tmp_path: Path) -> None:
    async with working(Pair(tmp_path, ttl_s=TTL_S)) as pair:
        bus, leader = pair.broker.connect(), pair.contexts["a"]
        async with at_work(FakeWorker(bus=bus, targets=TARGETS)):
            await until(lambda: len(pair.kept.tables.targets) == len(TARGETS))
            pair.links["b"].is_full = True
            made = await control_commands.enable(leader, SwitchRequest(by="ann", reason="r"))
            run = await finished(bus, made.run_id)
            assert (run.done, run.unanswered) == (len(TARGETS), 0)
            # It reads, answers and shows the page; and the leader names what does not work.
            assert [one.active for one in standbys(pair)] == [True]
            await until(lambda: any("b on two: no room" in one for one in leader.degraded()))
            pair.links["b"].is_full = False
            await until(lambda: not any("no room" in one for one in leader.degraded()))
