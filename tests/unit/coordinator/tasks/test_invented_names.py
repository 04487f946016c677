"""Names that a stranger invents leave memory, store and NATS bounded, and are named."""

from __future__ import annotations

import pytest

from stt_coordinator.domain.intake import ceilings, names
from stt_coordinator.tasks.guards import unused_results, waiting_announcements
from stt_coordinator.tasks.guards.names_left_out import SHOWN_S
from stt_coordinator.tasks.guards.unused_results import MESSAGE_COST, MIB, UnusedResults
from stt_shared.bus.values import Delivery
from stt_shared.protocol import subjects
from tests.support.coordinator.announcing import Site
from tests.support.coordinator.coordination import passed
from tests.support.coordinator.ledgers import planned, recorded, result, worker_record

INVENTED = 90_000
BATCH = 15_000


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Site:
    return Site(monkeypatch)


async def test_ninety_thousand_invented_workers_and_sites_are_bounded_and_named(
    site: Site,
) -> None:
    await site.announce("genuine", "orders", site="eu", epoch="genuine0")
    for batch in range(0, INVENTED, BATCH):
        for number in range(batch, batch + BATCH):
            name = f"x{number}"
            site.hear(name, f"t{number}", site=f"s{number}", epoch=f"e{number}")
        site.hear("genuine", "orders", site="eu", epoch="genuine0")
        await site.later(5)
    assert len(await site.workers()) <= names.MAX_SITES, "each brought a site of its own"
    assert len(site.registry.consumers.specs) <= names.MAX_SITES
    assert max(site.kept().values()) <= names.MAX_SITES, site.kept()
    assert any("1000 sites are known, the limit: " in one for one in site.registry.degraded)
    assert (await site.targets())["orders"].workers == ("genuine",)
    await site.later(SHOWN_S + 1)
    assert not any("sites are known" in one for one in site.registry.degraded)


async def test_invented_workers_of_one_site_are_bounded_and_displace_nobody(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(names, "MAX_WORKERS", 50)
    await site.announce("genuine", "orders", epoch="genuine0")
    for number in range(400):
        await site.announce(f"x{number}", f"t{number}", epoch=f"e{number}")
    await site.announce("genuine", "orders", "books", epoch="genuine0")
    assert len(await site.workers()) == 50
    assert len(await site.targets()) == 51, "a known worker still brings new targets"
    assert max(site.kept().values()) <= 50
    (sentence,) = site.registry.degraded
    assert sentence.startswith("50 workers are known, the limit: 1 announcements of new workers")


async def test_newcomer_in_a_flood_of_names_is_left_out_with_the_reason_and_comes_in_when_it_ends(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting_announcements, "MAX_WAITING", 10)
    await site.announce("genuine", "orders", epoch="genuine0")
    for number in range(40):
        site.hear(f"x{number}", f"t{number}", epoch=f"e{number}")
    site.hear("newcomer", "books", epoch="newcomer")
    site.hear("genuine", "orders", epoch="genuine0")
    (sentence,) = site.registry.degraded
    assert sentence == (
        "more than 10 announcements wait to be recorded, the limit: 31 of new workers were left"
        " out, each is recorded with its next announcement, at most 15 s after the flood ends"
    )
    await site.later(15)
    assert "newcomer" not in await site.workers()
    assert not any("doubles" in one for one in site.registry.degraded)
    site.hear("newcomer", "books", epoch="newcomer")
    await site.later(1)
    assert (await site.workers())["newcomer"] == "up"
    assert (await site.targets())["books"].workers == ("newcomer",)
    await site.later(waiting_announcements.SHOWN_S)
    assert site.registry.degraded == ()


async def test_a_worker_with_too_many_doubles_is_named_for_them_also_in_a_flood(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting_announcements, "MAX_WAITING", 10)
    for number in range(10):
        site.hear("w1" if number < 6 else f"x{number}", f"t{number}", epoch=f"e{number}")
    site.hear("w1", "t", epoch="another0")
    assert site.registry.degraded == ("worker w1 has more than 4 doubles: the others are left out",)


async def test_targets_of_all_workers_together_are_bounded_and_named(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ceilings, "MAX_TARGETS", 30)
    for number in range(20):
        invented = [f"t{number}-{n}" for n in range(4)]
        site.hear(f"x{number}", *invented, epoch=f"e{number}")
    await site.later(1)
    assert len(await site.targets()) == 30
    assert all(one.endswith("30 targets are known, the limit") for one in site.registry.degraded)


async def test_refused_results_of_invented_workers_and_outboxes_leave_no_position() -> None:
    store = await planned("t1")
    await store.transact(lambda ledger: ledger.fleet.put_workers([worker_record("w1", "e1")]))
    for number in range(500):
        forged = (
            result("t1", passed("c1"), worker=f"x{number}", job_id="invented.t1"),
            result("t1", passed("c1"), epoch=f"e-{number}", job_id="invented.t1"),
        )
        assert len((await recorded(store, *forged)).rejected) == 2
    marks = await store.read(lambda ledger: ledger.results.watermarks())
    assert marks == []
    # The outbox that the registry knows goes on, whatever else has its name.
    await recorded(store, result("t1", passed("c1"), passed("c2"), epoch="e1", oldest=1))
    (mark,) = await store.read(lambda ledger: ledger.results.watermarks())
    assert (mark.worker, mark.epoch, mark.sequence, mark.others) == ("w1", "e1", 1, ())


def test_sender_that_used_its_budget_up_is_not_forgotten_for_invented_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(unused_results, "MAX_SENDERS", 100)
    unused = UnusedResults(mib_per_hour=1)
    flood = delivery("w1", b"x" * (MIB - MESSAGE_COST))
    unused.charge([flood])
    assert unused.exceeded == {("eu", "w1")}
    for number in range(1_000):
        unused.charge([delivery(f"x{number}", b"")])
    assert unused.exceeded == {("eu", "w1")}
    assert unused.remembered == 100


def delivery(worker: str, data: bytes) -> Delivery:
    subject = f"{subjects.ROOT}.result.mysql.eu.t.{worker}"
    return Delivery(subject=subject, data=data, headers={}, sequence=1, delivered=1, lease="l")
