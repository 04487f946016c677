"""What changed and the trend of a year in a real browser: axe, widths and themes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from playwright.sync_api import Browser

from stt_coordinator.coordinator import Coordinator, CoordinatorDependencies
from stt_coordinator.local.servers.process import free_port
from stt_coordinator.store.port import Ledger
from stt_coordinator.store.sqlite.store import open_store
from stt_coordinator.web.serve import Front
from stt_coordinator.web.serve import Page as Served
from stt_shared import clock
from stt_shared.bus.memory import MemoryBroker, MemoryBus
from stt_shared.protocol.control import RunReply, RunRequest, Verb
from stt_shared.protocol.enums import Change, Family, FindingState, Kind, Outcome, Severity
from stt_shared.protocol.findings import FindingsReply, FindingsRequest
from stt_shared.protocol.messages import CheckOutcome, Job
from stt_shared.protocol.records import Counts, FindingEvent
from stt_shared.protocol.suppressions import AcceptRequest, SuppressionReply
from tests.support.browser.beside import beside
from tests.support.browser.looking import chromium, looked_at
from tests.support.coordinator.coordination import (
    QUICK,
    FakeWorker,
    answering,
    ask,
    at_work,
    catalogue,
    enable,
    failed,
    finding,
    finished,
    passed,
    status,
    until,
)
from tests.support.coordinator.fleet import finding as record

TARGETS = (
    *((f"orders-mysql-{number}", Family.MYSQL) for number in range(1, 5)),
    ("ledger-pg-with-a-name-that-is-rather-long", Family.POSTGRESQL),
)
DAY = timedelta(days=1)


def a_year(ledger: Ledger) -> None:
    """Counts that wander, and findings of which some take long to be fixed."""
    now = clock.now()
    for days in range(364, 0, -1):
        at = now - days * DAY
        ledger.counts.put(
            at, Counts(critical=days % 7, major=20 + days % 11, trivial=40 - days % 5, targets=5)
        )
        events: list[FindingEvent] = []
        for number in range(days % 4):
            severity = list(Severity)[number % 3]
            one = record(f"f_{days:03}{number}", "orders-mysql-1", "eu-west", severity)
            old = msgspec.structs.replace(one, since=at - timedelta(hours=days * 3), first_seen=at)
            gone = msgspec.structs.replace(old, state=FindingState.RESOLVED, resolved_at=at)
            events += [
                FindingEvent(change=Change.OPENED, at=at, run_id="r", after=old),
                FindingEvent(change=Change.RESOLVED, at=at, run_id="r", before=old, after=gone),
            ]
        ledger.history.add(events)


class Fleet:
    """Databases that change between two runs."""

    first = True

    def answer(self, job: Job) -> Sequence[CheckOutcome]:
        if job.family is Family.POSTGRESQL and not self.first:
            kind = Kind.UNREACHABLE
            reason = "connection refused at 10.1.4.7:5432"
            return [
                CheckOutcome(check=r.check, outcome=Outcome.ERROR, kind=kind, reason=reason)
                for r in job.checks
            ]
        keys = {"'stays'@'%'", "'goes'@'%'" if self.first else "'comes'@'%'"}
        if job.target.endswith("4"):
            return [passed(ref.check) for ref in job.checks]
        return [failed(ref.check, *map(finding, sorted(keys))) for ref in job.checks]


@asynccontextmanager
async def serving(folder: Path) -> AsyncGenerator[tuple[str, MemoryBus, Fleet]]:
    """A page over a year of history, and databases to be checked."""
    store, broker, fleet = await open_store(folder), MemoryBroker(), Fleet()
    await store.transact(a_year)
    bus, stop, listen = broker.connect(), asyncio.Event(), f"127.0.0.1:{free_port()}"
    means = CoordinatorDependencies(
        bus=bus,
        store=store,
        checks=catalogue,
        timing=QUICK,
        page=lambda context, troubles: Served(context, Front(listen=listen), troubles).run,
    )
    task = asyncio.create_task(Coordinator(means).run(stop))
    worker = FakeWorker(bus=broker.connect(), targets=TARGETS, answer=fleet.answer)
    try:
        await answering(bus, task)
        async with at_work(worker):
            yield f"http://{listen}", bus, fleet
    finally:
        stop.set()
        await task
        await store.close()


async def two_runs(bus: MemoryBus, fleet: Fleet) -> tuple[str, str]:
    """The first and the second run, between which something was accepted."""

    async def known() -> bool:
        return (await status(bus)).summary.counts.targets == len(TARGETS)

    await until(known)
    await finished(bus, (await enable(bus)).run_id)
    runs: list[str] = []
    for is_first in (True, False):
        fleet.first = is_first
        reply = await ask(bus, Verb.RUN, RunRequest(by="test"), RunReply)
        runs.append((await finished(bus, reply.run.run_id)).run_id)
        if is_first:
            asked = FindingsRequest(targets=("orders-mysql-2",))
            page = await ask(bus, Verb.FINDINGS, asked, FindingsReply)
            stays = next(one.id for one in page.findings if "stays" in (one.object or one.summary))
            day = (clock.now() + 30 * DAY).date()
            put_up = AcceptRequest(finding=stays, until=day, reason="proxy only", by="dba-oncall")
            await ask(bus, Verb.ACCEPT, put_up, SuppressionReply)
    return runs[0], runs[1]


@asynccontextmanager
async def after_two_runs(folder: Path) -> AsyncGenerator[tuple[str, str, str]]:
    """Where it is served, and both runs."""
    async with serving(folder) as (url, bus, fleet):
        yield url, *await two_runs(bus, fleet)


@pytest.fixture
def browser() -> Iterator[Browser]:
    with chromium() as one:
        yield one


def test_changes_and_trends_are_sound_in_both_themes_and_widths(
    browser: Browser, tmp_path: Path
) -> None:
    with beside(after_two_runs(tmp_path)) as (url, first, second):
        trend = ("Last 90 days", "Time to fix", "Upwards: opened. Downwards: fixed.", "compare")
        for path, name, words in (
            ("/", "home-year", ("Last 30 days", "Last 90 days: opened")),
            ("/runs", "runs-year", trend),
            (
                f"/changes?run_a={first}&run_b={second}",
                "changes-runs",
                ("new", "fixed", "accepted by dba-oncall", "1 database not checked", "unreachable"),
            ),
            ("/changes?days=7", "changes-week", ("Since ", "Not checked")),
            ("/changes?run_b=nope", "changes-unknown", ("Unknown run 'nope'",)),
        ):
            looked_at(browser, url + path, name, tmp_path, words)
        page = browser.new_page(java_script_enabled=False)
        page.goto(f"{url}/runs/{second}")
        page.click("text=Compare with the previous run")
        assert first in page.inner_text("main")
        page.close()
