"""A coordinator that waits says behind whom: to people, probes, Prometheus and who acts."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest
from litestar.testing import TestClient

from stt_coordinator.lease.fence import FencedBus, Fences
from stt_coordinator.lease.memory import Held
from stt_coordinator.lease.port import Claimant
from stt_coordinator.lease.standbys import MAX_STANDBYS, Standbys
from stt_coordinator.lease.term import Term
from stt_coordinator.store.memory.store import Kept, MemoryStore
from stt_coordinator.store.port import Store, StoreDeposedError
from stt_coordinator.web.standby import standby_application
from stt_shared import clock
from stt_shared.bus.memory import MemoryBroker, MemoryBus
from stt_shared.bus.values import Outgoing, Publication
from stt_shared.errors import ConfigError, UnreachableError
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.coordinators import CoordinatorInfo, Standby
from stt_shared.report.views.status import coordinator_sentence
from tests.support.coordinator.elections import TTL_S, A, B, election

LIMIT_S = 60.0
NOW = datetime(2026, 11, 30, 2, 0, tzinfo=UTC)


class Clock:
    """An uptime that only a test moves."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


class Old(MemoryBus):
    """A bus on nats-server 2.10."""

    def can_fence(self) -> bool:
        return False


async def test_a_standby_says_behind_whom_it_waits_and_takes_over(tmp_path: Path) -> None:
    broker, stop = MemoryBroker(), asyncio.Event()
    held = Held(uptime=(uptime := Clock()))
    first = await election(broker.connect(), held, A, tmp_path).won(stop)
    assert first is not None
    standby = election(broker.connect(), held, B, tmp_path)
    heard = Standbys(broker.connect(), silent_s=60.0)
    listening = asyncio.create_task(heard.listen())
    async with first.acting(stop):
        waiting = asyncio.create_task(standby.won(stop))
        await asyncio.wait_for(standby.waits.wait(), LIMIT_S)
        for _ in range(4):
            uptime.now += TTL_S / 2
            async with asyncio.timeout(LIMIT_S):
                while held.until < uptime.now + TTL_S:  # noqa: ASYNC110  # of a renewal nobody tells
                    await asyncio.sleep(0.01)
            assert not waiting.done()
        assert standby.sentence().startswith("standby behind a on one since ")
        (one,) = heard.present()
        assert (one.name, one.host, one.obstacle) == ("b", "two", "")
        info = first.info(heard.present())
        assert (info.name, info.epoch, info.fenced) == ("a", 1, True)
    second = await asyncio.wait_for(waiting, LIMIT_S)
    assert second is not None
    assert second.term.epoch == 2
    listening.cancel()


async def test_another_store_is_refused_unless_it_adopts(tmp_path: Path) -> None:
    broker, held, stop = MemoryBroker(), Held(), asyncio.Event()
    assert await election(broker.connect(), held, A, tmp_path).won(stop)
    other = Claimant(holder="c1", name="c", host="three", store="t")
    with pytest.raises(ConfigError) as refused:
        await election(broker.connect(), held, other, tmp_path).won(stop)
    assert "another coordinator owns this installation: a on one with store s" in (
        refused.value.message
    )
    assert "stt coordinator --adopt" in refused.value.hint
    adopting = await election(broker.connect(), held, other, tmp_path, adopts=True).won(stop)
    assert adopting is not None
    assert adopting.term.epoch == 2


@pytest.mark.parametrize("adopts", [False, True])
async def test_a_standby_whose_store_was_exchanged_does_not_act(
    tmp_path: Path, *, adopts: bool
) -> None:
    held, opened = Held(), MemoryStore(Kept(identity="elsewhere"))
    standby = election(MemoryBroker().connect(), held, B, tmp_path, adopts=adopts)

    async def open_store() -> Store:
        return opened

    standby.open_store = open_store
    with pytest.raises(ConfigError, match="it has the id elsewhere, and had s"):
        await standby.won(asyncio.Event())
    assert held.record is None
    assert await opened.epoch() == 0


