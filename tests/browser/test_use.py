"""How the page is used in a real browser: on paper, by keyboard, and without scripts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from stt_shared import clock
from tests.support.browser.beside import beside
from tests.support.browser.looking import chromium, looked_at
from tests.support.browser.seed import FIXES, READ_MORE
from tests.support.browser.states import STATES, Site, serving

PAGES = ("/", "/findings", "/targets", "/checks", "/runs", "/accepted", "/settings", "/changes")
FOCUSABLE = "a[href], button, input:not([type=hidden]), select, summary, [tabindex='0']"
# What is shown, in its order, each by a number that it keeps.
CONTROLS = f"""() => [...document.querySelectorAll("{FOCUSABLE}")]
  .filter((one) => one.checkVisibility() && !one.closest("details:not([open]) > :not(summary)"))
  .map((one, place) => (one.dataset.place = String(place)))"""
FOCUSED = """() => {
  const one = document.activeElement, style = getComputedStyle(one);
  return [one.dataset.place ?? "", style.outlineStyle !== "none" && style.outlineWidth !== "0px"];
}"""
# Texts that are not black, and backs that are neither white nor none.
COLOURED = """() => [...document.querySelectorAll("body, body *")].filter((one) => {
  const {color, backgroundColor} = getComputedStyle(one);
  return one.checkVisibility() && !(one instanceof SVGElement) && (color !== "rgb(0, 0, 0)"
    || !["rgb(255, 255, 255)", "rgba(0, 0, 0, 0)"].includes(backgroundColor));
}).map((one) => one.outerHTML.slice(0, 80))"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as one:
        yield one


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with beside(serving(tmp_path_factory.mktemp("use"), STATES["findings"])) as one:
        yield one


def a_day(days: int = 30) -> str:
    return (clock.now() + timedelta(days=days)).date().isoformat()


def counts(page: Page, site: Site) -> tuple[int, int, int, int]:
    reported = page.request.get(f"{site.url}/api/v1/status").json()["summary"]["counts"]
    return tuple(reported[one] for one in ("critical", "major", "trivial", "accepted"))


def every_address(site: Site) -> tuple[str, ...]:
    return (
        *PAGES,
        f"/findings/{site.finding}",
        f"/runs/{site.run}",
        "/checks/mysql_empty_password",
    )


def test_on_paper_everything_is_black_on_white_and_whole(browser: Browser, site: Site) -> None:
    page = browser.new_page(color_scheme="dark")
    for path in every_address(site):
        page.goto(site.url + path)
        page.emulate_media(media="print", color_scheme="dark")
        assert page.evaluate(COLOURED) == [], path
        for hidden in ("nav", "button", "main form:not(.note)"):
            assert not any(one.is_visible() for one in page.locator(hidden).all()), (path, hidden)
        cut = page.evaluate(
            "[...document.querySelectorAll('.scroll, pre')]"
            ".filter((one) => getComputedStyle(one).overflowX !== 'visible').length"
        )
        assert cut == 0, path
    page.goto(f"{site.url}/findings/{site.finding}")
    link = page.locator("main a[href^=http]")
    after = link.evaluate("(one) => getComputedStyle(one, '::after').content")
    assert READ_MORE in link.evaluate("(one) => one.href")
    assert "attr(href)" in after or READ_MORE in after
    assert page.pdf(format="A4").startswith(b"%PDF")
    page.close()


def test_every_control_is_reached_by_keyboard_in_order_and_seen(
    browser: Browser, site: Site
) -> None:
    page = browser.new_page()
    for path in every_address(site):
        page.goto(site.url + path)
        there = page.evaluate(CONTROLS)
        reached: list[str] = []
        for _ in there:
            page.keyboard.press("Tab")
            place, is_seen = page.evaluate(FOCUSED)
            assert is_seen, (path, place)
            reached.append(place)
        # A part that scrolls takes the focus by itself; nothing that can be used is left out.
        assert [place for place in reached if place] == there, path
        if path == "/":
            assert page.locator("[data-place='0']").inner_text() == "Skip to the content"
    page.close()


