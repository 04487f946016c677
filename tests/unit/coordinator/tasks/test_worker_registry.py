"""Who is here: workers come and go, targets are gone only when nobody lists them any more."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from stt_coordinator.store.memory.store import Kept, MemoryStore
from stt_coordinator.store.port import Store
from stt_coordinator.tasks.wakeups import Wakeups
from stt_coordinator.tasks.worker_registry import WorkerRegistry
from stt_shared import clock
from stt_shared.bus.memory import MemoryBroker
from stt_shared.bus.values import LiveMessage
from stt_shared.errors import UnreachableError
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.enums import Family
from stt_shared.protocol.messages import AnnouncedTarget, Announcement
from tests.support.coordinator.coordination import NOW, QUICK
from tests.support.coordinator.ledgers import leaving, target_of
from tests.support.coordinator.pair import Link, LinkedStore


class RegistrySite:
    """Presence with a clock that the test moves."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.at = NOW
        self.passed_s = 0.0
        monkeypatch.setattr(clock, "now", lambda: self.at)
        monkeypatch.setattr(clock, "monotonic", lambda: self.passed_s)
        self.broker = MemoryBroker()
        self.store: Store = MemoryStore()
        self.registry = self.fresh()

    def fresh(self) -> WorkerRegistry:
        return WorkerRegistry(
            bus=self.broker.connect(), store=self.store, wakeups=Wakeups(), timing=QUICK
        )

    async def say(
        self,
        worker: str,
        *targets: str,
        site: str = "eu",
        family: Family = Family.MYSQL,
        leaving: bool = False,
        labels: dict[str, str] | None = None,
    ) -> None:
        announcement = Announcement(
            worker=worker,
            site=site,
            version="1",
            started=NOW,
            at=self.at,
            targets=tuple(
                AnnouncedTarget(target=t, family=family, labels=labels or {}) for t in targets
            ),
            pack="",
            leaving=leaving,
        )
        self.hear(subjects.announce(site, worker), codec.encode(announcement))
        await self.registry.record()

    def hear(self, subject: str, data: bytes) -> None:
        self.registry.hear(LiveMessage(subject=subject, data=data))

    async def later(self, **parts: float) -> None:
        self.at += timedelta(**parts)
        self.passed_s += timedelta(**parts).total_seconds()
        await self.registry.record()

    async def workers(self) -> dict[str, str]:
        return {
            w.worker: w.state for w in await self.store.read(lambda ledger: ledger.fleet.workers())
        }

    async def gone(self) -> set[str]:
        rows = await self.store.read(lambda ledger: ledger.fleet.all_targets())
        return {row.target for row in rows if row.gone}


@pytest.fixture
async def site(monkeypatch: pytest.MonkeyPatch) -> RegistrySite:
    made = RegistrySite(monkeypatch)
    await made.broker.connect().ensure(subjects.STREAMS, [])
    return made


async def test_announced_targets_are_known_and_their_queue_is_made(site: RegistrySite) -> None:
    await site.say("w1", "t1", "t2", labels={"env": "prod"})
    row = await target_of(site.store)
    assert (row.site, row.workers, row.labels, row.state) == (
        "eu",
        ("w1",),
        {"env": "prod"},
        "never",
    )
    assert (subjects.STREAM_JOBS, "w_eu_mysql") in site.broker.consumers
    assert await leaving(site.store, "event.worker") == ["stt.v1.event.worker.up.eu"]


async def test_worker_that_misses_three_announcements_is_down_once_and_its_targets_stay(
    site: RegistrySite,
) -> None:
    await site.say("w1", "t1")
    await site.later(seconds=45)
    assert await site.workers() == {"w1": "up"}
    await site.later(seconds=1)
    await site.later(seconds=1)
    assert await site.workers() == {"w1": "down"}
    assert await site.gone() == set()
    await site.say("w1", "t1")
    assert await leaving(site.store, "event.worker") == [
        "stt.v1.event.worker.up.eu",
        "stt.v1.event.worker.down.eu",
        "stt.v1.event.worker.up.eu",
    ]


@pytest.mark.parametrize("hours", [365 * 24, -1])
async def test_a_wall_clock_that_jumps_makes_no_worker_silent_and_hides_no_silent_one(
    site: RegistrySite, hours: int
) -> None:
    await site.say("w1", "t1")
    site.at += timedelta(hours=hours)
    await site.later(seconds=45)
    assert await site.workers() == {"w1": "up"}
    await site.later(seconds=1)
    assert await site.workers() == {"w1": "down"}


async def test_worker_that_leaves_is_down_at_once_and_keeps_its_targets(site: RegistrySite) -> None:
    await site.say("w1", "t1")
    await site.say("w1", "t1", leaving=True)
    assert (await site.workers(), await site.gone()) == ({"w1": "down"}, set())