@pytest.mark.parametrize("other", [9, 0], ids=["later", "earlier"])
async def test_whoever_is_deposed_in_the_store_stops_acting_and_has_to_win_again(
    tmp_path: Path, other: int
) -> None:
    kept, stop = Kept(identity=A.store), asyncio.Event()
    one = election(MemoryBroker().connect(), Held(), A, tmp_path)

    async def open_store() -> Store:
        return MemoryStore(kept)

    one.open_store = open_store
    first = await one.won(stop)
    assert first is not None
    async with first.acting(stop) as ended:
        kept.epoch = other
        with pytest.raises(StoreDeposedError):
            await first.store.probe_write()
        with pytest.raises(UnreachableError, match=f"has epoch {other}: this"):
            first.term.require()
        (receipt,) = await first.bus.publish([Outgoing(subject="stt.v1.tick.a.b", data=b"")])
        assert receipt.publication is Publication.FAILED
        await asyncio.wait_for(ended.wait(), LIMIT_S)
    second = await asyncio.wait_for(one.won(stop), LIMIT_S)
    assert second is not None
    assert second.term.epoch == max(other, first.term.epoch) + 1
    await second.store.probe_write()


async def test_without_fences_a_second_coordinator_is_refused(tmp_path: Path) -> None:
    broker, held, stop = MemoryBroker(), Held(), asyncio.Event()
    first = await election(Old(broker), held, A, tmp_path).won(stop)
    assert first is not None
    async with first.acting(stop):
        with pytest.raises(ConfigError, match=r"needs nats-server 2\.11"):
            await election(Old(broker), held, B, tmp_path).won(stop)
        # What it writes itself carries no fence there: every message would be refused.
        (receipt,) = await first.bus.publish([Outgoing(subject="stt.v1.tick.a.b", data=b"")])
        assert receipt.publication is Publication.STORED


async def test_what_a_deposed_coordinator_sends_late_is_refused_by_the_stream(
    tmp_path: Path,
) -> None:
    broker, stop = MemoryBroker(), asyncio.Event()
    held = Held()
    first = await election(broker.connect(), held, A, tmp_path).won(stop)
    assert first is not None
    held.until = 0.0
    second = await election(broker.connect(), held, B, tmp_path).won(stop)
    assert second is not None
    # Its own term looks valid, as for a process that was stopped after it had looked.
    late = FencedBus(broker.connect(), Term(1, begun=held.uptime(), ttl_s=60.0), first.fences)
    message = Outgoing(subject="stt.v1.job.mysql.eu.t1", data=b"late")
    (receipt,) = await late.publish([message])
    assert receipt.publication is Publication.FAILED
    assert "taken over" in receipt.reason
    assert await broker.connect().last(subjects.STREAM_JOBS, message.subject) is None
    (receipt,) = await second.bus.publish([message])
    assert receipt.publication is Publication.STORED


async def test_fences_that_a_stream_has_lost_are_written_again() -> None:
    broker = MemoryBroker()
    bus = broker.connect()
    await bus.ensure(subjects.STREAMS, ())
    fences = Fences(bus)
    await fences.read()
    await fences.raise_to(3)
    broker.streams[subjects.STREAM_JOBS].messages.clear()
    await fences.keep(3)
    last = await bus.last(subjects.STREAM_JOBS, subjects.fences(subjects.STREAM_JOBS))
    assert last is not None
    assert (last.data, last.sequence) == (b"3", fences.sequences[subjects.STREAM_JOBS])


def test_what_an_active_coordinator_commits_wakes_the_leader_once() -> None:
    woken: list[str] = []
    heard = Standbys(MemoryBroker().connect(), silent_s=60.0, changed=lambda: woken.append("w"))

    def says(changes: int, *, active: bool = True) -> int:
        one = Standby(name="b", host="two", since=NOW, active=active, changes=changes)
        heard.hear(codec.encode(one))
        return len(woken)

    assert [says(0, active=False), says(0), says(1), says(1), says(2)] == [0, 0, 1, 1, 2]


def test_standbys_are_bounded_and_what_is_no_standby_is_dropped() -> None:
    heard = Standbys(MemoryBroker().connect(), silent_s=60.0)
    heard.hear(b"\xff")
    heard.hear(codec.encode(Standby(name="n" * 201, host="h", since=NOW)))
    assert heard.present() == ()
    for number in range(MAX_STANDBYS + 5):
        heard.hear(codec.encode(Standby(name=f"n{number:02}", host="h", since=NOW)))
    assert len(heard.present()) == MAX_STANDBYS
    assert heard.degraded == (
        f"more than {MAX_STANDBYS} other coordinators announce themselves, not all shown",
    )
    assert Standbys(heard.bus, silent_s=0.0).present() == ()


