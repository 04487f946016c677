"""The report as one HTML file in a real browser: axe, widths, themes, print, nothing fetched."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from stt_coordinator.local.servers.process import Running, free_port
from stt_shared.report.formats.names import ReportFormat
from stt_shared.report.formats.render import render
from tests.support.processes.prepared import prepared
from tests.support.shared import report_cases as cases

WIDTHS = (1200, 360)
THEMES = ("light", "dark")
NAMES = ("scan", "ordinary", "hostile", "clean")


@pytest.fixture(scope="module")
def folder(mariadb: Running, postgresql: Running, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of each kind of report, one of them of real servers, and where pictures go."""
    found = tmp_path_factory.mktemp("report")
    for case in (cases.ordinary, cases.hostile, cases.clean):
        text = render(cases.context(case()), ReportFormat.HTML)
        (found / f"{case.__name__}.html").write_text(text)
    urls = [url(mariadb, "mysql", ""), url(postgresql, "postgresql", "postgres")]
    nobody = f"postgresql://stt@127.0.0.1:{free_port()}/postgres"
    words = ["scan", *urls, nobody, "--export", str(found / "scan.html")]
    done = prepared().run(words, os.environ)
    assert done.returncode in (1, 3), done.stderr
    return found


def url(server: Running, scheme: str, base: str) -> str:
    login = f"{quote(server.user, safe='')}:{quote(server.password, safe='')}"
    return f"{scheme}://{login}@{server.host}:{server.port}/{base}"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as driver:
        one = driver.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
        )
        yield one
        one.close()


def opened(browser: Browser, file: Path, theme: str, width: int) -> tuple[Page, list[str]]:
    """The page, and what it asked for or complained of."""
    page = browser.new_page(
        viewport={"width": width, "height": 900},
        color_scheme="dark" if theme == "dark" else "light",
        bypass_csp=True,  # for the script of axe alone
    )
    wrong: list[str] = []
    page.on("console", lambda message: wrong.append(message.text))
    page.on("request", lambda asked: wrong.append(asked.url))
    page.goto(file.as_uri())
    wrong.remove(file.as_uri())
    return page, wrong


@pytest.mark.parametrize("name", NAMES)
def test_the_page_is_accessible_in_both_themes_and_widths_and_fetches_nothing(
    browser: Browser, folder: Path, name: str
) -> None:
    pictures = Path(os.environ.get("STT_PICTURES", folder / "pictures"))
    pictures.mkdir(parents=True, exist_ok=True)
    for theme in THEMES:
        for width in WIDTHS:
            page, wrong = opened(browser, folder / f"{name}.html", theme, width)
            found = Axe().run(page)
            assert found.violations_count == 0, (name, found.generate_report())
            assert page.evaluate("document.documentElement.scrollWidth") <= width, name
            assert wrong == [], name
            page.screenshot(path=pictures / f"report-{name}-{theme}-{width}.png", full_page=True)
            page.close()


def test_values_of_a_database_stay_text(browser: Browser, folder: Path) -> None:
    page, _ = opened(browser, folder / "hostile.html", "light", 1200)
    assert page.locator("script, img, main form, iframe").count() == 0
    shown = page.inner_text("main")
    assert [text for text in cases.HOSTILE[:7] if text not in shown] == []
    page.close()


def test_a_link_leads_to_the_findings_of_its_check(browser: Browser, folder: Path) -> None:
    page, _ = opened(browser, folder / "ordinary.html", "light", 1200)
    page.click("text=Accounts without a password >> nth=0")
    assert page.url.endswith("#check-mysql_empty_password")
    assert "ALTER USER 'report'@'%'" in page.inner_text("main")
    page.close()


def test_it_prints_on_white_with_every_table_whole(browser: Browser, folder: Path) -> None:
    page, _ = opened(browser, folder / "ordinary.html", "dark", 1200)
    page.emulate_media(media="print")
    back = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert back == "rgb(255, 255, 255)"
    assert page.evaluate("getComputedStyle(document.querySelector('.scroll')).overflowX") == (
        "visible"
    )
    assert Axe().run(page).violations_count == 0
    assert page.pdf().startswith(b"%PDF")
    page.close()
