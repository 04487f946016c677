"""The verbs `diff` and `trends` of a coordinator at work, on both stores."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import pytest

from stt_coordinator.control import pages
from stt_coordinator.control.queries import diff as verb
from stt_coordinator.store.memory.store import MemoryStore
from stt_coordinator.store.port import Store
from stt_coordinator.store.ports.retention import Before
from stt_coordinator.store.sqlite.store import open_store
from stt_shared import clock
from stt_shared.bus.memory import MemoryBroker, MemoryBus
from stt_shared.bus.values import RequestError
from stt_shared.protocol.control import Empty, RunReply, RunRequest, Verb
from stt_shared.protocol.enums import Family, Kind, Outcome, Severity
from stt_shared.protocol.findings import FindingsReply, FindingsRequest
from stt_shared.protocol.messages import CheckOutcome, Job, Value
from stt_shared.protocol.queries.history import DiffReply, DiffRequest, TrendsReply, TrendsRequest
from stt_shared.protocol.queries.reports import ReportRequest
from stt_shared.protocol.suppressions import AcceptRequest, SuppressionReply
from tests.support.coordinator.coordination import (
    FakeWorker,
    ask,
    at_work,
    enable,
    failed,
    finding,
    finished,
    passed,
    running,
    status,
    until,
)

TARGETS = (("ledger", Family.POSTGRESQL), ("orders", Family.MYSQL), ("shop", Family.MYSQL))
PAST = timedelta(hours=1)


@dataclass(kw_only=True)
class Databases:
    """What is wrong with each database; one that is missing refuses the log-in."""

    wrong: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])

    def answer(self, job: Job) -> Sequence[CheckOutcome]:
        if job.target not in self.wrong:
            refused = {"outcome": Outcome.ERROR, "kind": Kind.AUTH, "reason": "refused"}
            return [CheckOutcome(check=ref.check, **refused) for ref in job.checks]  # type: ignore[arg-type]
        keys = self.wrong[job.target]
        return [
            failed(ref.check, *map(finding, keys)) if keys else passed(ref.check)
            for ref in job.checks
        ]


@dataclass(kw_only=True)
class RunningCoordinator:
    """A coordinator with one worker whose databases change between two runs."""

    bus: MemoryBus
    store: Store
    databases: Databases

    async def run(self, **wrong: tuple[str, ...]) -> str:
        self.databases.wrong = wrong
        reply = await ask(self.bus, Verb.RUN, RunRequest(by="test"), RunReply)
        await finished(self.bus, reply.run.run_id)
        return reply.run.run_id

    async def diff(self, **request: object) -> DiffReply:
        """All pages as one."""
        found = await ask(self.bus, Verb.DIFF, DiffRequest(**request), DiffReply)  # type: ignore[arg-type]
        if not found.next:
            return found
        rest = await self.diff(**(request | {"after": found.next}))
        return DiffReply(
            differences=(*found.differences, *rest.differences),
            unchecked=(*found.unchecked, *rest.unchecked),
            not_compared=found.not_compared + rest.not_compared,
            before=found.before,
            later=found.later,
        )

    async def refusal(self, verb: Verb, request: Value) -> tuple[str, str]:
        with pytest.raises(RequestError) as caught:
            await ask(self.bus, verb, request, Empty)
        return caught.value.code, caught.value.message


@pytest.fixture(params=["memory", "sqlite"])
async def coordinator(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncGenerator[RunningCoordinator]:
    store: Store = MemoryStore() if request.param == "memory" else await open_store(tmp_path)
    broker, databases = MemoryBroker(), Databases()
    bus = broker.connect()
    worker = FakeWorker(bus=broker.connect(), targets=TARGETS, answer=databases.answer)
    async with running(bus, store), at_work(worker):
        made = RunningCoordinator(bus=bus, store=store, databases=databases)

        async def known() -> bool:
            return (await status(bus)).summary.counts.targets == len(TARGETS)

        await until(known)
        databases.wrong = {"ledger": (), "orders": (), "shop": ()}
        await finished(bus, (await enable(bus)).run_id)
        yield made
    await store.close()


def changes_of(reply: DiffReply) -> list[tuple[str, str, str]]:
    return [(str(one.change), one.target, one.check) for one in reply.differences]


async def test_two_runs_are_compared_in_the_order_they_happened(
    coordinator: RunningCoordinator,
) -> None:
    first = await coordinator.run(ledger=(), orders=("a", "b"), shop=("a",))
    second = await coordinator.run(orders=("b", "c"), shop=("a",))
    for pair in ((first, second), (second, first)):
        reply = await coordinator.diff(run_a=pair[0], run_b=pair[1])
        assert reply.before is not None
        assert reply.later is not None
        assert (reply.before.run_id, reply.later.run_id) == (first, second)
        assert sorted(changes_of(reply)) == [
            ("opened", "orders", "mysql_empty_password"),
            ("opened", "orders", "mysql_version"),
            ("resolved", "orders", "mysql_empty_password"),
            ("resolved", "orders", "mysql_version"),
        ]
        (silent,) = reply.unchecked
        assert (silent.target, silent.kind, silent.reason) == ("ledger", Kind.AUTH, "refused")
        assert silent.last_checked is not None
        assert silent.last_checked <= (reply.before.finished or clock.now())
        assert reply.not_compared == 0


async def test_one_run_is_compared_with_the_one_before_it(coordinator: RunningCoordinator) -> None:
    first = await coordinator.run(ledger=(), orders=(), shop=())
    second = await coordinator.run(ledger=(), orders=("a",), shop=())
    reply = await coordinator.diff(run_b=second)
    assert reply.before is not None
    assert reply.before.run_id == first
    assert {one.target for one in reply.differences} == {"orders"}


async def test_what_was_accepted_between_two_runs_is_reported(
    coordinator: RunningCoordinator,
) -> None:
    first = await coordinator.run(ledger=(), orders=("a",), shop=("a",))
    request = AcceptRequest(
        check="mysql_version",
        target="shop",
        until=date.today() + timedelta(days=9),  # noqa: DTZ011  # some day that is ahead
        reason="proxy only",
        by="ann",
    )
    await ask(coordinator.bus, Verb.ACCEPT, request, SuppressionReply)
    second = await coordinator.run(ledger=(), orders=("a",), shop=("a",))
    for which in ({"run_a": first, "run_b": second}, {"since": clock.now() - PAST}):
        reply = await coordinator.diff(**which)
        (one,) = [each for each in reply.differences if each.finding.accepted is not None]
        assert (one.target, one.check) == ("shop", "mysql_version")
        assert one.finding.accepted is not None
        assert (one.finding.accepted.by, one.finding.accepted.reason) == ("ann", "proxy only")
    between = await coordinator.diff(run_a=first, run_b=second)
    assert changes_of(between) == [("accepted", "shop", "mysql_version")]


async def test_since_an_instant_only_what_is_different_in_the_end_is_reported(
    coordinator: RunningCoordinator,
) -> None:
    await coordinator.run(ledger=(), orders=("a",), shop=("a",))
    middle = clock.now()
    await coordinator.run(ledger=(), orders=(), shop=("a", "b"))
    await coordinator.run(orders=("a",), shop=("a", "b"))
    reply = await coordinator.diff(since=middle)
    assert sorted(changes_of(reply)) == [
        ("opened", "shop", "mysql_empty_password"),
        ("opened", "shop", "mysql_version"),
    ]
    assert [one.target for one in reply.unchecked] == ["ledger"]
    assert reply.kept_since is None
    long_ago = await coordinator.diff(since=middle - timedelta(days=99))
    assert long_ago.kept_since is not None


@pytest.mark.parametrize("how", ["bytes", "targets"])
async def test_pages_leave_nothing_out_and_nothing_comes_twice(
    coordinator: RunningCoordinator, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    first = await coordinator.run(ledger=("x",), orders=("a", "b"), shop=("a",))
    second = await coordinator.run(orders=("c", "d", "e"), shop=())
    requests: list[dict[str, object]] = [
        {"run_a": first, "run_b": second},
        {"since": clock.now() - PAST},
    ]
    whole = [await coordinator.diff(**request) for request in requests]
    if how == "bytes":
        monkeypatch.setattr(pages, "ROOM_BYTES", 700)
    else:
        # One job at a time would never get beyond the target it begins with.
        monkeypatch.setattr(verb, "PAGE_TARGETS", 2)
        monkeypatch.setattr(verb, "PAGE_UNCHECKED", 1)
    for request, at_once in zip(requests, whole, strict=True):
        in_pages = await coordinator.diff(**request)
        assert [one.finding.id for one in in_pages.differences] == [
            one.finding.id for one in at_once.differences
        ]
        assert [one.target for one in in_pages.unchecked] == ["ledger"]
        assert in_pages.not_compared == at_once.not_compared


async def test_what_cannot_be_compared_is_refused_by_name(coordinator: RunningCoordinator) -> None:
    first = await coordinator.run(ledger=(), orders=(), shop=())
    cases: list[tuple[dict[str, object], str, str]] = [
        ({}, "bad_request", "either runs or an instant"),
        ({"run_a": first, "since": clock.now()}, "bad_request", "either runs or an instant"),
        ({"run_a": first, "run_b": first}, "bad_request", f"both runs are {first}"),
        ({"run_a": first, "run_b": "nope"}, "unknown_run", "unknown run 'nope'"),
    ]
    for fields, code, sentence in cases:
        found = await coordinator.refusal(Verb.DIFF, DiffRequest(**fields))  # type: ignore[arg-type]
        assert (found[0], sentence in found[1]) == (code, True), found


async def test_a_run_without_its_details_is_refused_and_never_looks_clean(
    coordinator: RunningCoordinator,
) -> None:
    first = await coordinator.run(ledger=(), orders=("a",), shop=())
    second = await coordinator.run(ledger=(), orders=("a",), shop=())
    late = clock.now() + timedelta(days=1)
    before = Before(full=late, daily=late - timedelta(days=300), audit=late)
    await coordinator.store.transact(lambda ledger: ledger.retention.prune(before, 999))
    requests: list[tuple[Verb, Value]] = [
        (Verb.DIFF, DiffRequest(run_a=first, run_b=second)),
        (Verb.REPORT, ReportRequest(run_id=first)),
    ]
    for each, request in requests:
        code, sentence = await coordinator.refusal(each, request)
        assert (code, "are no longer kept" in sentence) == ("unknown_run", True)
    open_ones = await ask(coordinator.bus, Verb.FINDINGS, FindingsRequest(), FindingsReply)
    assert open_ones.total == 2


async def test_trends_count_what_was_opened_and_fixed_today(
    coordinator: RunningCoordinator,
) -> None:
    await coordinator.run(ledger=(), orders=("a", "b"), shop=("a",))
    await coordinator.run(ledger=(), orders=("b",), shop=())
    found = await ask(coordinator.bus, Verb.TRENDS, TrendsRequest(days=7), TrendsReply)
    # A run over midnight has two days.
    assert found.days[-1].open.critical == 2
    assert sum(day.opened.critical for day in found.days) == 6
    assert sum(day.resolved.critical for day in found.days) == 4
    assert [(one.severity, one.fixed, one.median_s) for one in found.fix_times] == [
        (Severity.CRITICAL, 4, 0),
        (Severity.MAJOR, 0, None),
        (Severity.TRIVIAL, 0, None),
    ]
