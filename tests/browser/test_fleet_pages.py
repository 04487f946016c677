"""Databases are moved and forgotten on the page, and workers that left, without scripts too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from playwright.sync_api import Browser, Page

from stt_coordinator.domain.model import RefusedClaim, WorkerRecord
from stt_coordinator.store.port import Ledger
from stt_shared import clock
from stt_shared.protocol.enums import Family
from tests.support.browser.beside import beside
from tests.support.browser.looking import chromium, looked_at
from tests.support.browser.states import STATES, Site, serving

GONE, CLAIMED, LEFT, SILENT = "reports-mysql-1", "ledger-pg-1", "dmz-1", "lab-1"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as one:
        yield one


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with beside(serving(tmp_path, STATES["findings"])) as one:
        one.write(changed_fleet)
        yield one


def changed_fleet(ledger: Ledger) -> None:
    """A target is gone, another is claimed by a second site, and two workers are down."""
    rows = ledger.fleet.targets([GONE, CLAIMED])
    claim = RefusedClaim(worker="eu-1", site="eu-west", family=Family.POSTGRESQL, since=clock.now())
    gone = msgspec.structs.replace(rows[GONE], gone=True, workers=())
    claimed = msgspec.structs.replace(rows[CLAIMED], claims=(claim,))
    ledger.fleet.put_targets([gone, claimed])
    workers = {one.worker: one for one in ledger.fleet.workers()}
    left: WorkerRecord = msgspec.structs.replace(workers[LEFT], state="down", targets=0)
    ledger.fleet.put_workers([left, msgspec.structs.replace(left, worker=SILENT, site="lab")])


def without_scripts(browser: Browser, address: str) -> Page:
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(address)
    return page


def send(page: Page, button: str, what: str, reason: str = "CHG-4500") -> None:
    """Open the form of `what`, say why and who, and send it."""
    page.click(f"summary[aria-label='{button} {what}']")
    form = page.locator("details[open]")
    form.locator("[name=reason]").fill(reason)
    form.locator("[name=by]").fill("ann")
    form.locator(f"button:text-is('{button}')").click()


def audit(page: Page, site: Site) -> str:
    page.goto(f"{site.url}/settings")
    return page.locator("[aria-label='Audit log'] tbody tr").first.inner_text()


def test_the_page_offers_only_what_the_state_of_a_database_or_worker_allows(
    browser: Browser, site: Site, tmp_path: Path
) -> None:
    page = without_scripts(browser, f"{site.url}/targets")
    offered = [one.get_attribute("aria-label") for one in page.locator("summary").all()]
    assert sorted(map(str, offered)) == [f"Forget {GONE}", f"Move to eu-west {CLAIMED}"]
    page.goto(f"{site.url}/settings")
    workers = [one.get_attribute("aria-label") for one in page.locator("summary").all()]
    every = "Forget all that are down (2 workers)"
    assert sorted(map(str, workers)) == sorted([f"Forget {LEFT}", f"Forget {SILENT}", every])
    words = ("▲ gone", "no worker announces the database any more", "claimed by eu-1 (eu-west)")
    looked_at(browser, f"{site.url}/targets", "targets-changed", tmp_path, words)
    looked_at(browser, f"{site.url}/settings", "settings-left", tmp_path, ("◆ down", "Forget…"))


def test_gone_databases_are_listed_separately(browser: Browser, site: Site) -> None:
    page = without_scripts(browser, f"{site.url}/targets?state=gone")
    assert page.locator("tbody tr td.n a:first-child").all_inner_texts() == [GONE]
    assert page.inner_text("caption") == "1 database gone"


def test_a_gone_database_is_forgotten_without_scripts_with_who_and_why_in_the_audit_log(
    browser: Browser, site: Site
) -> None:
    page = without_scripts(browser, f"{site.url}/targets")
    send(page, "Forget", GONE)
    assert page.url == f"{site.url}/targets"
    assert GONE not in page.inner_text("table")
    page.goto(f"{site.url}/findings?target={GONE}")
    assert page.locator("tbody tr").count() == 0
    entry = audit(page, site)
    assert [word for word in ("ann", GONE, "CHG-4500") if word not in entry] == []


@pytest.mark.parametrize(
    ("path", "button", "what"),
    [
        ("/targets", "Forget", GONE),
        ("/targets", "Move to eu-west", CLAIMED),
        ("/settings", "Forget", SILENT),
        ("/checks/mysql_version", "Disable", "mysql_version"),
    ],
)
def test_a_reason_of_spaces_changes_nothing_and_the_page_asks_for_one(
    browser: Browser, site: Site, path: str, button: str, what: str
) -> None:
    page = without_scripts(browser, site.url + path)
    send(page, button, what, "  ")  # which browsers take for an answer
    assert page.inner_text("[role=alert]") == "the reason is empty: go back and enter one"
    page.goto(f"{site.url}/settings")
    assert page.locator("[aria-label='Audit log']").count() == 0


def test_a_claimed_database_is_moved_without_scripts_to_the_site_that_claims_it(
    browser: Browser, site: Site
) -> None:
    page = without_scripts(browser, f"{site.url}/targets")
    send(page, "Move to eu-west", CLAIMED)
    row = page.locator("tbody tr", has_text=CLAIMED).inner_text()
    assert "eu-west" in row
    assert "claimed by" not in row
    entry = audit(page, site)
    assert [
        word for word in ("ann", f"{CLAIMED} to eu-west", "CHG-4500") if word not in entry
    ] == []


def test_a_worker_that_left_is_forgotten_without_scripts(browser: Browser, site: Site) -> None:
    page = without_scripts(browser, f"{site.url}/settings")
    send(page, "Forget", SILENT)
    assert page.url == f"{site.url}/settings"
    assert SILENT not in page.inner_text("[aria-label=Workers]")
    assert SILENT in audit(page, site)


def test_all_workers_that_are_down_are_forgotten_at_once_without_scripts(
    browser: Browser, site: Site
) -> None:
    page = without_scripts(browser, f"{site.url}/settings")
    page.click("summary[aria-label='Forget all that are down (2 workers)']")
    form = page.locator("details[open]")
    form.locator("[name=reason]").fill("CHG-4502")
    form.locator("[name=by]").fill("ann")
    form.locator("button").click()
    assert page.url == f"{site.url}/settings"
    left = page.inner_text("[aria-label=Workers]")
    assert not [name for name in (LEFT, SILENT) if name in left]
    entry = audit(page, site)
    assert [word for word in ("ann", LEFT, SILENT, "CHG-4502") if word not in entry] == []


def test_a_database_that_came_back_is_not_forgotten_and_the_page_says_why(
    browser: Browser, site: Site
) -> None:
    page = without_scripts(browser, f"{site.url}/targets")

    def come_back(ledger: Ledger) -> None:
        row = ledger.fleet.targets([GONE])[GONE]
        ledger.fleet.put_targets(
            [msgspec.structs.replace(row, gone=False, workers=("eu-1",), site="eu-west")]
        )

    site.write(come_back)
    send(page, "Forget", GONE)
    sentence = f"worker eu-1 of site eu-west announces target {GONE}: remove it from its file first"
    assert sentence in page.inner_text("[role=alert]")
    page.goto(f"{site.url}/targets")
    assert GONE in page.inner_text("table")
