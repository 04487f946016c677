"""Every page and state in a real browser, over real databases: axe, widths, themes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from stt_coordinator.local.servers.process import Running, free_port
from stt_shared import clock
from stt_shared.clock import monotonic
from tests.support.browser.looking import chromium, looked_at, seen
from tests.support.checks.real import mysql_state, postgresql_state
from tests.support.processes.commands import STT
from tests.support.processes.prepared import prepared

TIMEOUT_S = 90.0
TARGETS = """
[[targets]]
id = "orders-maria"
family = "mysql"
host = "{maria.host}"
port = {maria.port}
user = "root"
password = "env:PASSWORD_OF_DATABASES"
tls = "off"

[[targets]]
id = "billing-pg"
family = "postgresql"
host = "{pg.host}"
port = {pg.port}
user = "postgres"
password = "env:PASSWORD_OF_DATABASES"
tls = "off"

[[targets]]
id = "ledger-pg"
family = "postgresql"
host = "127.0.0.1"
port = {nobody}
user = "stt"
password = "env:PASSWORD_OF_DATABASES"
tls = "off"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A coordinator with its page, and where pictures of it are kept."""

    url: str
    environ: dict[str, str]
    pictures: Path

    def ask(self, path: str) -> Any:
        with urllib.request.urlopen(self.url + path, timeout=30) as answer:  # noqa: S310  # ours
            return json.load(answer)

    def stt(self, *words: str) -> subprocess.CompletedProcess[str]:
        return prepared().run(words, self.environ)


@pytest.fixture(scope="module")
def site(
    mariadb: Running, postgresql: Running, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """Two databases with something wrong in them, and one that does not answer."""
    folder = tmp_path_factory.mktemp("page")
    targets = TARGETS.format(maria=mariadb, pg=postgresql, nobody=free_port())
    (folder / "targets.toml").write_text(targets)
    port, web = free_port(), free_port()
    environ = {name: value for name, value in os.environ.items() if not name.startswith("STT_")}
    environ |= {
        "PASSWORD_OF_DATABASES": postgresql.password,
        "STT_WORKER_NAME": "eu-1",
        "STT_NATS_URL": f"nats://127.0.0.1:{port}",
        "STT_WEB_LISTEN": f"127.0.0.1:{web}",
        "XDG_CONFIG_HOME": str(folder),
    }
    words = ["standalone", "--targets", str(folder / "targets.toml"), "--state-dir", str(folder)]
    with (folder / "stderr").open("wb") as err:
        process = subprocess.Popen([STT, *words, "--port", str(port)], env=environ, stderr=err)
    bad = ["CREATE USER 'report'@'%'", "CREATE USER ''@'anon.example'"]
    undo = ["DROP USER 'report'@'%'", "DROP USER ''@'anon.example'"]
    try:
        with (
            mysql_state(mariadb, bad, undo),
            postgresql_state(postgresql, ["CREATE ROLE page LOGIN SUPERUSER"], ["DROP ROLE page"]),
        ):
            wait_for(folder / "stderr", "Ready on nats://")
            yield Site(url=f"http://127.0.0.1:{web}", environ=environ, pictures=folder)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)


def wait_for(path: Path, text: str) -> None:
    deadline = monotonic() + TIMEOUT_S
    while text not in path.read_text():
        assert monotonic() < deadline, path.read_text()[-3000:]
        time.sleep(0.1)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as one:
        yield one


def test_before_it_is_enabled_the_page_says_so_and_a_form_enables_it(
    browser: Browser, site: Site
) -> None:
    looked_at(browser, site.url + "/runs", "runs-none", site.pictures)
    looked_at(browser, site.url + "/settings", "settings-never", site.pictures)
    page = browser.new_page()
    page.goto(site.url)
    assert "Checks have never been enabled" in page.inner_text("main")
    page.click("text=Enable >> nth=0")
    page.fill("#reason", "CHG-4411")
    page.fill("#by", "ann")
    page.click("main form button")
    page.wait_for_url("**/runs/enable-*")
    page.wait_for_selector("text=finished", timeout=TIMEOUT_S * 1000)
    state = site.ask("/api/v1/status")["state"]
    assert (state["enabled"], state["by"], state["reason"]) == (True, "ann", "CHG-4411")
    page.close()


def test_every_page_is_accessible_in_both_themes_and_widths(browser: Browser, site: Site) -> None:
    finding = site.ask("/api/v1/findings?check=mysql_empty_password")["findings"][0]["id"]
    run = site.ask("/api/v1/runs")["runs"][0]["run_id"]
    pages = {
        "/": "home",
        "/findings": "findings",
        "/findings?group=check": "findings-by-check",
        "/findings?check=nope": "findings-unknown",
        f"/findings/{finding}": "finding",
        "/targets": "targets",
        "/targets?state=unchecked": "targets-unchecked",
        "/checks": "checks",
        "/checks/mysql_empty_password": "check",
        "/runs": "runs",
        f"/runs/{run}": "run",
        "/settings": "settings",
        "/panel": "panel",
    }
    for path, name in pages.items():
        looked_at(browser, site.url + path, name, site.pictures)


def test_missing_pages_and_expired_forms_have_a_message(browser: Browser, site: Site) -> None:
    page = browser.new_page()
    page.goto(site.url + "/nope")
    assert "this page does not exist" in seen(page, "not-found", site.pictures)
    page.goto(site.url + "/settings")
    page.context.clear_cookies()  # as after the coordinator began anew
    page.fill("#reason", "CHG-4412")
    page.fill("#by", "ann")
    page.click("main form button")
    page.wait_for_selector("text=This form has expired")
    seen(page, "stale-form", site.pictures)
    assert site.ask("/api/v1/status")["state"]["enabled"]
    page.close()


def text_of(page: Page, path: str, site: Site) -> str:
    page.goto(site.url + path)
    return page.inner_text("main")


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_from_a_number_to_the_fix_by_links_alone(
    browser: Browser, site: Site, scripts: bool
) -> None:
    context = browser.new_context(java_script_enabled=scripts)
    page = context.new_page()
    assert "2 of 3 databases checked" in text_of(page, "/", site)
    page.click("ul.numbers a.critical")
    assert "'report'@'%' has no password" in page.inner_text("main")
    page.click("text='report'@'%' has no password")
    shown = page.inner_text("main")
    assert "ALTER USER 'report'@'%' ACCOUNT LOCK" in shown
    assert "opened" in shown
    page.click("text=Check again now")
    page.wait_for_url("**/runs/manual-*")
    context.close()


def test_a_finding_is_accepted_until_a_day_and_taken_back(browser: Browser, site: Site) -> None:
    finding = site.ask("/api/v1/findings?check=mysql_anonymous_users")["findings"][0]["id"]
    before = site.ask("/api/v1/status")["summary"]["counts"]["critical"]
    page = browser.new_page()
    page.goto(f"{site.url}/findings/{finding}")
    page.click("text=Accept until")
    page.fill("#until", (clock.now() + timedelta(days=30)).date().isoformat())
    page.fill("#reason", "proxied users only")
    page.fill("#by", "ann")
    page.click("details form button")
    page.wait_for_selector("text=Accepted by ann until")
    counts = site.ask("/api/v1/status")["summary"]["counts"]
    assert (counts["critical"], counts["accepted"]) == (before - 1, 1)
    looked_at(browser, f"{site.url}/findings/{finding}", "finding-accepted", site.pictures)
    page.goto(f"{site.url}/accepted")
    assert "proxied users only" in page.inner_text("main")
    page.click("button:text-is('Revoke')")
    page.wait_for_selector("text=0 of 0")
    assert site.ask("/api/v1/status")["summary"]["counts"]["critical"] == before
    page.close()


def test_filters_stand_in_the_address_and_narrow_the_list(browser: Browser, site: Site) -> None:
    page = browser.new_page()
    page.goto(f"{site.url}/findings")
    page.select_option("#f-family", "postgresql")
    page.wait_for_url("**family=postgresql**")
    rows = page.locator("tbody tr")
    assert rows.count() > 0
    assert "orders-maria" not in page.inner_text("table")
    assert "No target is at site 'mars'" in text_of(page, "/findings?site=mars", site)
    page.close()


def test_a_target_that_does_not_answer_says_why(browser: Browser, site: Site) -> None:
    page = browser.new_page()
    assert "unreachable" in text_of(page, "/targets?state=unchecked", site)
    page.close()


def test_a_check_is_switched_off_and_on_again(browser: Browser, site: Site) -> None:
    page = browser.new_page()
    page.goto(f"{site.url}/checks/postgresql_version")
    switched(page, "Disable", "CHG-4420", "text=Disabled: ")
    assert "postgresql_version" in site.ask("/api/v1/status")["state"]["disabled_checks"]
    switched(page, "Enable", "CHG-4421", "text=Enabled for")
    entries = site.ask("/api/v1/audit")["entries"][:2]
    assert [(one["by"], one["reason"]) for one in entries] == [
        ("ann", "CHG-4421"),
        ("ann", "CHG-4420"),
    ]
    page.close()


def switched(page: Page, button: str, reason: str, then: str) -> None:
    page.click(f"summary[aria-label='{button} postgresql_version']")
    page.fill("#c-reason", reason)
    page.fill("#c-by", "ann")
    page.click(f"main button:text-is('{button}')")
    page.wait_for_selector(then)


def test_when_disabled_the_numbers_are_those_of_before_and_say_so(
    browser: Browser, site: Site
) -> None:
    assert site.stt("disable", "--reason", "maintenance").returncode == 0
    page = browser.new_page()
    assert "maintenance" in text_of(page, "/", site)
    page.close()
    found = site.ask("/api/v1/findings?check=mysql_empty_password")["findings"][0]["id"]
    words = ("enable them to check again",)
    looked_at(browser, f"{site.url}/findings/{found}", "finding-off", site.pictures, words)
    site.stt("enable", "--reason", "done")
