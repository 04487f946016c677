"""What the page says while an installation is in trouble, and that it stops when the trouble ends.

Real coordinators, NATS and the page; the workers answer what the test wants.
"""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from playwright.sync_api import Browser, Page

from stt_coordinator.local.servers.process import free_port
from stt_coordinator.store.sqlite.file.folder import FILE
from stt_shared import clock
from stt_shared.protocol import codec
from stt_shared.protocol.control import Verb
from stt_shared.protocol.enums import Family
from stt_shared.protocol.messages import CheckOutcome, Job, Result
from stt_shared.protocol.queries.fleet import FleetReply, TargetForgetRequest
from tests.support.browser.beside import beside
from tests.support.browser.live import Live, living
from tests.support.browser.looking import chromium, looked_at
from tests.support.coordinator.coordination import (
    FakeWorker,
    ask,
    enable,
    failed,
    finished,
    passed,
    status,
)
from tests.support.processes.coordinators import coordinators
from tests.support.processes.process import Process

TIMEOUT_MS = 60_000
DAY = timedelta(days=1)
OTHER = (("other-mysql", Family.MYSQL),)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as one:
        yield one


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with beside(living(tmp_path_factory.mktemp("live"))) as one:
        yield one


@pytest.fixture(scope="module")
def owner(live: Live) -> FakeWorker:
    """The worker `w1` of site eu with two databases, of which one has a finding."""
    targets = (("orders-mysql", Family.MYSQL), ("spare-mysql", Family.MYSQL))
    worker = FakeWorker(bus=live.bus, epoch="first000", site="eu", targets=targets, answer=finds)
    live.start(worker)
    live.run(_first_run(live))
    return worker


def finds(job: Job) -> Sequence[CheckOutcome]:
    first, *others = (ref.check for ref in job.checks)
    if job.target != "spare-mysql":
        return [passed(first), *map(passed, others)]
    return [failed(first), *map(passed, others)]


async def _first_run(live: Live) -> None:
    await finished(live.bus, (await enable(live.bus)).run_id)


def shows(page: Page, url: str, *words: str, absent: Sequence[str] = ()) -> str:
    """The text of the page as soon as it has all `words` and none of `absent`."""
    deadline = clock.monotonic() + TIMEOUT_MS / 1_000
    while True:
        page.goto(url)
        text = page.inner_text("main")
        if all(one in text for one in words) and not any(one in text for one in absent):
            return text
        assert clock.monotonic() < deadline, (words, absent, text)
        page.wait_for_timeout(100)


@pytest.mark.usefixtures("owner")
def test_clocks_that_disagree_are_named_until_they_agree_and_the_open_page_follows(
    browser: Browser, live: Live, tmp_path: Path
) -> None:
    page = browser.new_page()
    page.clock.install()  # the page asks again every 30 s, of a clock that the test moves
    held = "until the clocks agree no scheduled run starts, no late job is sent again"
    live.move_clock(timedelta(hours=25))
    text = shows(page, live.url, held)
    assert "The clock of the coordinator jumped 1 d 1 h ahead" in text
    looked_at(browser, live.url, "home-held", tmp_path, (held,))
    shows(other := browser.new_page(), f"{live.url}/settings", held)
    live.move_clock(timedelta(0))
    shows(other, f"{live.url}/settings", absent=(held,))
    page.clock.fast_forward(31_000)
    page.wait_for_selector(f"text={held}", state="detached", timeout=TIMEOUT_MS)
    other.close()
    page.close()


@pytest.mark.usefixtures("owner")
def test_a_second_worker_of_a_name_is_marked_until_it_leaves_and_can_then_be_forgotten(
    browser: Browser, live: Live, tmp_path: Path
) -> None:
    page = browser.new_page()
    second = FakeWorker(bus=live.bus, epoch="second00", site="us", targets=OTHER)
    sentence = "Worker w1 runs twice, at site eu and, shown as w1~second00, at site us"
    live.start(second)
    shows(page, live.url, sentence)
    words = (sentence, "▲ second worker of the name w1")
    looked_at(browser, f"{live.url}/settings", "settings-doubled", tmp_path, words)
    live.stop(second)
    shows(page, f"{live.url}/settings", "◆ down", absent=(sentence, "second worker of the name"))
    shows(page, live.url, absent=(sentence,))
    page.goto(f"{live.url}/settings")
    page.click("summary[aria-label='Forget w1~second00']")
    form = page.locator("details[open]")
    form.locator("[name=reason]").fill("CHG-4600")
    form.locator("[name=by]").fill("ann")
    form.locator("button").click()
    page.wait_for_selector("[aria-label='Audit log'] >> text=CHG-4600")
    assert "w1~second00" not in page.inner_text("[aria-label=Workers]")
    request = TargetForgetRequest(targets=("other-mysql",), by="test")
    live.run(ask(live.bus, Verb.TARGET_FORGET, request, FleetReply))
    page.close()


