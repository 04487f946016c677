"""Logging in with a real browser: without scripts, in both themes and widths, for every role."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from stt_coordinator.local.servers.process import free_port
from stt_coordinator.web.serve import Front
from stt_shared.protocol.enums import Role
from tests.support.browser.looking import chromium, seen
from tests.support.coordinator.api_site import Seen, site
from tests.support.coordinator.visitors import login_with, tokens_in


class Place:
    """A page that takes log-ins, what it holds, and the tokens of its visitors."""

    def __init__(self, url: str, seen: Seen, tokens: dict[str, str], pictures: Path) -> None:
        self.url, self.seen, self.tokens, self.pictures = url, seen, tokens, pictures


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("login-page")
    tokens = tokens_in(folder / "tokens", ann=Role.ADMIN, olga=Role.OPERATOR, vic=Role.VIEWER)
    port = free_port()
    front = Front(listen=f"127.0.0.1:{port}", login=login_with(folder / "tokens"))
    with site(front, folder / "store") as seen:
        yield Place(f"http://127.0.0.1:{port}", seen, tokens, folder)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as one:
        yield one


def log_in(page: Page, place: Place, name: str) -> None:
    page.fill("#token", place.tokens.get(name, name))
    page.click("main form button")


def test_every_page_of_logging_in_is_accessible(browser: Browser, place: Place) -> None:
    page = browser.new_page()
    page.goto(place.url + "/login")
    seen(page, "login", place.pictures)
    page.goto(place.url + "/settings")
    seen(page, "login-asked", place.pictures)
    log_in(page, place, "ann")
    page.wait_for_selector("text=Audit log")
    seen(page, "settings-ann", place.pictures)
    page.close()


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_from_any_page_through_the_log_in_back_to_it_and_out(
    browser: Browser, place: Place, scripts: bool
) -> None:
    context = browser.new_context(java_script_enabled=scripts)
    page = context.new_page()
    finding = f"{place.url}/findings/{place.seen.finding}"
    answer = page.goto(finding)
    assert answer is not None
    assert answer.status == 401
    assert "Run now" not in page.inner_text("body")
    page.keyboard.press("Tab")  # the keyboard is enough
    page.focus("#token")
    page.keyboard.type(place.tokens["olga"])
    page.keyboard.press("Enter")
    page.wait_for_selector("header >> text=olga (operator)")
    assert page.url == finding
    page.click("text=Log out")
    page.wait_for_url("**/login")
    again = page.goto(finding)
    assert again is not None
    assert again.status == 401
    context.close()


def test_a_wrong_token_is_reported_beside_the_field(browser: Browser, place: Place) -> None:
    page = browser.new_page()
    page.goto(place.url + "/login")
    log_in(page, place, "nobody's")
    assert "Unknown token." in page.inner_text("[role=alert]")
    assert page.get_attribute("#token", "aria-describedby") == "wrong"
    seen(page, "login-wrong", place.pictures)
    page.close()


def test_each_role_sees_only_the_buttons_that_it_may_use(browser: Browser, place: Place) -> None:
    finding = f"/findings/{place.seen.finding}"
    may = {
        "vic": {
            "Run now": False,
            "Check again now": False,
            "Accept": False,
            "Disable": False,
            "Override": False,
        },
        "olga": {
            "Run now": True,
            "Check again now": True,
            "Accept": True,
            "Disable": False,
            "Override": False,
        },
        "ann": {
            "Run now": True,
            "Check again now": True,
            "Accept": True,
            "Disable": True,
            "Override": True,
        },
    }
    for name, buttons in may.items():
        context = browser.new_context()
        page = context.new_page()
        page.goto(place.url + "/login")
        log_in(page, place, name)
        page.wait_for_selector(f"text={name} (")
        shown = ""
        for path in (finding, "/settings"):
            page.goto(place.url + path)
            shown += " ".join(page.locator("button").all_text_contents()) + " "
        for button, is_there in buttons.items():
            assert (button in shown) is is_there, (name, button, shown)
        context.close()
