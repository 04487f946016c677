"""Several workers or targets are forgotten at once, those that are named or all of a kind."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import msgspec
import pytest

from stt_coordinator.domain.intake import names
from stt_coordinator.domain.model import TargetRecord
from stt_coordinator.store.memory.store import MemoryStore
from stt_coordinator.store.port import Ledger, Store
from stt_shared.bus.memory import MemoryBroker
from stt_shared.bus.port import Bus
from stt_shared.bus.values import RequestError
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.audit import AuditReply, AuditRequest
from stt_shared.protocol.control import Verb
from stt_shared.protocol.enums import Leftovers
from stt_shared.protocol.messages import Value, Watermark
from stt_shared.protocol.queries.fleet import (
    MAX_FORGOTTEN,
    MAX_LISTED,
    FleetReply,
    TargetForgetRequest,
    WorkerForgetRequest,
)
from tests.support.coordinator.coordination import (
    NOW,
    FakeWorker,
    ask,
    at_work,
    running,
    status,
    until,
)
from tests.support.coordinator.ledgers import worker_record
from tests.support.coordinator.store_rows import target

ALL, SILENT = Leftovers.ALL, Leftovers.NEVER_ANSWERED


def fleet(ledger: Ledger) -> None:
    """Workers that are down at three sites, their targets, and two targets that are gone."""
    sites = {"w1": "eu", "w1~second00": "eu", "w2": "us", "w3": "lab", "w4": "eu"}
    ledger.fleet.put_workers(
        msgspec.structs.replace(worker_record(name, name[-8:]), site=site)
        for name, site in sites.items()
    )
    ledger.fleet.put_targets(
        [
            target("a", site="eu", workers=("w1", "w4")),
            target("b", site="us", workers=("w2",), last_started=NOW),
            target("c", site="lab", workers=("w3",)),
            target("gone-never", site="eu", workers=(), gone=True),
            target("gone-once", site="us", workers=(), gone=True, last_started=NOW),
        ]
    )
    marks = [Watermark(worker=name, epoch="before00", sequence=3) for name in ("w1", "w2")]
    ledger.results.put_watermarks(marks, NOW)


@pytest.fixture
async def store() -> Store:
    made = MemoryStore()
    await made.transact(fleet)
    return made


@pytest.fixture
async def bus(store: Store) -> AsyncGenerator[Bus]:
    broker = MemoryBroker()
    async with running(broker.connect(), store):
        yield broker.connect()


async def workers_of(store: Store) -> set[str]:
    return {one.worker for one in await store.read(lambda ledger: ledger.fleet.workers())}


async def targets_of(store: Store) -> dict[str, TargetRecord]:
    rows = await store.read(lambda ledger: ledger.fleet.all_targets())
    return {row.target: row for row in rows}


async def forget(bus: Bus, **asked: object) -> FleetReply:
    request = WorkerForgetRequest(by="ann", reason="flood", **asked)  # type: ignore[arg-type]
    return await ask(bus, Verb.WORKER_FORGET, request, FleetReply)


async def forget_targets(bus: Bus, **asked: object) -> FleetReply:
    request = TargetForgetRequest(by="ann", reason="flood", **asked)  # type: ignore[arg-type]
    return await ask(bus, Verb.TARGET_FORGET, request, FleetReply)


async def did(bus: Bus) -> list[tuple[str, str]]:
    reply = await ask(bus, Verb.AUDIT, AuditRequest(), AuditReply)
    return [(one.did, one.what) for one in reply.entries]


async def test_several_workers_are_forgotten_by_name_and_their_targets_are_gone_together(
    bus: Bus, store: Store
) -> None:
    reply = await forget(bus, workers=("w4", "w1", "w3"))
    assert (reply.workers, reply.targets, reply.changed) == (("w1", "w3", "w4"), ("a", "c"), True)
    assert await workers_of(store) == {"w1~second00", "w2"}
    assert {name for name, row in (await targets_of(store)).items() if row.gone} == {
        "a",
        "c",
        "gone-never",
        "gone-once",
    }
    assert await did(bus) == [("worker-forget", "w1, w3, w4, of a, c")]


@pytest.mark.parametrize(
    ("which", "sites", "expected"),
    [
        (ALL, (), {"w1", "w1~second00", "w2", "w3", "w4"}),
        (ALL, ("eu",), {"w1", "w1~second00", "w4"}),
        (ALL, ("us", "lab"), {"w2", "w3"}),
        (SILENT, (), {"w1~second00", "w3", "w4"}),
        (SILENT, ("lab",), {"w3"}),
        (ALL, ("nowhere",), set()),
    ],
)
async def test_selection_of_workers_is_shown_by_a_dry_run_and_then_forgotten(
    bus: Bus, store: Store, which: Leftovers, sites: tuple[str, ...], expected: set[str]
) -> None:
    before = await store.read(lambda ledger: (ledger.fleet.workers(), ledger.fleet.all_targets()))
    shown = await forget(bus, which=which, sites=sites, dry_run=True)
    assert await did(bus) == []
    assert before == await store.read(
        lambda ledger: (ledger.fleet.workers(), ledger.fleet.all_targets())
    )
    assert (set(shown.workers), shown.changed) == (expected, False)
    done = await forget(bus, which=which, sites=sites)
    assert (done.workers, done.targets) == (shown.workers, shown.targets)
    assert await workers_of(store) == {one.worker for one in before[0]} - expected


async def test_a_worker_that_is_up_is_in_no_selection_and_keeps_a_list_with_it_whole(
    bus: Bus, store: Store
) -> None:
    async with at_work(FakeWorker(bus=bus, name="w9", site="eu")):
        await until(lambda: is_up(bus, "w9"))
        with pytest.raises(RequestError) as caught:
            await forget(bus, workers=("w1", "w9"))
        assert caught.value.code == "in_use"
        assert "w1" in await workers_of(store)
        await forget(bus, which=ALL)
        assert await workers_of(store) == {"w9"}


async def is_up(bus: Bus, name: str) -> bool:
    return any(one.worker == name and one.state == "up" for one in (await status(bus)).workers)


async def test_an_unknown_name_in_a_list_keeps_it_whole(bus: Bus, store: Store) -> None:
    for asked, code in ((("w1", "nobody"), "unknown_worker"),):
        with pytest.raises(RequestError) as caught:
            await forget(bus, workers=asked)
        assert caught.value.code == code
    with pytest.raises(RequestError):
        await forget_targets(bus, targets=("gone-once", "nothing"))
    assert {"w1"} <= await workers_of(store)
    assert "gone-once" in await targets_of(store)


@pytest.mark.parametrize(
    "request_",
    [
        WorkerForgetRequest(by="ann"),
        WorkerForgetRequest(by="ann", worker="w1", which=ALL),
        WorkerForgetRequest(by="ann", workers=("w1",), which=ALL),
        TargetForgetRequest(by="ann"),
        TargetForgetRequest(by="ann", targets=("a",), which=ALL),
    ],
    ids=str,
)
async def test_names_and_a_selection_together_or_none_of_them_forget_nothing(
    bus: Bus, store: Store, request_: Value
) -> None:
    of_worker = isinstance(request_, WorkerForgetRequest)
    with pytest.raises(RequestError) as caught:
        await ask(
            bus, Verb.WORKER_FORGET if of_worker else Verb.TARGET_FORGET, request_, FleetReply
        )
    assert caught.value.code == "bad_request"
    assert len(await workers_of(store)) == 5
    assert len(await targets_of(store)) == 5


async def test_selection_of_targets_has_those_that_are_gone_and_no_others(
    bus: Bus, store: Store
) -> None:
    shown = await forget_targets(bus, which=ALL, dry_run=True)
    assert (shown.targets, shown.changed) == (("gone-never", "gone-once"), False)
    assert (await forget_targets(bus, which=SILENT)).targets == ("gone-never",)
    assert (await forget_targets(bus, which=ALL, sites=("eu",))).targets == ()
    assert (await forget_targets(bus, which=ALL, sites=("us",))).targets == ("gone-once",)
    assert set(await targets_of(store)) == {"a", "b", "c"}


async def test_one_request_forgets_no_more_than_its_limit_and_says_how_many_are_left(
    bus: Bus, store: Store
) -> None:
    def flood(ledger: Ledger) -> None:
        invented = [f"x{number:04}" for number in range(MAX_FORGOTTEN + 7)]
        ledger.fleet.put_workers(map(worker_record, invented))
        ledger.fleet.put_targets(
            target(f"{name}-{n}", site=worker_record(name).site, workers=(name,))
            for name in invented
            for n in range(2)
        )

    await store.transact(flood)
    some = await forget(bus, which=ALL, limit=3)
    assert (len(some.workers), some.more) == (3, MAX_FORGOTTEN + 9)
    many = await forget(bus, which=ALL, limit=MAX_FORGOTTEN * 9)
    assert (len(many.workers), many.more) == (MAX_FORGOTTEN, 9)
    assert len(many.targets) == MAX_LISTED < many.target_count
    (_, what), *_ = await did(bus)
    assert what.startswith("w3, w4, x0000, x0001, x0002 and 995 more, of a, c, x0000-0, ")
    assert (await forget(bus, which=ALL, limit=-1)).workers == ()
    assert len((await forget(bus, which=ALL)).workers) == 9


async def test_a_newcomer_is_recorded_once_invented_workers_are_forgotten(
    bus: Bus, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(names, "MAX_WORKERS", 5)
    newcomer = FakeWorker(bus=bus, name="w9", site="new", targets=FakeWorker(bus=bus).targets)
    async with at_work(newcomer):
        await until(lambda: is_named(bus, "5 workers are known, the limit"))
        assert "w9" not in await workers_of(store)
        await forget(bus, which=SILENT)
        await until(lambda: is_up(bus, "w9"))


async def is_named(bus: Bus, sentence: str) -> bool:
    return sentence in " ".join((await status(bus)).degraded)


async def test_a_request_of_the_release_before_names_one_worker(bus: Bus, store: Store) -> None:
    body = b'{"worker":"w3","by":"ann","schema":"stt.control.worker-forget/v1"}'
    data = await bus.request(subjects.control(Verb.WORKER_FORGET), body, timeout=5)
    reply = codec.decode(FleetReply, data)
    assert (reply.targets, reply.changed) == (("c",), True)
    assert "w3" not in await workers_of(store)