def test_one_for_which_there_is_no_room_wakes_the_leader_all_the_same() -> None:
    woken: list[str] = []
    heard = Standbys(MemoryBroker().connect(), silent_s=60.0, changed=lambda: woken.append("w"))
    for number in range(MAX_STANDBYS):
        heard.hear(codec.encode(Standby(name=f"n{number:02}", host="h", since=NOW)))
    late = Standby(name="late", host="h", since=NOW, active=True, changes=1)
    heard.hear(codec.encode(late))
    assert woken == ["w"]


def test_two_of_one_name_are_two_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    at = 100.0
    monkeypatch.setattr(clock, "uptime", lambda: at)
    woken: list[float] = []
    heard = Standbys(MemoryBroker().connect(), silent_s=15.0, changed=lambda: woken.append(at))

    def say(instance: str, changes: int) -> None:
        one = Standby(
            name="b", host="h", instance=instance, since=NOW, active=True, changes=changes
        )
        heard.hear(codec.encode(one))

    say("i1", 4)
    at += 1
    say("i2", 4)  # it was started again: nothing says that both live
    assert (len(heard.present()), heard.degraded, woken) == (2, (), [100.0, 101.0])
    at += 1
    say("i1", 5)
    say("i2", 5)
    assert woken == [100.0, 101.0, 102.0, 102.0]
    assert heard.degraded == (
        "several coordinators have the name b: give each its own by coordinator.name",
    )
    at += 20
    assert not heard.present()


@pytest.mark.parametrize(
    ("name", "instance", "is_named"),
    [("a", "", True), ("a", "other", True), ("a", A.holder[:8], False), ("b", "other", False)],
)
def test_one_that_has_the_name_of_the_leader_is_named(
    name: str, instance: str, *, is_named: bool
) -> None:
    heard = Standbys(MemoryBroker().connect(), silent_s=15.0, own=A)
    heard.hear(codec.encode(Standby(name=name, host="h", instance=instance, since=NOW)))
    assert bool(heard.degraded) == is_named
    assert all("several coordinators have the name a" in one for one in heard.degraded)


def test_the_status_names_the_leader_who_is_active_and_who_stands_by() -> None:
    info = CoordinatorInfo(name="a", host="one", epoch=3, since=NOW, store="s")
    sentence = coordinator_sentence(info, NOW)
    assert sentence.startswith("leader a on one since ")
    assert sentence.endswith("(epoch 3), standby: none")
    active = Standby(name="c", host="three", since=NOW, active=True)
    info = CoordinatorInfo(name="a", host="one", epoch=3, since=NOW, store="s", standbys=(active,))
    assert coordinator_sentence(info, NOW).endswith("also active: c on three, standby: none")
    behind = Standby(name="b", host="two", since=NOW, obstacle="the folder is locked")
    info = CoordinatorInfo(name="a", host="one", epoch=3, since=NOW, store="s", standbys=(behind,))
    assert coordinator_sentence(info, NOW).endswith("standby: b on two (the folder is locked)")


@pytest.mark.parametrize("is_hidden", [False, True])
def test_the_page_of_a_standby_answers_probes_and_names_nobody_to_strangers(
    *, is_hidden: bool
) -> None:
    sentence = "standby behind a on one since T"
    with TestClient(standby_application(lambda: sentence, is_hidden=is_hidden)) as client:
        assert (client.get("/healthz").status_code, client.get("/healthz").text) == (200, "ok")
        ready, page, deep = client.get("/readyz"), client.get("/"), client.get("/findings/f_1")
        assert [ready.status_code, page.status_code, deep.status_code] == [503, 503, 503]
        assert ("on one" in ready.text) is not is_hidden
        assert ("on one" in page.text) is not is_hidden
        assert "standby" in page.text
        metrics = client.get("/metrics").text
        assert "stt_coordinator_acting 0.0" in metrics
        assert "stt_coordinator_active 0.0" in metrics
        assert "stt_build_info" in metrics