def test_keys_alone_lead_past_the_navigation_to_a_finding_and_copy_its_fix(
    browser: Browser, site: Site
) -> None:
    context = browser.new_context()
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.goto(f"{site.url}/findings?severity=critical")
    page.keyboard.press("Tab")
    assert page.locator(".skip").is_visible()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.focus("tbody a >> nth=0")
    page.keyboard.press("Enter")
    page.wait_for_url("**/findings/f_*")
    page.focus("button[data-copy]")
    page.keyboard.press("Enter")
    page.wait_for_selector("button:has-text('Copied')")
    assert page.evaluate("navigator.clipboard.readText()") == page.inner_text("#fix")
    page.focus("summary >> nth=0")
    page.keyboard.press("Enter")
    assert page.locator("#until").is_visible()
    context.close()


def test_a_remediation_as_data_is_shown_in_order_and_each_box_copies_its_own_code(
    browser: Browser, site: Site
) -> None:
    context = browser.new_context()
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = context.new_page()
    found = page.request.get(f"{site.url}/api/v1/findings?target=ledger-pg-1").json()["findings"]
    url = f"{site.url}/findings/{found[0]['id']}"
    fix = FIXES["ledger-pg-1"]
    page.goto(url)
    text = page.inner_text("main")
    assert all(one in text for one in (fix.before, fix.effect, fix.persistent))
    heads = [one for one in page.locator("main h3").all_inner_texts() if one != "Actions"]
    assert heads == ["Before", "Fix", "Effect", "Restart", "Persistent", "Undo"]
    assert page.locator("main script, main img").count() == 0
    copied: list[str] = []
    for button in page.locator("button[data-copy]").all():
        button.click()
        page.wait_for_function("(one) => one.textContent === 'Copied'", arg=button.element_handle())
        copied.append(page.evaluate("navigator.clipboard.readText()"))
    assert copied == [
        fix.query,
        "# pg_hba.conf\nlocal all deploy reject",
        "ALTER ROLE deploy NOSUPERUSER;\nSELECT pg_reload_conf();",
        "ALTER ROLE deploy SUPERUSER;",
    ]
    context.close()


def test_without_scripts_from_a_filter_to_a_finding_that_is_accepted_and_taken_back(
    browser: Browser, site: Site
) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    before = counts(page, site)
    page.goto(site.url)
    page.click("nav >> text=Findings")
    page.select_option("#f-severity", "critical")
    page.click("main form button")
    assert "severity=critical" in page.url
    assert page.locator("tbody tr").count() == 2
    page.click("text='report'@'%' has no password")
    assert not page.locator("button[data-copy]").is_visible()
    page.click("summary:has-text('Accept until')")
    page.fill("#until", a_day())
    page.fill("#reason", "proxied users only")
    page.fill("#by", "ann")
    page.click("button:text-is('Accept')")
    assert "Accepted by ann until" in page.inner_text("main")
    assert counts(page, site) == (before[0] - 1, *before[1:3], 1)
    page.click("text=All accepted findings")
    assert "proxied users only" in page.inner_text("tbody")
    page.go_back()
    page.click("text=Revoke")
    assert page.url.endswith(site.finding)
    assert "accepted by ann: “proxied users only”" in page.inner_text("main")
    assert counts(page, site) == before
    context.close()