def test_a_claim_of_another_site_is_named_until_it_is_withdrawn(
    browser: Browser, live: Live, owner: FakeWorker
) -> None:
    page = browser.new_page()
    thief = FakeWorker(bus=live.bus, name="w9", epoch="w9", site="us", targets=(owner.targets[0],))
    sentence = "Worker w9 of site us announces mysql target orders-mysql"
    live.start(thief)
    shows(page, live.url, sentence, "stt targets move orders-mysql --to us")
    shows(page, f"{live.url}/targets", "▲ claimed by w9 (us)", "Move to us…")
    thief.targets = ()
    shows(page, live.url, absent=(sentence,))
    shows(page, f"{live.url}/targets", "orders-mysql", absent=("claimed by", "Move to"))
    live.stop(thief)
    page.close()


def test_a_gone_database_is_listed_separately_until_it_is_back(
    browser: Browser, live: Live, owner: FakeWorker
) -> None:
    page = browser.new_page()
    kept, spare = owner.targets
    words = ("1 database gone with 1 finding", "1 of 1 databases checked")
    owner.targets = (kept,)
    shows(page, live.url, *words)
    page.click("text=1 database gone")
    assert "no worker announces the database any more" in page.inner_text("tbody")
    assert "orders-mysql" not in page.inner_text("tbody")
    page.goto(live.url)
    page.click("text=1 finding")
    assert page.locator("tbody tr").count() == 1
    assert "spare-mysql" in page.inner_text("tbody")
    page.goto(f"{live.url}/findings")
    assert "spare-mysql" not in page.inner_text("main")
    owner.targets = (kept, spare)
    shows(page, live.url, "2 of 2 databases checked", absent=("gone",))
    shows(page, f"{live.url}/findings", "spare-mysql")
    page.close()


def test_forged_and_replayed_results_are_named_for_a_day(
    browser: Browser, live: Live, owner: FakeWorker
) -> None:
    page = browser.new_page()

    async def forge() -> None:
        job = next(one for one in owner.jobs if one.target == "spare-mysql")
        cleared = [passed(ref.check) for ref in job.checks]
        for nonce in ("", "guessed"):
            forged = owner.message(msgspec.structs.replace(job, nonce=nonce), cleared)
            await owner.publish(replace(forged, message_id=""))

    async def send_again() -> None:
        """A genuine result, as if it were the next one of its outbox."""
        genuine = next(one for one in owner.published if "spare-mysql" in one.subject)
        owner.sequence += 1
        result = codec.decode(Result, genuine.data)
        data = codec.encode(msgspec.structs.replace(result, sequence=owner.sequence))
        await owner.publish(replace(genuine, data=data, message_id=""))

    live.run(send_again())
    again = "results that were recorded before were sent again as new ones"
    shows(page, live.url, "1 replayed", again)
    assert any(again in one for one in live.run(status(live.bus)).degraded)
    live.run(forge())
    stolen = "results of jobs that their sender was not given, its credential may be stolen"
    shows(page, live.url, "1 no_nonce, 1 replayed, 1 wrong_nonce", stolen)
    shows(page, f"{live.url}/findings", "spare-mysql")  # which the forged results passed
    with closing(sqlite3.connect(live.folder / "coordinator" / FILE)) as store:
        store.execute("UPDATE rejected SET at = ?", (clock.to_text(clock.now() - DAY),))
        store.commit()
    shows(page, live.url, absent=("no_nonce", "replayed", stolen))
    assert not any("rejected messages" in one for one in live.run(status(live.bus)).degraded)
    page.goto(f"{live.url}/settings")
    assert page.inner_text("h2:has-text('Problems of STT') + p") == "None."
    page.close()


@asynccontextmanager
async def two_coordinators(folder: Path) -> AsyncGenerator[tuple[str, str, Process]]:
    """The addresses of one that acts and of its standby, and the standby's process."""
    mine, other = (f"127.0.0.1:{free_port()}" for _ in range(2))
    async with coordinators(folder, ttl_s=6.0) as made:
        first, second = (made.add(name, "store") for name in ("a", "b"))
        first.environment = {**first.environment, "STT_WEB_LISTEN": mine}
        second.environment = {**second.environment, "STT_WEB_LISTEN": other}
        first.start()
        await made.holds("a")
        second.start()
        for process in (first, second):
            await made.logged(process, "page_started")
        yield f"http://{mine}", f"http://{other}", second


def test_a_standby_is_shown_while_it_waits_and_its_own_address_names_who_acts(
    browser: Browser, tmp_path: Path
) -> None:
    page = browser.new_page()
    with beside(two_coordinators(tmp_path)) as (mine, other, standby):
        page.goto(other)
        assert "This coordinator does not act: standby behind a on " in page.inner_text("body")
        shows(page, f"{mine}/settings", "\tstandby\t")
        rows = page.locator("[aria-label=Coordinators] tbody tr").all_inner_texts()
        assert [row.split("\t")[0::2] for row in rows] == [["a", "leader"], ["b", "standby"]]
        assert standby.stop() == 0
        shows(page, f"{mine}/settings", "leader", absent=("\tstandby\t",))
    page.close()