async def test_target_that_no_live_worker_lists_any_more_is_gone_and_comes_back(
    site: RegistrySite,
) -> None:
    await site.say("w1", "t1", "t2")
    await site.say("w2", "t1")
    await site.say("w1", "t1")
    assert await site.gone() == {"t2"}
    await site.say("w1")
    assert await site.gone() == {"t2"}
    await site.say("w2")
    assert await site.gone() == {"t1", "t2"}
    await site.say("w2", "t2")
    assert await site.gone() == {"t1"}


async def test_coordinator_that_was_away_takes_nobody_for_down_before_it_listened(
    site: RegistrySite,
) -> None:
    await site.say("w1", "t1")
    site.at += timedelta(days=2)
    site.registry = site.fresh()
    await site.later(seconds=30)
    assert await site.workers() == {"w1": "up"}
    await site.later(seconds=30)
    assert await site.workers() == {"w1": "down"}


async def test_name_that_belongs_to_another_site_is_refused_and_reported(
    site: RegistrySite,
) -> None:
    await site.say("w1", "t1")
    await site.say("w2", "t1", "t2", site="us")
    assert (await target_of(site.store)).site == "eu"
    assert (await target_of(site.store, "t2")).site == "us"
    (sentence,) = site.registry.degraded
    assert "worker w2 of site us announces mysql target t1" in sentence
    assert await leaving(site.store, "event.target") == ["stt.v1.event.target.claimed.mysql.eu.t1"]
    # A coordinator that was restarted hears the same claim: it is in the status, no second event.
    site.registry = site.fresh()
    await site.say("w2", "t1", "t2", site="us")
    assert len(site.registry.degraded) == 1
    assert len(await leaving(site.store, "event.target")) == 1


async def test_owner_that_is_silent_loses_its_target_only_after_the_setting(
    site: RegistrySite,
) -> None:
    await site.say("w1", "t1")
    for _ in range(24 * 60 - 1):
        await site.later(seconds=45)
        await site.say("w2", "t1", site="us")
    assert (await target_of(site.store)).site == "eu"
    for _ in range(600):
        await site.later(seconds=45)
        await site.say("w2", "t1", site="us")
    assert (await target_of(site.store)).site == "us"
    assert (await leaving(site.store, "event.target"))[-1] == (
        "stt.v1.event.target.moved.mysql.us.t1"
    )


async def test_time_in_which_nobody_is_heard_proves_no_silence(site: RegistrySite) -> None:
    await site.say("w1", "t1")
    await site.say("w2", site="us")
    await site.later(days=400)
    await site.say("w2", "t1", site="us")
    assert (await target_of(site.store)).site == "eu"
    await site.say("w1", "t1")
    assert (await target_of(site.store)).workers == ("w1",)


async def test_target_that_moved_is_served_where_it_is_now(site: RegistrySite) -> None:
    await site.say("w1", "t1")
    await site.say("w1")
    await site.say("w2", "t1", site="us")
    row = await target_of(site.store)
    assert (row.site, row.workers, row.gone) == ("us", ("w2",), False)


@pytest.mark.parametrize(
    ("subject", "data"),
    [
        ("stt.v1.announce.eu.w1", b"\xff"),
        ("stt.v1.announce.eu.w1", b'{"schema": "stt.announcement/v9"}'),
        ("stt.v1.announce.us.w1", b""),
        ("stt.v1.announce.eu.other", b""),
    ],
)
async def test_rubbish_and_lies_among_announcements_are_left_out(
    site: RegistrySite, subject: str, data: bytes
) -> None:
    announcement = Announcement(
        worker="w1", site="eu", version="", started=NOW, at=NOW, targets=(), pack=""
    )
    site.hear(subject, data or codec.encode(announcement))
    await site.registry.record()
    assert await site.workers() == {}


async def test_announcement_heard_while_the_broker_was_away_is_entered_later(
    site: RegistrySite,
) -> None:
    site.broker.down = True
    with pytest.raises(UnreachableError):
        await site.say("w1", "t1")
    site.broker.down = False
    await site.registry.record()
    assert (subjects.STREAM_JOBS, "w_eu_mysql") in site.broker.consumers


def test_down_means_three_announcements_missed() -> None:
    started: datetime = NOW
    assert started + QUICK.worker_down == NOW + timedelta(seconds=45)


async def test_nothing_is_written_while_nobody_is_heard_or_falls_silent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site, link = RegistrySite(monkeypatch), Link()
    site.store = LinkedStore(Kept(), link)
    site.registry = site.fresh()
    site.broker.ensure(subjects.STREAMS, [])
    await site.say("w1", "t1")
    assert link.written == 1
    for _ in range(3):
        await site.later(seconds=10)
    assert (link.written, site.registry.sites) == (1, {"w1": "eu"})
    await site.later(seconds=60)
    assert link.written == 2
    assert await site.workers() == {"w1": "down"}
    await site.later(seconds=60)
    assert link.written == 2