@pytest.mark.parametrize(
    ("scope", "words", "number"),
    [
        ("target:reports-mysql-1", "mysql_empty_password on reports-mysql-1", 1),
        ("label:team=orders", "mysql_empty_password on team=orders", 2),
        ("site:dmz", "mysql_empty_password at dmz", 1),
    ],
)
def test_a_check_is_accepted_where_a_finding_of_it_is(
    browser: Browser, site: Site, scope: str, words: str, number: int
) -> None:
    page = browser.new_page()
    before = counts(page, site)
    page.goto(f"{site.url}/findings/{site.finding}")
    page.click("summary:has-text('Accept until')")
    page.select_option("#scope", scope)  # and nothing is sent by that alone
    page.fill("#until", a_day())
    page.fill("#reason", "CHG-4412")
    page.fill("#by", "ann")
    page.click("button:text-is('Accept')")
    page.wait_for_selector("text=Accepted by ann until")
    assert counts(page, site) == (before[0] - number, *before[1:3], number)
    page.goto(f"{site.url}/accepted")
    assert words in page.inner_text("tbody")
    page.click("tbody >> text=Revoke")
    page.wait_for_selector("text=0 of 0")
    assert counts(page, site) == before
    page.close()


def test_a_check_counts_as_another_severity_at_a_site_until_that_is_taken_back(
    browser: Browser, site: Site, tmp_path: Path
) -> None:
    page = browser.new_page()
    before = counts(page, site)
    address = f"{site.url}/findings/{site.finding}"
    page.goto(address)
    page.click("summary:has-text('Override the severity')")
    page.select_option("#o-severity", "trivial")
    page.fill("#o-reason", "no data there")
    page.fill("#o-by", "ann")
    page.click("button:text-is('Override')")
    note = "counts as trivial instead of critical (set by ann: “no data there”)"
    page.wait_for_selector(f"text={note}")
    assert counts(page, site) == (before[0] - 1, before[1], before[2] + 1, 0)
    page.goto(f"{site.url}/accepted")
    page.click("summary:has-text('Accept all findings of a check')")
    page.fill("#n-check", "mysql_anonymous_users")
    page.select_option("#n-where", "label")
    page.fill("#n-name", "team=orders")
    page.fill("#n-until", a_day())
    page.fill("#n-reason", "CHG-4413")
    page.fill("#n-by", "bob")
    page.click("button:text-is('Accept')")
    page.wait_for_selector("text=mysql_anonymous_users on team=orders")
    words = ("mysql_empty_password at dmz counts as ● trivial", "mysql_anonymous_users on team=")
    looked_at(browser, f"{site.url}/accepted", "accepted", tmp_path, words)
    page.click("button[aria-label='Revoke: mysql_anonymous_users on team=orders']")
    page.wait_for_selector("text=1 of 1")
    page.goto(address)
    page.click("text=Revoke the override")
    page.wait_for_selector("h1:has-text('critical')")
    assert counts(page, site) == before
    page.close()


def test_a_statement_and_when_it_is_asked_stand_on_lines_of_their_own(
    browser: Browser, site: Site
) -> None:
    page = browser.new_page()
    page.goto(f"{site.url}/checks/mysql_empty_password")
    lines = "\n".join(page.locator("pre").all_inner_texts()).splitlines()
    assert any(line.startswith("-- if mysql >= 8.0") for line in lines)
    assert not any("-- if" in line[1:] for line in lines)
    page.close()


@pytest.mark.parametrize(
    ("check", "days", "sentence"),
    [
        ("mysql_empty_password", 500, "days ahead, the latest is"),
        ("mysql_empty_pasword", 30, "did you mean 'mysql_empty_password'?"),
    ],
)
def test_a_form_that_cannot_be_granted_says_why(
    browser: Browser, site: Site, check: str, days: int, sentence: str
) -> None:
    page = browser.new_page()
    page.goto(f"{site.url}/accepted")
    page.click("summary:has-text('Accept all findings of a check')")
    page.fill("#n-check", check)
    page.select_option("#n-where", "site")
    page.fill("#n-name", "dmz")
    page.fill("#n-until", a_day(days))
    page.fill("#n-reason", "CHG-4414")
    page.fill("#n-by", "bob")
    page.click("button:text-is('Accept')")
    page.wait_for_selector("[role=alert]")
    assert sentence in page.inner_text("[role=alert]")
    page.close()
